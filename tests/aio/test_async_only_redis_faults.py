"""With a client of ``redis.asyncio``, too, nothing is lost whatever happens to the server."""

from collections.abc import Callable
from typing import Any

import pytest
import redis.asyncio

from tests.aio.test_redis_faults import (
    test_a_network_that_delays_cuts_and_loses_replies,
    test_a_server_that_forgets_everything_goes_on_with_what_comes_then,
    test_a_server_that_hangs,
    test_a_server_that_is_killed_and_restarted,
    test_a_server_that_pauses_its_clients,
    test_connections_that_the_server_kills,
)
from tests.aio.test_redis_worker import (
    faster,
    test_a_worker_goes_on_after_a_server_that_forgot_everything,
    test_a_worker_goes_on_after_a_server_that_hung_for_as_long_as_a_call_may_take,
)

__all__ = (
    "faster",
    "test_a_network_that_delays_cuts_and_loses_replies",
    "test_a_server_that_forgets_everything_goes_on_with_what_comes_then",
    "test_a_server_that_hangs",
    "test_a_server_that_is_killed_and_restarted",
    "test_a_server_that_pauses_its_clients",
    "test_a_worker_goes_on_after_a_server_that_forgot_everything",
    "test_a_worker_goes_on_after_a_server_that_hung_for_as_long_as_a_call_may_take",
    "test_connections_that_the_server_kills",
)


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def source() -> Callable[[str], Any]:
    """Makes what a broker is given to reach a server."""
    return redis.asyncio.Redis.from_url
