"""Who shares a round trip with whom."""

import pytest

from diator._core.group_commit import GroupCommitQueue, Slot


class Queue(GroupCommitQueue[str, int]):
    """Items weigh what their text is long."""

    def __init__(self, max_weight: int = 10) -> None:
        super().__init__(max_weight, len)
        self.woken: list[str] = []

    def put(self, item: str) -> Slot[str, int]:
        return self.add(item, lambda: self.woken.append(item))


def items(batch: list[Slot[str, int]]) -> list[str]:
    return [slot.item for slot in batch]


def test_what_comes_during_a_round_trip_goes_together_with_the_next() -> None:
    queue = Queue()
    queue.put("a")
    first = queue.take()
    queue.put("b")
    queue.put("c")
    assert items(first) == ["a"]
    assert queue.take() == []
    queue.finish(first, [1])
    assert items(queue.take()) == ["b", "c"]
    assert len(queue) == 0


def test_a_round_trip_carries_no_more_than_its_weight_and_at_least_one() -> None:
    queue = Queue(max_weight=3)
    for item in ("aaaaa", "b", "cc", "d"):
        queue.put(item)
    trips = []
    while batch := queue.take():
        trips.append(items(batch))
        queue.finish(batch, [0] * len(batch))
    assert trips == [["aaaaa"], ["b", "cc"], ["d"]]


def test_everybody_gets_an_outcome_of_his_own() -> None:
    queue = Queue()
    slots = [queue.put(item) for item in "abc"]
    queue.finish(queue.take(), [1, ValueError("b"), 3])
    assert queue.woken == ["a", "b", "c"]
    assert (slots[0].result(), slots[2].result()) == (1, 3)
    with pytest.raises(ValueError, match=r"^b$"):
        slots[1].result()


def test_one_failure_is_raised_for_each_as_an_error_of_its_own() -> None:
    queue = Queue()
    slots = [queue.put(item) for item in "ab"]
    failure = OSError(5, "lost")
    failure.__cause__ = KeyError()
    queue.finish(queue.take(), failure)
    raised = []
    for slot in slots:
        with pytest.raises(OSError, match="lost") as caught:
            slot.result()
        raised.append(caught.value)
    assert raised[0] is not raised[1]
    assert {error.__cause__ for error in raised} == {failure.__cause__}


@pytest.mark.parametrize("outcomes", [[], [1], [1, 2, 3]])
def test_a_wrong_number_of_outcomes_reaches_nobody_as_his(outcomes: list[int]) -> None:
    queue = Queue()
    slots = [queue.put(item) for item in "ab"]
    queue.finish(queue.take(), outcomes)
    for slot in slots:
        with pytest.raises(RuntimeError, match="2 items were to be done"):
            slot.result()


def test_who_withdraws_before_the_round_trip_is_not_part_of_it() -> None:
    queue = Queue()
    a, b = queue.put("a"), queue.put("b")
    queue.withdraw(a)
    batch = queue.take()
    assert items(batch) == ["b"]
    queue.withdraw(b)  # too late: it stays sent
    queue.finish(batch, [2])
    assert b.result() == 2


def test_the_next_is_woken_only_if_nobody_leads() -> None:
    queue = Queue()
    queue.wake_next()
    queue.put("a")
    batch = queue.take()
    queue.put("b")
    queue.wake_next()
    assert queue.woken == []
    queue.finish(batch, [1])
    queue.wake_next()
    assert queue.woken == ["a", "b"]
