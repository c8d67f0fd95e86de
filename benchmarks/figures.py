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
        spread: By how much the best ratios of the repeats differ; None without such code.
        time_spread: By how much the best times of the repeats differ.
    """

    contender: str
    backend: str
    case: str
    best: float
    median: float
    ratio: float | None
    median_ratio: float | None
    spread: float | None
    time_spread: float

    @property
    def by_hand(self) -> bool:
        return self.contender in BASELINES.values()

    @property
    def steady(self) -> bool:
        return self.spread is None or self.spread <= STEADY

    @property
    def steady_time(self) -> bool:
        return self.time_spread <= STEADY


def code_by_hand(contender: str, backend: str, case: str) -> str:
    """What a case is compared with."""
    return f"{BASELINES[backend]}/{backend}/{case}"


def figures(
    repeats: list[list[Round]], compared_with: Callable[[str, str, str], str] = code_by_hand
) -> Iterator[Figure]:
    """Evaluate the rounds of several repeats, each made by a process of its own.

    Args:
        repeats: The rounds of each.
        compared_with: Says for a contender, a backend and a case what it is compared with, if that was measured, too.
    """
    rounds = [each for repeat in repeats for each in repeat]
    for name in rounds[0]:
        contender, backend, case = name.split("/")
        other = compared_with(contender, backend, case)
        times = [each[name] for each in rounds]
        best = [min(each[name] for each in repeat) for repeat in repeats]
        ratio = median_ratio = spread = None
        if other in rounds[0]:
            ratio = min(times) / min(each[other] for each in rounds)
            median_ratio = statistics.median(each[name] / each[other] for each in rounds)
            spread = differ([mine / min(e[other] for e in repeat) for mine, repeat in zip(best, repeats, strict=True)])
        median = statistics.median(times)
        yield Figure(contender, backend, case, min(times), median, ratio, median_ratio, spread, differ(best))


def differ(values: list[float]) -> float:
    """By how much the greatest is more than the least: 0.1 for 10 %."""
    return max(values) / min(values) - 1
