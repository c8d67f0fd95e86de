"""Deliveries from a message broker, and the verdicts about them."""

from ._core.delivery import Ack, Capability, DeadLetter, DeadMessage, Delivery, Retry, RetryPolicy, Verdict

__all__ = ("Ack", "Capability", "DeadLetter", "DeadMessage", "Delivery", "Retry", "RetryPolicy", "Verdict")
