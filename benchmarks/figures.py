"""From seconds to figures: the best and the median of many rounds, and ratios to the hand-written code beside them."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: The seconds of one round, by the name of what was measured: contender/backend/case.
Round = dict[str, float]

BASELINES = {"asyncio": "baseline_aio", "trio": "baseline_aio", "blocking": "baseline_sync"}
#: Figures whose repeats differ by more than this are marked.
STEADY = 0.10


@dataclass(frozen=True)
class Figure:
    """What came out for a case of a contender on a backend.

    Attributes:
        best: The least seconds of all rounds.
        median: Of the seconds of all rounds.
        ratio: The best, divided by the best of the hand-written code in the same processes; None without such code.
        median_ratio: The median of the ratios of each round.
        spread: By how much the ratios (without hand-written code: the best times) of the repeats differ.
    """

    contender: str
    backend: str
    case: str
    best: float
    median: float
    ratio: float | None
    median_ratio: float | None
    spread: float

    @property
    def by_hand(self) -> bool:
        return self.contender in BASELINES.values()

    @property
    def steady(self) -> bool:
        return self.spread <= STEADY


def code_by_hand(contender: str, backend: str, case: str) -> str:
    """What a case is compared with."""
    return f"{BASELINES[backend]}/{backend}/{case}"


def figures(
    repeats: list[list[Round]], compared_with: Callable[[str, str, str], str] = code_by_hand
) -> Iterator[Figure]:
    """Evaluate the rounds of several repeats, each made by a process of its own."""
    rounds = [each for repeat in repeats for each in repeat]
    for name in rounds[0]:
        contender, backend, case = name.split("/")
        by_hand = compared_with(contender, backend, case)
        times = [each[name] for each in rounds]
        per_repeat = [min(each[name] for each in repeat) for repeat in repeats]
        ratio = median_ratio = None
        if by_hand in rounds[0]:
            ratio = min(times) / min(each[by_hand] for each in rounds)
            median_ratio = statistics.median(each[name] / each[by_hand] for each in rounds)
            per_repeat = [min(e[name] for e in repeat) / min(e[by_hand] for e in repeat) for repeat in repeats]
        spread = max(per_repeat) / min(per_repeat) - 1
        yield Figure(contender, backend, case, min(times), statistics.median(times), ratio, median_ratio, spread)
