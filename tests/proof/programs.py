"""The program language of the proof.

A program is an application in miniature: a few messages (commands and events), their handlers, middlewares, a
container, a broker, and the roots that are sent concurrently from outside. Handlers only use messages that come later
in the program's list, so every program ends.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a message is."""

    COMMAND = auto()
    DOMAIN = auto()
    NOTIFICATION = auto()
    ECST = auto()
    PLAIN = auto()


@dataclass(frozen=True)
class Message:
    """One class of messages. An event may derive from a later event, whose kind it then has."""

    kind: Kind
    base: int | None = None


@dataclass(frozen=True)
class Use:
    """Record a later event, or send a later command and wait for it; ``caught`` goes on if the command fails."""

    message: int
    caught: bool = False


@dataclass(frozen=True)
class Pause:
    """Let others run."""


@dataclass(frozen=True)
class Fail:
    """Raise."""


Step = Use | Pause | Fail


class Life(Enum):
    """What is bound: a class that is built for each message, one object for all, or a function."""

    CLASS = auto()
    OBJECT = auto()
    FUNCTION = auto()


class Takes(Enum):
    """Where a handler records: nowhere, into the buffer that it is passed, or (of a command) into a list of its own."""

    NOTHING = auto()
    BUFFER = auto()
    OWN_LIST = auto()


@dataclass(frozen=True, eq=False)
class Handler:
    """What a handler does, and how it is written. Two that look alike are still two.

    Attributes:
        messages: The commands or events that it is bound to, in this order.
        is_async: Its colour. A handler that sends is written in the colour that can wait for it, whatever this says.
    """

    messages: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    is_async: bool = True
    life: Life = Life.CLASS
    takes: Takes = Takes.BUFFER

    @property
    def is_resolved(self) -> bool:
        """Whether a container provides it, or what it depends on."""
        return self.life is not Life.OBJECT


class Form(Enum):
    """The three forms of a middleware."""

    GENERATOR = auto()
    ASYNC = auto()
    PLAIN = auto()


class Habit(Enum):
    """What a middleware does with the rest of the chain."""

    PASS = auto()
    RETRY = auto()
    TWICE = auto()
    SHORT_CIRCUIT = auto()
    SWALLOW = auto()
    RAISE_AFTER = auto()


@dataclass(frozen=True)
class Middleware:
    form: Form = Form.GENERATOR
    habit: Habit = Habit.PASS


class Scope(Enum):
    """Whether there is a container, and whether it has scopes."""

    NO_CONTAINER = auto()
    NO_SCOPES = auto()
    SCOPED = auto()
    FAILS_TO_CLOSE = auto()


@dataclass(frozen=True)
class Broker:
    """A broker that may take several messages at once, and fails at some."""

    batches: bool = True
    refuses: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Program:
    """An application, and what is asked of it.

    Attributes:
        messages: All messages; handlers use later ones only.
        handlers: In the order in which they are bound. A command has at most one.
        roots: What is sent or published from outside, all at the same time.
        threads: Whether ``def`` handlers of the async side run in worker threads.
    """

    messages: tuple[Message, ...]
    handlers: tuple[Handler, ...]
    roots: tuple[int, ...] = (0,)
    middlewares: tuple[Middleware, ...] = ()
    scope: Scope = Scope.NO_CONTAINER
    broker: Broker | None = None
    strict: bool = False
    fail_fast: bool = False
    max_cascade: int = 1000
    concurrency: int = 1
    threads: bool = False

    def is_command(self, message: int) -> bool:
        return self.messages[message].kind is Kind.COMMAND

    def sends(self, handler: Handler) -> bool:
        """Whether the handler waits for a nested send."""
        return any(isinstance(step, Use) and self.is_command(step.message) for step in handler.steps)

    def is_outgoing(self, event: int) -> bool:
        """Whether an event goes to the broker."""
        return self.broker is not None and self.messages[event].kind in (Kind.NOTIFICATION, Kind.ECST)

    def handlers_of(self, message: int) -> list[Handler]:
        """Who takes a message: those bound to it or, if it is an event, to a class that it derives from."""
        lineage = set(self.lineage(message))
        return [handler for handler in self.handlers if not lineage.isdisjoint(handler.messages)]

    def lineage(self, message: int) -> list[int]:
        """A message and all that it derives from."""
        base = self.messages[message].base
        return [message] if base is None else [message, *self.lineage(base)]
