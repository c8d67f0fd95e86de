"""What the current code is caused by. Messages that are sent carry it on, and a worker sets it for their handlers."""

from ._core.causality import causation_id, correlation_id

__all__ = ("causation_id", "correlation_id")
