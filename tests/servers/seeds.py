"""Which random faults the tests let happen: the same ones each time, unless others are asked for."""

import os

__all__ = ("SEEDS", "seeds")

#: Runs of each test, each with a seed of its own; `make test-long` sets more.
_RUNS = os.environ.get("DIATOR_FAULT_RUNS", "")
#: The first of them; any number, to run one again that has failed.
_FIRST = int(os.environ.get("DIATOR_FAULT_SEED", "0"))


def seeds(runs: int) -> range:
    """The seeds of a test; ``runs`` is how many there are if nobody wants another number."""
    return range(_FIRST, _FIRST + int(_RUNS or runs))


SEEDS = seeds(2)
