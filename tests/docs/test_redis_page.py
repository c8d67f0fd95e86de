"""The page about Redis: its code runs, and its warnings are those that the broker gives."""

import re
from pathlib import Path
from typing import Any

import diator
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker

PAGE = (Path(diator.__file__).parents[1] / "docs" / "redis.md").read_text(encoding="utf-8")


def test_the_code_runs_without_a_server() -> None:
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        exec(block, names)
        exec(block.replace("diator.aio", "diator.sync"), {})
    assert isinstance(names["broker"], RedisStreamsMessageBroker)


def test_every_argument_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))))
    arguments = RedisStreamsMessageBroker.__init__.__kwdefaults__.keys() - {"serializer"}
    assert arguments <= explained
