"""The message broker over Azure Service Bus; see `diator.aio.message_brokers.azure`."""

from ..aio.message_brokers.azure import AzureMessageBroker

__all__ = ("AzureMessageBroker",)
