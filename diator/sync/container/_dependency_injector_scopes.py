# Generated from diator/aio/container/_dependency_injector_scopes.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The scope of one dispatch for the adapter to dependency-injector."""

from typing import Any, TypeAlias

from ..scopes import OpenScope
from ._dependency_injector_plans import Finder, Local

__all__ = ("DependencyInjectorScope",)

#: A provider, what it holds in the scope, what it held before, and the same for those that made theirs earlier: a dict
#: for each dispatch would be felt.
Held: TypeAlias = tuple[Local, Any, Any, "Held | None"]


class DependencyInjectorScope(OpenScope):
    """The scope of one dispatch: what its context-local providers hold.

    They hold it in context variables. From the first time that something here calls such a provider until the scope is
    closed, these hold what belongs to the scope; what was there before, as in a send within a send, is not used, and is
    there again afterwards.
    """

    __slots__ = ("_finder", "_held")

    # set by `scope` of the container: a call of `__init__` for each dispatch would be felt
    _finder: Finder
    _held: Held | None

    def resolve(self, type_: Any) -> Any:
        """Give the object for a type."""
        shortcut = self._finder.shortcuts.get(type_)
        if shortcut is None or self._held is not None:
            return self._resolve(type_)
        # what follows is `_resolve` for one provider, the first of the scope: its loops and calls would be felt
        local, get, nothing, make, overriding = shortcut
        for provider, overrider in overriding:
            if provider.last_overriding is not overrider:
                return self._resolve(type_)
        current = get()
        if current is not nothing:
            self._take(local, current)
        try:
            return make()
        finally:
            value = get()
            if value is not nothing:
                if self._held is None:
                    self._held = (local, value, nothing, None)
                else:
                    self._hold(local, value)

    def _resolve(self, type_: Any) -> Any:
        plan = self._finder.plan(type_)
        for local, get, nothing in plan.locals:
            current = get()
            if current is not nothing or self._held is not None:
                self._take(local, current)
        try:
            return plan.provider()
        finally:
            are_new = self._held is None  # not if a provider has sent something in this scope
            for local, get, nothing in plan.locals:
                value = get()
                if value is not nothing:
                    if are_new:
                        self._held = (local, value, nothing, self._held)
                    else:
                        self._hold(local, value)

    def _take(self, local: Local, current: Any) -> None:
        """Let a provider hold what it holds in this scope, instead of what it holds now."""
        held = _find(local, self._held)
        if held is None:
            if current is local.nothing:
                return
            held = self._held = (local, local.nothing, current, self._held)
        if held[1] is not current:
            local.set(held[1])

    def _hold(self, local: Local, value: Any) -> None:
        """Note what a provider has made."""
        known, held = self._held, _find(local, self._held)
        if known is None or held is None:
            self._held = (local, value, local.nothing, known)
        elif held[1] is not value:
            self._held = (local, value, held[2], _without(local, known))

    def close(self, error: BaseException | None) -> Any:
        """Shut down what the providers hold, the last one first."""
        while self._held is not None:
            local, value, before, self._held = self._held
            get, shut_down = local.get, local.shut_down
            try:
                if get() is not value:
                    local.set(value)
                shut_down()
            except BaseException as failure:
                self.close(failure)  # the others all the same
                raise
            finally:
                if get() is not before:
                    local.set(before)
        return None


def _find(local: Local, held: Held | None) -> Held | None:
    """Where a provider is among those that hold something; None if it is not."""
    while held is not None and held[0] is not local:
        held = held[3]
    return held


def _without(local: Local, held: Held) -> Held | None:
    """Those that hold something but for one of them."""
    first, value, before, others = held
    if first is local or others is None:
        return others
    return first, value, before, _without(local, others)
