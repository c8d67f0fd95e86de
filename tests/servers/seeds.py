"""Which random faults the tests let happen: the same ones each time, unless others are asked for."""

import os

__all__ = ("SEEDS",)

#: Runs of each test, each with a seed of its own; `make test-long` sets more.
_RUNS = int(os.environ.get("DIATOR_FAULT_RUNS", "2"))
#: The first of them; any number, to run one again that has failed.
_FIRST = int(os.environ.get("DIATOR_FAULT_SEED", "0"))

SEEDS = range(_FIRST, _FIRST + _RUNS)
