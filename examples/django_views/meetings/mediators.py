"""Two mediators over the same handlers: one to call, one to await."""

from diator import aio, sync
from diator.contrib.django import DjangoRunner

from .handlers import events, requests

blocking = sync.Mediator(requests, event_map=events, runner=DjangoRunner())
awaiting = aio.Mediator(requests, event_map=events)
