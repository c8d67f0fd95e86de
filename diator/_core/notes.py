"""Notes in errors about what failed after them. Nothing here raises."""

from collections.abc import Iterator
from contextlib import suppress
from typing import cast

__all__ = ("note_failure",)


def note_failure(error: BaseException, doing: str, failure: BaseException) -> None:
    """Say in an error what failed afterwards, as that is not raised.

    Args:
        error: What is being raised.
        doing: What was being done.
        failure: What that raised; members of groups, and what it was raised after, get notes of their own.
    """
    for each in _all_of(failure, {id(error)}):
        with suppress(Exception):  # an exception may be immutable
            error.add_note(f"{doing} then raised {type(each).__qualname__}: {each}")


def _all_of(failure: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(failure) in seen:
        return
    seen.add(id(failure))
    if failure.__context__ is not None and not failure.__suppress_context__:
        yield from _all_of(failure.__context__, seen)
    if isinstance(failure, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", failure).exceptions:
            yield from _all_of(each, seen)
    else:
        yield failure
