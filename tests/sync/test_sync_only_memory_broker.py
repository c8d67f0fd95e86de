"""Many threads share one broker."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from diator._core.delivery import Ack, Retry
from diator._core.wire import Message
from diator._runtime.sync.waiting import Changes
from diator.errors import BrokerClosed
from diator.sync.message_brokers.memory import InMemoryMessageBroker


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("frequent_switches")
def test_many_threads_get_each_message_once_and_lose_none() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver(visibility_timeout=1000)
    done: Counter[bytes] = Counter()
    lock = threading.Lock()
    all_done = threading.Event()

    def send(first: int) -> None:
        for number in range(first, first + 100):
            broker.send_message(Message(message_type="t", message_name="Counted", payload={"number": number}))

    def receive() -> None:
        while True:
            try:
                deliveries = receiver.receive(3, 20)
            except BrokerClosed:
                return
            for delivery in deliveries:
                assert receiver.begin(delivery)
                retry = delivery.attempt == 1 and b"5}" in delivery.body
                receiver.settle(delivery, Retry(0.001) if retry else Ack())
                if not retry:
                    with lock:
                        done[delivery.body] += 1
                        if done.total() == 400:
                            all_done.set()

    threads = [threading.Thread(target=receive, daemon=True) for _ in range(8)]
    threads += [threading.Thread(target=send, args=(first,), daemon=True) for first in range(0, 400, 100)]
    for thread in threads:
        thread.start()
    assert all_done.wait(60)
    broker.close()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert len(done) == 400
    assert done.total() == 400
    assert len(broker) == 0


def test_a_change_excludes_other_threads() -> None:
    changes = Changes()
    inside = 0
    seen: list[int] = []

    def enter() -> None:
        nonlocal inside
        with changes:
            inside += 1
            time.sleep(0.01)
            seen.append(inside)
            inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == [1, 1, 1, 1]
