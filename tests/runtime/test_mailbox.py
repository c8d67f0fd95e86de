"""How threads wake an event loop: every function is called, in order, and nobody rings twice for nothing."""

import os
import select
import threading

import pytest

from diator._runtime.mailbox import Mailbox


@pytest.fixture(params=[True, False])
def mailbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    if not request.param:
        monkeypatch.delattr(os, "eventfd", raising=False)
    return Mailbox()


def is_ringing(mailbox: Mailbox, seconds: float = 0) -> bool:
    return bool(select.select([mailbox.fileno()], [], [], seconds)[0])


def test_functions_are_called_in_order_after_one_ring(mailbox: Mailbox) -> None:
    called: list[int] = []
    assert not is_ringing(mailbox)
    for number in range(3):
        mailbox.post(called.append, number)
    assert is_ringing(mailbox)
    mailbox.call_all()
    assert called == [0, 1, 2]
    assert not is_ringing(mailbox)
    mailbox.post(called.append, 3)
    assert is_ringing(mailbox)
    mailbox.close()


def test_what_is_posted_by_a_function_comes_later_and_rings_again(mailbox: Mailbox) -> None:
    called: list[int] = []

    def first() -> None:
        called.append(1)
        mailbox.post(called.append, 2)

    mailbox.post(first)
    mailbox.call_all()
    assert called == [1]
    assert is_ringing(mailbox)
    mailbox.call_all()
    assert called == [1, 2]
    mailbox.close()


def test_a_ring_for_nothing_does_no_harm(mailbox: Mailbox) -> None:
    mailbox.call_all()
    mailbox.close()


def test_a_closed_one_takes_nothing_but_calls_what_it_has(mailbox: Mailbox) -> None:
    called: list[int] = []
    mailbox.post(called.append, 1)
    mailbox.close()
    with pytest.raises(RuntimeError, match="the event loop has ended"):
        mailbox.post(called.append, 2)
    mailbox.call_all()
    assert called == [1]


def test_whoever_is_interrupted_lets_the_next_one_ring(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    called: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(mailbox._bell, "ring", interrupt)
        with pytest.raises(KeyboardInterrupt):
            mailbox.post(called.append, 1)
    mailbox.post(called.append, 2)
    assert is_ringing(mailbox)
    mailbox.call_all()
    assert called == [1, 2]
    mailbox.close()


def test_no_ring_is_lost_between_threads(mailbox: Mailbox) -> None:
    """The thread sleeps again and again, so a function that did not wake it would stay."""
    posters, each = 4, 3000
    called: list[tuple[int, int]] = []

    def post(poster: int) -> None:
        for number in range(each):
            mailbox.post(called.append, (poster, number))

    threads = [threading.Thread(target=post, args=(poster,)) for poster in range(posters)]
    for thread in threads:
        thread.start()
    while len(called) < posters * each:
        assert is_ringing(mailbox, 30)
        mailbox.call_all()
    for thread in threads:
        thread.join()
    assert sorted(called, key=lambda pair: pair[0]) == [(p, n) for p in range(posters) for n in range(each)]
    mailbox.close()


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="this system has no eventfd")
def test_closing_while_others_post_rings_at_nobody_elses_door() -> None:
    """A number that is closed belongs to whoever opens something next. It is a race, so it is run many times."""
    for _ in range(200):
        mailbox, failures = Mailbox(), list[Exception]()

        def post(mailbox: Mailbox = mailbox, failures: list[Exception] = failures) -> None:
            try:
                while True:
                    mailbox.post(int)
                    mailbox._has_rung = False  # so that each one rings
            except Exception as error:  # noqa: BLE001 - looked at below
                failures.append(error)

        thread = threading.Thread(target=post)
        thread.start()
        mailbox.close()
        strangers = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(4)]
        thread.join()
        assert [type(failure) for failure in failures] == [RuntimeError]
        for number in strangers:
            with pytest.raises(BlockingIOError):
                os.eventfd_read(number)
            os.close(number)
