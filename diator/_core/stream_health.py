"""Whether a Redis server keeps what it is given.

What may live here: judgements about what INFO says. No socket.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ("Concerns", "concerns")


@dataclass(frozen=True)
class Concerns:
    """What was found.

    Attributes:
        is_volatile: Why what the server has would not survive it; empty if it would.
        texts: All that an operator should know.
    """

    is_volatile: str
    texts: list[str]


def concerns(infos: list[Any]) -> Concerns:
    """Judge the replies to INFO: bytes, or errors where it is not allowed."""
    info: dict[str, str] = {}
    for reply in infos:
        if isinstance(reply, bytes):
            lines = (line.partition(":") for line in reply.decode(errors="replace").splitlines())
            info.update((name, value.strip()) for name, _, value in lines)
    volatile = ""
    if "aof_enabled" not in info:
        volatile = "whether the server keeps messages on disk cannot be found out: allow the command INFO."
    elif info["aof_enabled"] == "0":
        volatile = (
            "the server keeps no append-only file: when it dies, messages are lost that it had accepted. Set "
            "`appendonly yes` in its redis.conf."
        )
    texts = [volatile] if info.get("aof_enabled") == "0" else []
    policy = info.get("maxmemory_policy", "noeviction")
    if policy.startswith("allkeys") and info.get("maxmemory", "0") != "0":
        texts.append(
            f"`maxmemory-policy {policy}` may delete the whole stream when memory runs out. Set it to noeviction or to "
            "a volatile one."
        )
    return Concerns(volatile, texts)
