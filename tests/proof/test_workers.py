"""Real workers run random messages through the broker in memory, are stopped and die, and settle everything rightly."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diator.aio
import diator.sync
from diator import EventMap, NotificationEvent, RequestMap
from diator.delivery import DeadMessage, Reject, RetryLater, RetryPolicy
from diator.message_brokers import JSONSerializer, to_message

from .settings import EXAMPLES, proof

Outcome = Literal["ok", "fail", "later", "reject", "die"]
MAX_DELIVERIES = 4


@dataclass(frozen=True, kw_only=True)
class Happened(NotificationEvent):
    number: int
    partition_key: str | None


@dataclass(frozen=True)
class Program:
    """What each message does in its runs (the last one again and again), and which workers there are."""

    messages: list[tuple[str | None, list[Outcome]]]
    concurrency: int
    stops: list[float]

    @property
    def undisturbed(self) -> bool:
        return not self.stops and not any("die" in script for _, script in self.messages)


@dataclass
class Journal:
    """What the handler did."""

    program: Program
    runs: dict[int, list[Outcome]] = field(default_factory=dict)
    disorder: list[int] = field(default_factory=list)

    def handle(self, event: Happened) -> None:
        script = self.program.messages[event.number][1]
        runs = self.runs.setdefault(event.number, [])
        outcome = script[min(len(runs), len(script) - 1)]
        for earlier in range(event.number):
            same_key = event.partition_key is not None and self.program.messages[earlier][0] == event.partition_key
            if same_key and not self.has_ended(earlier):
                self.disorder.append(event.number)
        runs.append(outcome)
        match outcome:
            case "fail":
                raise KeyError
            case "later":
                raise RetryLater(after=0.001)
            case "reject":
                raise Reject("rejected")
            case "die":
                raise SystemExit

    def has_ended(self, number: int) -> bool:
        runs = self.runs.get(number, ["fail"])
        return runs[-1] in ("ok", "reject") or len(runs) >= MAX_DELIVERIES

    def check(self, dead: list[DeadMessage]) -> None:
        reasons: dict[UUID, str] = {}
        by_number: dict[int, str] = {}
        for one in dead:
            message = JSONSerializer().decode(one.body, one.headers)
            assert reasons.setdefault(message.message_id, one.reason) is one.reason  # put aside once
            by_number[message.payload["number"]] = one.reason
        for number in range(len(self.program.messages)):
            runs, reason = self.runs.get(number, []), by_number.get(number)
            if reason is None:
                assert runs[-1] == "ok"
            elif reason == "rejected":
                assert runs[-1] == "reject"
            else:
                assert self.program.undisturbed is False or len(runs) == MAX_DELIVERIES
                assert "ok" not in runs or not self.program.undisturbed
            assert len(runs) <= MAX_DELIVERIES
        if self.program.undisturbed:
            assert not self.disorder


outcomes = st.lists(st.sampled_from(["ok", "ok", "fail", "later", "reject", "die"]), min_size=1, max_size=3)
programs = st.builds(
    Program,
    st.lists(st.tuples(st.sampled_from([None, "k", "l"]), outcomes), min_size=1, max_size=8),
    st.integers(1, 4),
    st.lists(st.sampled_from([0.0, 0.002]), max_size=2),
)
OPTIONS: dict[str, Any] = {"max_deliveries": MAX_DELIVERIES, "retry": RetryPolicy(first_delay=0), "drain_timeout": 10}


def prepared(program: Program) -> tuple[Journal, EventMap, list[Any]]:
    journal, events = Journal(program), EventMap()
    events.bind(Happened, journal.handle)
    messages = [
        to_message(Happened(number=number, partition_key=key)) for number, (key, _) in enumerate(program.messages)
    ]
    return journal, events, messages


async def work_async(program: Program) -> None:
    journal, events, messages = prepared(program)
    broker = diator.aio.InMemoryMessageBroker()
    await broker.send_messages(messages)
    mediator = diator.aio.Mediator(RequestMap(), event_map=events)
    stops = list(program.stops)
    with anyio.fail_after(60):
        while len(broker):
            try:
                async with diator.aio.Worker(mediator, broker, concurrency=program.concurrency, **OPTIONS) as worker:
                    if stops:
                        await anyio.sleep(stops.pop())
                        worker.stop()
                    while len(broker) and not worker.ended:
                        await anyio.sleep(0.001)
            except SystemExit:
                pass
    journal.check(list(await broker.dead_letters.list()))


def work_blocking(program: Program) -> None:
    journal, events, messages = prepared(program)
    broker = diator.sync.InMemoryMessageBroker()
    broker.send_messages(messages)
    mediator = diator.sync.Mediator(RequestMap(), event_map=events)
    stops = list(program.stops)
    while len(broker):
        try:
            with diator.sync.Worker(mediator, broker, concurrency=program.concurrency, **OPTIONS) as worker:
                if stops:
                    time.sleep(stops.pop())
                    worker.stop()
                while len(broker) and not worker.ended:
                    time.sleep(0.001)
        except SystemExit:
            pass
    journal.check(list(broker.dead_letters.list()))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_workers_settle_everything_rightly(backend: str) -> None:
    @proof(max(1, EXAMPLES // 20))
    @given(programs)
    def check(program: Program) -> None:
        anyio.run(work_async, program, backend=backend)

    check()


def test_blocking_workers_settle_everything_rightly() -> None:
    @proof(max(1, EXAMPLES // 20))
    @given(programs)
    def check(program: Program) -> None:
        work_blocking(program)

    check()
