"""The message broker over Azure Service Bus; see `diator.aio.message_brokers.azure`."""

from ..aio.message_brokers.azure import AzureMessageBroker, AzureServiceBusMessageBroker

__all__ = ("AzureMessageBroker", "AzureServiceBusMessageBroker")
