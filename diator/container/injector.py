"""The adapter to injector."""

from ..aio.container.injector import DispatchScope, InjectorContainer, InjectorScope, dispatch_scope

__all__ = ("DispatchScope", "InjectorContainer", "InjectorScope", "dispatch_scope")
