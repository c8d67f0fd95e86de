"""What `make bench` insists on."""

from dataclasses import dataclass

from figures import Figure

MISSED = "MISSED"


@dataclass(frozen=True)
class Gate:
    """A limit for a ratio.

    Attributes:
        backend: Where the case runs.
        case: What is compared.
        versus: None for the hand-written code, which diator may take so many times longer than; another contender
            has to take so many times longer than diator.
        target: What we want.
        limit: What we insist on.
    """

    backend: str
    case: str
    versus: str | None
    target: float
    limit: float

    @property
    def contender(self) -> str:
        return "diator_sync" if self.backend == "blocking" else "diator_aio"

    def measured(self, found: dict[tuple[str, str, str], Figure]) -> float | None:
        """The ratio; None if it was not measured."""
        ours = found.get((self.contender, self.backend, self.case))
        if ours is None or self.versus is None:
            return None if ours is None else ours.ratio
        theirs = found.get((self.versus, self.backend, self.case))
        if theirs is None or theirs.ratio is None or ours.ratio is None:
            return None
        return theirs.ratio / ours.ratio  # each to the hand-written code in its own process

    def holds(self, ratio: float, bound: float) -> bool:
        return ratio <= bound if self.versus is None else ratio >= bound

    def verdict(self, ratio: float | None) -> str:
        """One word about what was measured. What was not measured has not held."""
        if ratio is None or not self.holds(ratio, self.limit):
            return MISSED
        return "target" if self.holds(ratio, self.target) else "ok"


GATES = (
    *(
        Gate(backend, case, None, target, limit)
        for backend in ("asyncio", "trio")
        for case, target, limit in (
            ("singleton", 1.6, 2.0),
            ("new", 1.6, 2.0),
            ("dependencies", 1.3, 1.6),
            ("event", 1.5, 2.0),
            ("events", 1.3, 1.7),
            ("everything", 1.25, 1.5),
        )
    ),
    Gate("blocking", "singleton", None, 3.0, 4.0),
    Gate("blocking", "new", None, 1.8, 2.3),
    Gate("asyncio", "new", "diator_0_1_2", 6, 4),  # which cannot do without a container
    Gate("asyncio", "rodi", "diator_0_1_2", 1.5, 1),  # so this is the same work on both sides
    Gate("asyncio", "new", "mediatr", 6, 4),
    Gate("asyncio", "new", "pymediator", 6, 4),
    Gate("asyncio", "new", "python_cqrs", 30, 20),
    Gate("asyncio", "singleton", "lato", 50, 30),
)
