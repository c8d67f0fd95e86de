"""Which of the messages that a worker holds runs next."""

from uuid import UUID, uuid4

from diator._core.delivery import Delivery
from diator._core.lanes import ALONE_FROM, REMEMBERED, WAITING, Job, Lanes, Survivors


def job(name: str, key: str | None = None, attempt: int = 1) -> Job:
    return Job(Delivery(body=b"", delivery_id=name, attempt=attempt), key, alone=attempt >= ALONE_FROM)


def lanes_with(concurrency: int, *jobs: Job) -> Lanes:
    lanes = Lanes(concurrency)
    for one in jobs:
        lanes.add(one)
    return lanes


def start(lanes: Lanes, now: float = 0) -> list[Job]:
    """Begin with all that can run now."""
    started = []
    while (one := lanes.next(now)) is not None:
        started.append(one)
    return started


def names(jobs: list[Job]) -> str:
    return "".join(one.delivery.delivery_id for one in jobs)


def test_messages_without_a_key_run_side_by_side_as_they_came() -> None:
    a, b, c = jobs = [job("a"), job("b"), job("c")]
    lanes = lanes_with(2, *jobs)
    assert names(start(lanes)) == "ab"
    lanes.finish(b)
    assert names(start(lanes)) == "c"
    lanes.finish(a)
    lanes.finish(c)
    assert (lanes.running, lanes.held(), lanes.next(0)) == (0, [], None)


def test_messages_of_one_key_run_one_after_another() -> None:
    a1, b1 = job("1", "a"), job("2", "b")
    lanes = lanes_with(5, a1, job("3", "a"), b1, job("4", "a"))
    assert names(start(lanes)) == "12"
    lanes.finish(b1)
    assert names(start(lanes)) == ""
    lanes.finish(a1)
    assert names(start(lanes)) == "3"


def test_a_delayed_message_keeps_its_lane_but_no_slot() -> None:
    first = job("1", "a")
    lanes = lanes_with(1, first, job("2", "a"), job("3"))
    assert names(start(lanes)) == "1"
    lanes.delay(first, 10)
    assert lanes.next_change() == 10
    [other] = start(lanes, 9)
    assert names([other]) == "3"
    assert names(start(lanes, 10)) == ""  # the slot is taken
    lanes.finish(other)
    assert names(start(lanes, 10)) == "1"
    lanes.finish(first)
    assert names(start(lanes, 10)) == "2"


def test_there_is_room_for_what_could_run_now() -> None:
    lanes = Lanes(3)
    assert lanes.room() == 3
    for one in (job("1", "a"), job("2", "a"), job("3", "a")):
        lanes.add(one)
    assert lanes.room() == 2  # two of them wait for the first one
    start(lanes)
    assert lanes.room() == 2
    for number in range(WAITING * 3):
        lanes.add(job(f"more {number}", "a"))
    assert lanes.room() == 0
    lanes.close()
    assert lanes.room() == 0


def test_what_must_run_alone_waits_for_quiet_and_nothing_starts_meanwhile() -> None:
    a, suspect = job("a"), job("s", attempt=ALONE_FROM)
    lanes = lanes_with(3, a, suspect, job("b"))
    assert names(start(lanes)) == "a"
    assert lanes.room() == 0
    lanes.finish(a)
    assert names(start(lanes)) == "s"
    assert lanes.room() == 0
    lanes.finish(suspect)
    assert names(start(lanes)) == "b"


def test_what_has_run_alone_and_failed_need_not_do_so_again() -> None:
    suspect = job("s", attempt=ALONE_FROM)
    lanes = lanes_with(3, suspect)
    start(lanes)
    lanes.delay(suspect, 1)
    lanes.add(job("b"))
    assert names(start(lanes, 1)) == "bs"


def test_lost_messages_do_not_run() -> None:
    jobs = running, waiting, ready, delayed = job("1", "a"), job("2", "a"), job("3"), job("4", "b")
    lanes = lanes_with(2, delayed, running, waiting)
    start(lanes)
    lanes.delay(delayed, 5)
    lanes.add(ready)
    lanes.lose([one.delivery for one in jobs])
    assert [one.lost for one in jobs] == [True] * 4
    assert lanes.held() == []
    assert names(start(lanes, 5)) == ""
    lanes.finish(running)
    assert names(start(lanes, 5)) == ""
    later = [job("5", "a"), job("6", "b")]
    for one in later:
        lanes.add(one)
    assert names(start(lanes, 5)) == "56"


def test_a_closed_worker_begins_with_nothing_and_knows_what_it_holds() -> None:
    a, b = job("a"), job("b")
    lanes = lanes_with(1, a, b)
    start(lanes)
    lanes.close()
    lanes.leave(a)
    assert (lanes.running, lanes.next(0)) == (0, None)
    assert [delivery.delivery_id for delivery in lanes.held()] == ["a", "b"]


def test_messages_whose_last_delivery_ended_somewhere_else_run_alone_from_the_third_on() -> None:
    survivors, message = Survivors(), uuid4()
    assert [survivors.must_run_alone(message, attempt) for attempt in range(1, 5)] == [False, False, True, True]
    survivors.add(message, 4)
    assert not survivors.must_run_alone(message, 5)
    assert survivors.must_run_alone(message, 6)
    survivors.add(message, 6)
    assert survivors.must_run_alone(message, 8)  # the seventh was somewhere else


def test_a_message_runs_alone_before_it_has_no_delivery_left() -> None:
    survivors, message = Survivors(max_deliveries=2), uuid4()
    assert [survivors.must_run_alone(message, attempt) for attempt in (1, 2)] == [False, True]


def test_not_every_failure_of_all_times_is_remembered() -> None:
    survivors = Survivors()
    for number in range(REMEMBERED + 1):
        survivors.add(UUID(int=number), 2)
    assert survivors.must_run_alone(UUID(int=0), 3)
    assert not survivors.must_run_alone(UUID(int=1), 3)
