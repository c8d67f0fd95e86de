"""Carries context variables between two contexts of one flow of control, which takes turns in two threads."""

from contextvars import Context, ContextVar, Token, copy_context
from typing import Any, TypeAlias

__all__ = ("TwinContext", "repeat_changes")

_Tokens: TypeAlias = dict[ContextVar[Any], Token[Any]]


class TwinContext:
    """A second context for a task, to run code of it elsewhere: each of the two follows the other.

    There is one for all such code of the task, so that a token which that code got can also be used by it.

    Args:
        start: An earlier state of the task's context.
    """

    def __init__(self, start: Context) -> None:
        self._context = start.copy()
        self._seen = self._before = start
        self._tokens: _Tokens = {}

    def enter(self) -> Context:
        """Return the context, with what the task has changed since `leave`."""
        self._context.run(repeat_changes, self._seen, copy_context(), self._tokens)
        self._before = self._context.copy()
        return self._context

    def leave(self) -> None:
        """Bring to the task what has changed since `enter`."""
        repeat_changes(self._before, self._context, self._tokens)
        self._seen = copy_context()


def repeat_changes(before: Context, after: Context, tokens: _Tokens) -> None:
    """Repeat in the current context what turned `before` into `after`.

    Args:
        tokens: Keeps what is needed to repeat later that a variable was reset to having no value.
    """
    for var, value in after.items():
        if before.get(var, before) is not value:
            tokens.setdefault(var, var.set(value))
    for var in before:
        if var not in after and var in tokens:
            var.reset(tokens.pop(var))
