"""How long a server has said nothing to somebody who waits for it to say something."""

from time import monotonic
from typing import Final

from .redis_library import redis

__all__ = ("Silence",)

#: Seconds without a word until the server is asked whether it is there, and until it must have answered.
_LONGEST: Final = 10.0


class Silence:
    """Notices when it takes too long: a cable that is cut looks like a server that has nothing to say."""

    def __init__(self) -> None:
        self._heard = self._asked = monotonic()

    def end(self) -> None:
        """Take note that the server has said something."""
        self._heard = monotonic()

    def must_ask(self) -> bool:
        """Whether to ask the server now to say something.

        Raises:
            TimeoutError: It was asked, and has not answered; redis-py's error of that name.
        """
        if monotonic() - max(self._heard, self._asked) <= _LONGEST:
            return False
        if self._asked > self._heard:
            raise redis.TimeoutError("no answer to a ping")
        self._asked = monotonic()
        return True
