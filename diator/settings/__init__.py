"""Settings from the environment, env files and secret files, and the broker that they name.

Nothing is read before `DiatorSettings` is called. The variables are listed in docs/settings.md.
"""

from .brokers import ENTRY_POINT_GROUP, Side, broker_from_settings
from .models import BrokerSettings, DiatorSettings, LoggingSettings, OutboxSettings, WorkerSettings

__all__ = (
    "ENTRY_POINT_GROUP",
    "BrokerSettings",
    "DiatorSettings",
    "LoggingSettings",
    "OutboxSettings",
    "Side",
    "WorkerSettings",
    "broker_from_settings",
)
