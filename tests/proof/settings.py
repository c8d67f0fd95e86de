"""How many programs are tried, and which."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, seed, settings

#: Programs per mode; `make test-long` sets more.
EXAMPLES = int(os.environ.get("DIATOR_PROOF_EXAMPLES", "1000"))
#: Any number, for other programs than the usual ones.
SEED = os.environ.get("DIATOR_PROOF_SEED", "")
#: Whether the programs are the same ones each time; many runs try others.
FIXED = not (SEED or os.environ.get("DIATOR_LONG"))


def proof(examples: int = EXAMPLES) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a property: the same programs each time, unless a seed is given, or many runs are wanted."""
    fixed = settings(
        max_examples=examples,
        derandomize=FIXED,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=False,
    )
    return lambda test: fixed(seed(int(SEED))(test) if SEED else test)
