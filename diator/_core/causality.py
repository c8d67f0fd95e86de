"""What led to what: the ids that go out with every message, and come back into the context of its handlers.

What may live here: context variables, and their way into and out of headers. OpenTelemetry is used where the
application has imported it, and never imported here.
"""

import re
import sys
from contextvars import ContextVar
from typing import Any

from .wire import Message

__all__ = ("causation_id", "correlation_id", "current_traceparent", "enter", "traceparent")

#: Shared by all messages that one cause outside led to. An application may set it, for example for each HTTP request.
correlation_id: ContextVar[str | None] = ContextVar("diator_correlation_id", default=None)
#: The id of the message that is being handled.
causation_id: ContextVar[str | None] = ContextVar("diator_causation_id", default=None)
#: The trace of the message that is being handled, as it came.
traceparent: ContextVar[str | None] = ContextVar("diator_traceparent", default=None)

#: Version 00 of W3C Trace Context; an id of zeros only is no id.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)


def enter(message: Message) -> None:
    """Make the current context that of a received message. Nothing leaves it again: run its handlers in a copy."""
    message_id = str(message.message_id)
    correlation_id.set(message.correlation_id or message_id)
    causation_id.set(message_id)
    traceparent.set(message.traceparent)
    found = _TRACEPARENT.fullmatch(message.traceparent or "")
    trace: Any = sys.modules.get("opentelemetry.trace")
    if found and trace is not None:
        span = trace.SpanContext(int(found[1], 16), int(found[2], 16), True, trace.TraceFlags(int(found[3], 16)))
        context: Any = sys.modules["opentelemetry.context"]
        context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span)))


def current_traceparent() -> str | None:
    """The trace that a message sent now belongs to: that of OpenTelemetry's current span, or of the message in hand."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is not None:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    return traceparent.get()
