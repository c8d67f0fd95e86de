"""Many acknowledgements in few commands.

What may live here: how they are put together. No socket.
"""

from collections.abc import Callable, Sequence

from .stream_ledger import Held
from .stream_scripts import ACK

__all__ = ("ack_commands",)


def ack_commands(
    items: Sequence[tuple[Held, bool]], group: str, consumer: str, notes: Callable[[str], str]
) -> tuple[list[Sequence[str | int]], list[int]]:
    """Put acknowledgements together.

    Args:
        items: What is to be acknowledged, and whether it is surely still ours: then nothing has to be checked.
        group: The consumer group.
        consumer: Who has them.
        notes: Names the hash with the notes about a stream, of which none must stay behind.

    Returns:
        The commands, and for each item the index of the one whose reply is its own.
    """
    sure: dict[str, list[str | int]] = {}
    unsure: dict[str, list[str | int]] = {}
    for held, is_ours in items:
        which = sure if is_ours and not held.is_noted else unsure
        which.setdefault(held.stream, []).append(held.id)
    commands: list[Sequence[str | int]] = [("XACK", stream, group, *ids) for stream, ids in sure.items()]
    commands += [("EVAL", ACK, 2, stream, notes(stream), group, consumer, *ids) for stream, ids in unsure.items()]
    index = {(True, stream): number for number, stream in enumerate(sure)}
    index |= {(False, stream): len(sure) + number for number, stream in enumerate(unsure)}
    return commands, [index[is_ours and not held.is_noted, held.stream] for held, is_ours in items]
