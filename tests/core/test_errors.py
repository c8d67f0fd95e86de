"""The tree of errors is as drawn, and an error after the commit keeps the response wherever it goes."""

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from diator import errors
from diator.errors import ConfigurationError, DiatorError, EventHandlingError


def drawn_tree() -> dict[str, tuple[str, set[str]]]:
    """For each name in the docstring its parent, and the builtins that it names."""
    assert errors.__doc__ is not None
    path: list[str] = []
    tree: dict[str, tuple[str, set[str]]] = {}
    for line in errors.__doc__.splitlines():
        found = re.match(r"^    ((?:│   |    )*)(?:[├└]── )?(\w+)\s*(?:\((\w+)\))?", line)
        if found is None or not hasattr(errors, found[2]):
            continue
        depth = len(found[1]) // 4 + ("── " in line)
        path[depth:] = [found[2]]
        tree[found[2]] = (path[-2] if depth else "Exception", {found[3]} if found[3] else set())
    return tree


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {
        name: (
            next((base.__name__ for base in cls.__bases__ if issubclass(base, DiatorError)), "Exception"),
            {base.__name__ for base in cls.__bases__ if not issubclass(base, DiatorError)} - {"Exception"},
        )
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, DiatorError)
    }
    assert drawn_tree() == real
    assert set(real) == set(errors.__all__)
    assert list(errors.__all__) == sorted(errors.__all__)


def test_every_error_says_what_it_means() -> None:
    for name in errors.__all__:
        assert inspect.getdoc(getattr(errors, name)), name


def test_all_errors_are_caught_by_their_root() -> None:
    for name in errors.__all__:
        cls = getattr(errors, name)
        error = cls("text", [KeyError()]) if issubclass(cls, ExceptionGroup) else cls("text")
        with pytest.raises(DiatorError):
            raise error


@pytest.fixture
def error() -> EventHandlingError:
    return EventHandlingError(
        "failed", [KeyError("a"), ValueError("b"), ExceptionGroup("c", [KeyError("d")])], {"x": 1}
    )


def test_an_event_handling_error_carries_the_response(error: EventHandlingError) -> None:
    assert error.response == {"x": 1}
    assert [type(e) for e in error.exceptions] == [KeyError, ValueError, ExceptionGroup]
    assert str(error) == "failed (3 sub-exceptions)"
    assert EventHandlingError("failed", [KeyError()]).response is None


def test_split_subgroup_and_derive_keep_the_response(error: EventHandlingError) -> None:
    match, rest = error.split(KeyError)
    parts = [match, rest, error.subgroup(ValueError), error.derive([KeyError()]), error.subgroup(lambda e: True)]
    for part in parts:
        assert isinstance(part, EventHandlingError)
        assert part.response == {"x": 1}
        assert part.message == "failed"
    assert error.subgroup(OSError) is None


def test_except_star_keeps_the_response(error: EventHandlingError) -> None:
    seen: list[Any] = []
    with pytest.raises(EventHandlingError) as caught:
        try:
            raise error
        except* KeyError as group:
            seen.append(group.response)
    assert seen == [{"x": 1}]
    assert caught.value.response == {"x": 1}
    assert [type(e) for e in caught.value.exceptions] == [ValueError]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_keep_the_response(error: EventHandlingError, protocol: int) -> None:
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert type(twin) is EventHandlingError
    assert (twin.message, twin.response) == ("failed", {"x": 1})
    assert [repr(e) for e in twin.exceptions] == [repr(e) for e in error.exceptions]


def test_copies_keep_the_response(error: EventHandlingError) -> None:
    assert copy.copy(error).response == {"x": 1}


def test_copies_and_pickles_keep_notes(error: EventHandlingError) -> None:
    error.add_note("while testing")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert twin.__notes__ == ["while testing"]


def test_an_event_handling_error_needs_errors() -> None:
    with pytest.raises(ValueError, match="non-empty"):
        EventHandlingError("failed", [])


def test_a_configuration_error_is_a_group() -> None:
    error = ConfigurationError("wrong", [KeyError("a"), ValueError("b")])
    match, rest = error.split(KeyError)
    assert isinstance(match, ConfigurationError)
    assert isinstance(rest, ConfigurationError)
    assert pickle.loads(pickle.dumps(error)).message == "wrong"
