"""The model: a pure function from a program and a root to what must happen, in which order.

Everything that happens has a path. A root's path is its number; the n-th message that a call uses has the path of
the call and n; the call of a handler has the path of its message, and the number of the handler (of a request: of the
attempt). So two things that happen are told apart even if the same handler runs many times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from .programs import Fail, Habit, Handler, Kind, Program, Scope, Takes, Use

Path = tuple[int, ...]
#: An error as a value: its kind, and what it says. ``("handling", response, errors)`` is an `EventHandlingError`.
ErrorValue = tuple[Any, ...]


class Entry(NamedTuple):
    """Something that happened."""

    what: str
    path: Path
    detail: Any = None


class Branch(NamedTuple):
    """What happens in one event handler; all paths in it begin with its own."""

    path: Path
    trace: "list[Entry | Parallel]"


class Parallel(NamedTuple):
    """Branches that may run side by side."""

    branches: list[Branch]


Trace = list[Entry | Parallel]


class Raised(Exception):
    """An error of the program, on its way through the model."""

    def __init__(self, *value: Any) -> None:
        super().__init__(*value)
        self.value: ErrorValue = value


class Outcome(NamedTuple):
    """What the caller of a root gets."""

    response: Any = None
    error: ErrorValue | None = None


@dataclass
class Event:
    """A recorded event."""

    number: int
    path: Path


@dataclass
class Dispatch:
    """One send, or one published event."""

    path: Path
    buffer: list[Event] = field(default_factory=list)
    attempts: int = 0


def expect(program: Program, root: int) -> tuple[Trace, Outcome]:
    """What one root makes happen. Other roots make no difference."""
    model = _Model(program)
    number, path = program.roots[root], (root,)
    try:
        if program.is_command(number):
            return model.trace, Outcome(response=model.send(number, path))
        model.publish(number, path)
        return model.trace, Outcome()
    except Raised as raised:
        return model.trace, Outcome(error=raised.value)


class _Model:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.trace: Trace = []

    def log(self, what: str, path: Path, detail: Any = None) -> None:
        self.trace.append(Entry(what, path, detail))

    def send(self, number: int, path: Path) -> Any:
        """The whole chain, then the events, then the response; one scope around all of it."""
        if not self.program.handlers_of(number):
            raise Raised("no handler")
        dispatch = Dispatch(path)
        self.open_scope(path)
        try:
            response = self.chain(number, dispatch, 0)
        except Raised:
            self.close_scope(path)  # whose own failure must not hide this one
            raise
        self.emit(dispatch, response)
        return response

    def publish(self, number: int, path: Path) -> None:
        dispatch = Dispatch(path)
        self.record(dispatch.buffer, Event(number, path))
        self.open_scope(path)
        self.emit(dispatch, None)

    def emit(self, dispatch: Dispatch, response: Any) -> None:
        """From here on the command counts as carried out: all that goes wrong is collected."""
        errors = self.drain(dispatch)
        errors += self.close_scope(dispatch.path)
        if errors:
            raise Raised("handling", response, tuple(errors))

    def open_scope(self, path: Path) -> None:
        if self.program.scope in (Scope.SCOPED, Scope.FAILS_TO_CLOSE):
            self.log("open", path)

    def close_scope(self, path: Path) -> list[ErrorValue]:
        if self.program.scope in (Scope.SCOPED, Scope.FAILS_TO_CLOSE):
            self.log("close", path)
        return [("close", path)] if self.program.scope is Scope.FAILS_TO_CLOSE else []

    # -- the request

    def chain(self, number: int, dispatch: Dispatch, index: int) -> Any:
        """The middlewares from this one on, and the handler."""
        if index == len(self.program.middlewares):
            return self.attempt(number, dispatch)
        habit = self.program.middlewares[index].habit
        self.log("enter", dispatch.path, index)
        if habit is Habit.SHORT_CIRCUIT:
            return ("instead", index)
        try:
            response = self.chain(number, dispatch, index + 1)
        except Raised:
            self.log("error", dispatch.path, index)
            if habit is Habit.SWALLOW:
                return ("instead", index)
            if habit is not Habit.RETRY:
                raise
            response = self.chain(number, dispatch, index + 1)
        if habit is Habit.TWICE:
            response = self.chain(number, dispatch, index + 1)
        self.log("leave", dispatch.path, index)
        if habit is Habit.RAISE_AFTER:
            raise Raised("middleware", dispatch.path, index)
        return response

    def attempt(self, number: int, dispatch: Dispatch) -> Any:
        """One call of the handler: it starts with an empty buffer, and leaves an empty one if it raises."""
        call = (*dispatch.path, dispatch.attempts)
        dispatch.attempts += 1
        dispatch.buffer = []
        [handler] = self.program.handlers_of(number)
        dispatch.buffer = self.call("request", handler, call, dispatch.path)
        return ("response", call)

    def call(self, what: str, handler: Handler, call: Path, send: Path) -> list[Event]:
        """Run a handler, and return what it recorded; nothing is left of that if it raises."""
        self.log(what, call, (send, self.resource(handler, send)))
        recorded: list[Event] = []
        own_list = handler.takes is Takes.OWN_LIST
        for n, step in enumerate(handler.steps):
            if isinstance(step, Fail):
                raise Raised("failed", call)
            if not isinstance(step, Use):
                continue
            path = (*call, n)
            if self.program.is_command(step.message):
                try:
                    self.send(step.message, path)
                except Raised as raised:
                    if not step.caught:
                        raise
                    self.log("caught", call, raised.value)
            elif own_list:
                recorded.append(Event(step.message, path))
            else:
                self.record(recorded, Event(step.message, path))
        self.log("done", call)
        events: list[Event] = []
        for event in recorded:  # a list of its own is looked at only now
            self.record(events, event)
        return events

    def resource(self, handler: Handler, send: Path) -> Any:
        """Whose object the container gives to a handler."""
        if not handler.is_resolved or self.program.scope is Scope.NO_CONTAINER:
            return None
        return "container" if self.program.scope is Scope.NO_SCOPES else send

    def record(self, buffer: list[Event], event: Event) -> None:
        """Refuse an event that has nowhere to go."""
        program = self.program
        may_be_unhandled = program.messages[event.number].kind is Kind.DOMAIN and not program.strict
        if not (program.is_outgoing(event.number) or program.handlers_of(event.number) or may_be_unhandled):
            raise Raised("no route")
        buffer.append(event)

    # -- the events

    def drain(self, dispatch: Dispatch) -> list[ErrorValue]:
        """First in, first out, which is: one generation after the other."""
        errors: list[ErrorValue] = []
        generation = dispatch.buffer
        for _ in range(self.program.max_cascade):
            generation = self.handle(generation, dispatch.path, errors)
            if not generation or self.stopped(errors):
                return errors
        return [*errors, ("cascade",)]

    def stopped(self, errors: list[ErrorValue]) -> bool:
        return self.program.fail_fast and bool(errors)

    def handle(self, generation: list[Event], send: Path, errors: list[ErrorValue]) -> list[Event]:
        """Adjacent events for the broker leave together; the others are handled, and what they cause is returned."""
        caused: list[Event] = []
        for outgoing, run in groupby(generation, key=lambda event: self.program.is_outgoing(event.number)):
            if outgoing:
                self.deliver(list(run), send, errors)
                continue
            calls = [
                (handler, (*event.path, index))
                for event in run
                for index, handler in enumerate(self.program.handlers_of(event.number))
            ]
            outer, branches = self.trace, list[Branch]()
            for handler, call in calls:
                if self.stopped(errors):
                    break
                self.trace = []
                branches.append(Branch(call, self.trace))
                try:
                    caused += self.call("event", handler, call, send)
                except Raised as raised:
                    errors.append(raised.value)
            self.trace = outer
            if self.program.concurrency > 1:
                self.trace.append(Parallel(branches))
            else:
                self.trace += [entry for branch in branches for entry in branch.trace]
        return caused

    def deliver(self, events: list[Event], send: Path, errors: list[ErrorValue]) -> None:
        broker = self.program.broker
        assert broker is not None
        for batch in [events] if broker.batches else [[event] for event in events]:
            if self.stopped(errors):
                return
            paths = tuple(event.path for event in batch)
            self.log("sent", send, paths)
            if any(event.number in broker.refuses for event in batch):
                errors.append(("refused", paths))


def flatten(trace: Trace) -> list[Entry]:
    """A trace in which nothing ran side by side."""
    flat: list[Entry] = []
    for item in trace:
        if isinstance(item, Parallel):
            for branch in item.branches:
                flat += flatten(branch.trace)
        else:
            flat.append(item)
    return flat


def sort_out(expected: Trace, observed: Sequence[Entry]) -> list[Entry]:
    """Undo the mixing that a trace allows: equal to its `flatten` if and only if the trace allows what was observed."""
    rest = list(observed)
    sorted_out: list[Entry] = []
    for item in expected:
        size = len(flatten([item]))
        now, rest = rest[:size], rest[size:]
        if isinstance(item, Parallel):
            for branch in item.branches:
                inside = [entry for entry in now if entry.path[: len(branch.path)] == branch.path]
                sorted_out += sort_out(branch.trace, inside)
                now = [entry for entry in now if entry not in inside]
        sorted_out += now
    return sorted_out + rest


def is_prefix(expected: Trace, observed: Sequence[Entry]) -> bool:
    """Whether what was observed is what a trace allows, up to some moment."""
    rest = list(observed)
    for item in expected:
        if not rest:
            return True
        size = len(flatten([item]))
        now, rest = rest[:size], rest[size:]
        if isinstance(item, Parallel):
            parts = [[e for e in now if e.path[: len(b.path)] == b.path] for b in item.branches]
            if sum(map(len, parts)) < len(now):
                return False
            if not all(is_prefix(b.trace, part) for b, part in zip(item.branches, parts, strict=True)):
                return False
        elif now != [item]:
            return False
    return not rest
