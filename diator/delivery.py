"""Deliveries from a message broker, and the verdicts about them."""

from ._core.delivery import Ack, DeadLetter, Delivery, Retry, RetryPolicy, Verdict

__all__ = ("Ack", "DeadLetter", "Delivery", "Retry", "RetryPolicy", "Verdict")
