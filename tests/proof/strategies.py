"""Drawing programs with Hypothesis."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from .programs import (
    Broker,
    Fail,
    Form,
    Habit,
    Handler,
    Kind,
    Life,
    Message,
    Middleware,
    Pause,
    Program,
    Scope,
    Step,
    Takes,
    Use,
)

__all__ = ("programs", "shared_list_programs")

SIZE = 5


def _weighted(*choices: tuple[int, Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([choice for weight, choice in choices for _ in range(weight)])


_kinds = _weighted((6, Kind.DOMAIN), (4, Kind.COMMAND), (3, Kind.NOTIFICATION), (1, Kind.ECST), (1, Kind.PLAIN))
_lives = st.sampled_from(Life)
_takes = _weighted((4, Takes.BUFFER), (1, Takes.OWN_LIST))
_middlewares = st.lists(
    st.builds(
        Middleware,
        form=_weighted((5, Form.GENERATOR), (4, Form.ASYNC), (1, Form.PLAIN)),
        habit=_weighted((4, Habit.PASS), *((1, habit) for habit in Habit)),
    ),
    max_size=3,
).map(tuple)
_scopes = _weighted((1, Scope.NO_CONTAINER), (2, Scope.NO_SCOPES), (6, Scope.SCOPED), (1, Scope.FAILS_TO_CLOSE))


def _brokers(events: Sequence[int]) -> st.SearchStrategy[Broker | None]:
    refused = st.frozensets(st.sampled_from(events), max_size=1) if events else st.just(frozenset())
    return st.none() | st.builds(Broker, batches=st.booleans(), refuses=refused)


@st.composite
def _messages(draw: st.DrawFn, kinds: st.SearchStrategy[Kind]) -> tuple[Message, ...]:
    """A command, and more messages."""
    later: list[Message] = []
    events: list[int] = []
    for number in range(SIZE - 1, 0, -1):
        message = Message(draw(kinds))
        if message.kind is not Kind.COMMAND:
            base = draw(st.sampled_from([None, None, *events]))
            if base is not None:
                message = Message(later[base - number - 1].kind, base)
            events.append(number)
        later.insert(0, message)
    return Message(Kind.COMMAND), *later


@st.composite
def _handlers(draw: st.DrawFn, messages: Sequence[Message], bound: tuple[int, ...], own_objects: bool) -> Handler:
    """A handler of these messages, which uses later ones."""
    steps = draw(_steps(messages, max(bound)))
    takes = draw(_takes)
    life = draw(_lives)
    is_command = messages[bound[0]].kind is Kind.COMMAND
    if not (is_command and life is Life.CLASS):  # only they have a list each
        takes = Takes.BUFFER
    if own_objects and is_command:
        takes, life = Takes.OWN_LIST, Life.OBJECT
    elif not any(isinstance(step, Use) and messages[step.message].kind is not Kind.COMMAND for step in steps):
        takes = Takes.NOTHING
    return Handler(bound, steps, draw(st.booleans()), life, takes)


def _steps(messages: Sequence[Message], after: int) -> st.SearchStrategy[tuple[Step, ...]]:
    later = range(after + 1, len(messages))
    uses: list[Step] = [Use(m) for m in later]
    caught: list[Step] = [Use(m, caught=True) for m in later if messages[m].kind is Kind.COMMAND]
    return st.lists(st.sampled_from([*uses, *uses, *uses, *caught, Pause(), Pause(), Fail()]), max_size=4).map(tuple)


@st.composite
def programs(
    draw: st.DrawFn,
    kinds: st.SearchStrategy[Kind] = _kinds,
    middlewares: st.SearchStrategy[tuple[Middleware, ...]] = _middlewares,
    own_objects: bool = False,
) -> Program:
    """Any program.

    Args:
        kinds: Of its messages, apart from the first one.
        middlewares: Around its commands.
        own_objects: Make every command's handler one object that keeps its events in a list of its own.
    """
    messages = draw(_messages(kinds))
    commands = [number for number, message in enumerate(messages) if message.kind is Kind.COMMAND]
    events = [number for number, message in enumerate(messages) if message.kind is not Kind.COMMAND]
    handlers = [
        draw(_handlers(messages, (command,), own_objects))
        for command in commands
        if command == 0 or draw(st.integers(0, 9)) < 9
    ]
    if events:
        bound = st.lists(st.sampled_from(events), min_size=1, max_size=2, unique=True).map(tuple)
        handlers += [draw(_handlers(messages, draw(bound), own_objects)) for _ in range(draw(st.integers(0, 5)))]
    concurrency = draw(st.sampled_from([1, 1, 2, 3]))
    is_bare = draw(_weighted((2, False), (1, True)))  # sends without middlewares and container take a shorter way
    return Program(
        messages=messages,
        handlers=tuple(handlers),
        roots=tuple(draw(st.lists(st.sampled_from([0, 0, 0, *range(SIZE)]), min_size=1, max_size=4))),
        middlewares=() if is_bare else draw(middlewares),
        scope=Scope.NO_CONTAINER if is_bare else draw(_scopes),
        broker=draw(_brokers(events)),
        strict=draw(_weighted((5, False), (1, True))),
        # side by side, it is not determined how many handlers the first failure stops
        fail_fast=concurrency == 1 and draw(_weighted((3, False), (1, True))),
        max_cascade=draw(st.sampled_from([1000, 1000, 1, 2])),
        concurrency=concurrency,
        threads=draw(_weighted((9, False), (1, True))),
    )


def shared_list_programs() -> st.SearchStrategy[Program]:
    """Programs whose one command is handled by an object that keeps a list of its own, as in diator 0.1.2."""
    return programs(kinds=st.just(Kind.DOMAIN), middlewares=st.just(()), own_objects=True)
