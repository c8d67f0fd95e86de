"""Deliveries from a message broker, the verdicts about them, and what handlers raise to have a say in these."""

from ._core.delivery import Ack, Capability, DeadLetter, DeadMessage, Delivery, Retry, RetryPolicy, Verdict
from .errors import Reject, RetryLater

__all__ = (
    "Ack",
    "Capability",
    "DeadLetter",
    "DeadMessage",
    "Delivery",
    "Reject",
    "Retry",
    "RetryLater",
    "RetryPolicy",
    "Verdict",
)
