"""The settings of the Django example, for a database that the tests choose, and with views of the tests' own."""

import json
import os

from project.settings import *  # noqa: F403

DEBUG = False
DATABASES = {"default": json.loads(os.environ["TEST_DATABASE"])}
ROOT_URLCONF = "tests.examples.django_urls"
