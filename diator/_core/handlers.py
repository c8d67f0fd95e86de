"""The base classes of handlers.

What may live here: classes to derive from. What a handler wants is found out in `inspection`.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .messages import Event, Request

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    Req_contra = TypeVarWithDefault("Req_contra", bound=Request[Any], contravariant=True, default=Any)
    Res_co = TypeVarWithDefault("Res_co", covariant=True, default=Any)
    Ev_contra = TypeVarWithDefault("Ev_contra", bound=Event, contravariant=True, default=Any)
else:
    Req_contra = TypeVar("Req_contra", contravariant=True)
    Res_co = TypeVar("Res_co", covariant=True)
    Ev_contra = TypeVar("Ev_contra", contravariant=True)

__all__ = ("CommandHandler", "EventHandler", "QueryHandler", "RequestHandler")


class RequestHandler(Generic[Req_contra, Res_co]):
    """Handles one type of request. ``handle`` may be ``def`` or ``async def``.

    If its second parameter is annotated `Events`, it receives the buffer to record events into. A handler with
    an ``events`` list of its own, as diator 0.1.2 had it, keeps working.
    """

    def handle(self, request: Req_contra, /, *args: Any, **kwargs: Any) -> Res_co | Awaitable[Res_co]:
        raise NotImplementedError(f"{type(self).__qualname__} does not define handle(self, request)")


class CommandHandler(RequestHandler[Req_contra, Res_co]):
    """Handles a command."""


class QueryHandler(RequestHandler[Req_contra, Res_co]):
    """Handles a query."""


class EventHandler(Generic[Ev_contra]):
    """Handles events of one type and its subclasses. ``handle`` may be ``def`` or ``async def``."""

    def handle(self, event: Ev_contra, /, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
        raise NotImplementedError(f"{type(self).__qualname__} does not define handle(self, event)")
