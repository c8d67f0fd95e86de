# Generated from tests/aio/contracts/test_containers.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What every container must do for a mediator. To test a new adapter, see containers/interface.py."""

import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from traceback import format_exception
from typing import Any

import pytest

from diator import Events
from diator.errors import ConfigurationError, EventHandlingError, HandlerBuildError
from tests.sync.conftest import checkpoint, sleep, together
from tests.sync.contracts.containers.interface import Case, Provided
from tests.sync.contracts.containers.parts import (
    Join,
    Joined,
    JoinHandler,
    Lock,
    Mailer,
    MeetingAPI,
    Session,
    Welcome,
    locks,
    mediator_for,
)
from tests.sync.contracts.containers.suite import Make, app, make, pytest_generate_tests

__all__ = ("make", "pytest_generate_tests")


# -- one scope for each send


def test_handler_and_event_handlers_share_what_is_scoped_and_it_is_open(make: Make, opening: Any) -> None:
    log: list[str] = []
    handler = mediator_for(make(*app(log, opening)), JoinHandler, Welcome).send(Join())
    assert type(handler.mailer) is Mailer
    assert Welcome.seen == [handler.session]
    assert log == ["open session", "close session"]
    assert handler.session.closed


def test_the_scope_spans_the_middlewares_and_every_event_handler(make: Make, opening: Any) -> None:
    log: list[str] = []

    def middleware(request: Any, handle: Any) -> Any:
        log.append("before")
        response = handle(request)
        log.append("after")
        return response

    def first(event: Joined, session: Session) -> None:
        Welcome.seen.append(session)
        log.append("first")

    def second(event: Joined, session: Session) -> None:
        Welcome.seen.append(session)
        log.append("second")

    container = make(*app(log, opening))
    handler = mediator_for(container, JoinHandler, first, second, middleware=middleware).send(Join())
    assert Welcome.seen == [handler.session] * 2
    assert log == ["before", "open session", "after", "first", "second", "close session"]


def test_every_send_has_a_scope_of_its_own(make: Make, opening: Any) -> None:
    log: list[str] = []
    mediator = mediator_for(make(*app(log, opening)), JoinHandler, Welcome)
    first, second = mediator.send(Join()), mediator.send(Join())
    assert first.session is not second.session
    assert Welcome.seen == [first.session, second.session]
    assert log == ["open session", "close session"] * 2


def test_concurrent_sends_have_scopes_of_their_own(make: Make, opening: Any) -> None:
    log: list[str] = []

    def join(command: Join, session: Session, events: Events) -> Any:
        sleep(0.01)
        assert not session.closed
        events.append(Joined(name=command.name))
        sleep(0.01)
        return session

    def welcome(event: Joined, session: Session) -> None:
        sleep(0.01)
        assert not session.closed
        Welcome.seen.append(session)

    mediator = mediator_for(make(*app(log, opening)), join, welcome)
    mediator.check()

    def send() -> Any:
        return mediator.send(Join())

    responses = together(*[send] * 5)
    assert {id(session) for session in responses} == {id(session) for session in Welcome.seen}
    assert len({id(session) for session in responses}) == 5
    assert sorted(log) == ["close session"] * 5 + ["open session"] * 5


def test_nested_sends_have_scopes_of_their_own(make: Make, opening: Any) -> None:
    log: list[str] = []

    def join(command: Join, session: Session) -> Any:
        inner = [] if command.name == "inner" else mediator.send(Join(name="inner"))
        assert not session.closed
        return [session, *inner]

    mediator = mediator_for(make(*app(log, opening)), join)
    outer, inner = mediator.send(Join())
    assert outer is not inner
    assert log == ["open session", "open session", "close session", "close session"]


def test_the_handlers_of_a_published_event_share_a_scope(make: Make, opening: Any) -> None:
    log: list[str] = []

    def other(event: Joined, session: Session) -> None:
        assert not session.closed
        Welcome.seen.append(session)

    mediator_for(make(*app(log, opening)), JoinHandler, Welcome, other).publish(Joined(name="ann"))
    first, second = Welcome.seen
    assert first is second
    assert log == ["open session", "close session"]


def test_event_handlers_that_run_side_by_side_share_a_scope(make: Make, opening: Any) -> None:
    log: list[str] = []

    def other(event: Joined, session: Session) -> None:
        checkpoint()
        Welcome.seen.append(session)

    mediator = mediator_for(make(*app(log, opening)), JoinHandler, Welcome, other, concurrency=2)
    mediator.publish(Joined(name="ann"))
    assert len({id(session) for session in Welcome.seen}) == 1
    assert log == ["open session", "close session"]


# -- it closes once, in reverse order


def test_what_was_opened_last_is_closed_first(make: Make, opening: Any) -> None:
    log: list[str] = []

    class Both:
        def __init__(self, session: Session, lock: Lock) -> None: ...

        def handle(self, command: Join) -> None:
            log.append("handle")

    container = make(Provided(Lock, "scoped", locks(log)), Provided(Session, "scoped", opening(log)), Provided(Both))
    mediator_for(container, Both).send(Join())
    opened, closed = log[:2], log[3:]
    assert sorted(opened) == ["open lock", "open session"]
    assert log[2] == "handle"
    assert closed == [line.replace("open", "close") for line in reversed(opened)]


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt("mine")])
def test_it_closes_when_the_handler_fails(make: Make, opening: Any, error: BaseException) -> None:
    log: list[str] = []

    def join(command: Join, session: Session, lock: Lock) -> None:
        checkpoint()
        raise error

    mediator = mediator_for(make(*app(log, opening), Provided(Lock, "scoped", locks(log))), join)
    with pytest.raises(type(error), match="mine") as caught:
        mediator.send(Join())
    assert caught.value is error
    assert log == ["open session", "open lock", "close lock", "close session"]


class OnlyHandles:
    """Records nothing."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def handle(self, command: Join) -> Any:
        checkpoint()
        assert not self.session.closed
        if command.name == "nobody":
            raise KeyError("mine")
        return self.session


def test_it_closes_around_a_class_that_records_nothing(make: Make, opening: Any) -> None:
    log: list[str] = []
    mediator = mediator_for(make(*app(log, opening), Provided(OnlyHandles)), OnlyHandles)
    assert (mediator.send(Join())).closed
    assert log == ["open session", "close session"]
    with pytest.raises(KeyError, match="mine"):
        mediator.send(Join(name="nobody"))
    assert log == ["open session", "close session"] * 2


def test_a_finaliser_that_fails_around_a_class_that_records_nothing_is_reported(make: Make, opening: Any) -> None:
    error = OSError("cannot close")
    mediator = mediator_for(make(*app([], opening, error), Provided(OnlyHandles)), OnlyHandles)
    with pytest.raises(EventHandlingError) as caught:
        mediator.send(Join())
    assert caught.value.response.closed
    assert caught.value.exceptions == (error,)
    with pytest.raises(KeyError, match="mine") as failed:
        mediator.send(Join(name="nobody"))
    assert "OSError: cannot close" in "".join(getattr(failed.value, "__notes__", ()))


def test_it_closes_when_an_event_handler_fails(make: Make, opening: Any) -> None:
    log: list[str] = []

    def fail(event: Joined, lock: Lock) -> None:
        raise KeyError("mine")

    container = make(*app(log, opening), Provided(Lock, "scoped", locks(log)))
    with pytest.raises(EventHandlingError) as caught:
        mediator_for(container, JoinHandler, fail, Welcome).send(Join())
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    assert Welcome.seen == [caught.value.response.session]
    assert log == ["open session", "open lock", "close lock", "close session"]


def test_it_closes_when_a_second_dependency_cannot_be_made(make: Make, opening: Any) -> None:
    log: list[str] = []

    def broken() -> Lock:
        raise OSError("no lock")

    def join(command: Join, session: Session, lock: Lock) -> None:
        raise AssertionError

    container = make(*app(log, opening), Provided(Lock, "scoped", broken))
    with pytest.raises(OSError, match="no lock"):
        mediator_for(container, join).send(Join())
    assert log == ["open session", "close session"]


def test_a_finaliser_that_fails_after_success_is_reported_with_the_response(make: Make, opening: Any) -> None:
    log: list[str] = []
    error = OSError("cannot close")
    container = make(*app(log, opening, error), Provided(Lock, "scoped", locks(log)))

    def lock_too(event: Joined, lock: Lock) -> None: ...

    with pytest.raises(EventHandlingError, match="Join") as caught:
        mediator_for(container, JoinHandler, lock_too).send(Join())
    assert caught.value.response.session.closed
    assert caught.value.exceptions == (error,)
    assert log == ["open session", "open lock", "close lock", "close session"]


def test_a_finaliser_that_fails_hides_no_error_of_an_event_handler(make: Make, opening: Any) -> None:
    error = OSError("cannot close")

    def fail(event: Joined) -> None:
        raise KeyError("mine")

    with pytest.raises(EventHandlingError) as caught:
        mediator_for(make(*app([], opening, error)), JoinHandler, fail).send(Join())
    assert caught.value.response.session.closed
    assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


def test_a_finaliser_that_fails_does_not_hide_the_error_of_the_handler(make: Make, opening: Any) -> None:
    error = ValueError("mine")

    def join(command: Join, session: Session) -> None:
        raise error

    mediator = mediator_for(make(*app([], opening, OSError("cannot close"))), join)
    with pytest.raises(ValueError, match="mine") as caught:
        mediator.send(Join())
    assert caught.value is error
    assert "OSError: cannot close" in "".join(getattr(error, "__notes__", ()))


def test_no_failing_finaliser_hides_another_one(make: Make, opening: Any) -> None:
    def join(command: Join, session: Session, lock: Lock) -> None:
        if command.name == "failing":
            raise ValueError("mine")

    def container() -> Any:
        return make(*app([], opening, OSError("session")), Provided(Lock, "scoped", locks([], KeyError("lock"))))

    with pytest.raises(EventHandlingError) as done:
        mediator_for(container(), join).send(Join())
    shown = "".join(format_exception(done.value))
    assert "OSError: session" in shown
    assert "KeyError: 'lock'" in shown
    with pytest.raises(ValueError, match="mine") as failed:
        mediator_for(container(), join).send(Join(name="failing"))
    assert [note.removeprefix("closing the dependency scope then raised ") for note in failed.value.__notes__] == [
        "KeyError: 'lock'",
        "OSError: session",
    ]


def test_a_finaliser_that_fails_does_not_hide_an_immutable_error(make: Make, opening: Any) -> None:
    @dataclass(frozen=True)
    class Full(Exception):
        places: int

    def join(command: Join, session: Session) -> None:
        raise error

    error = Full(places=7)
    with pytest.raises(Full) as caught:
        mediator_for(make(*app([], opening, OSError("cannot close"))), join).send(Join())
    assert caught.value is error


def test_a_finaliser_that_swallows_errors_cannot_make_a_failed_command_look_done(make: Make) -> None:
    def swallowing() -> Any:
        with suppress(KeyError):
            yield Session()

    def join(command: Join, session: Session) -> None:
        raise KeyError("mine")

    mediator = mediator_for(make(Provided(Session, "scoped", swallowing)), join)
    with pytest.raises(KeyError, match="mine"):
        mediator.send(Join())


# -- scopes of others


def test_a_scope_opened_elsewhere_is_used_and_left_open(case: Case, make: Make, opening: Any) -> None:
    log: list[str] = []
    container = make(*app(log, opening))
    mediator = mediator_for(container, JoinHandler, Welcome)
    with case.opened_elsewhere(container) as scope:
        first = mediator.send(Join(), scope=scope)
        second = mediator.send(Join(), scope=scope)
        mediator.publish(Joined(name="ann"), scope=scope)
        assert first.session is second.session
        assert Welcome.seen == [first.session] * 3
        own = mediator.send(Join())
        assert own.session is not first.session
        assert log == ["open session", "open session", "close session"]
        assert not first.session.closed
    assert log == ["open session", "open session", "close session", "close session"]
    assert first.session.closed


def test_a_failing_send_leaves_a_scope_of_others_open(case: Case, make: Make, opening: Any) -> None:
    log: list[str] = []

    def join(command: Join, session: Session) -> None:
        raise KeyError("mine")

    container = make(*app(log, opening))
    mediator = mediator_for(container, join)
    with case.opened_elsewhere(container) as scope:
        with pytest.raises(KeyError, match="mine"):
            mediator.send(Join(), scope=scope)
        assert log == ["open session"]
    assert log == ["open session", "close session"]


def test_what_is_no_scope_is_refused(make: Make) -> None:
    mediator = mediator_for(make(*app([])), JoinHandler)
    with pytest.raises(TypeError, match=r"scope= takes .* dict"):
        mediator.send(Join(), scope={})


# -- lifetimes


def test_the_container_decides_how_long_handlers_live(make: Make) -> None:
    class Handler:
        def handle(self, command: Join) -> Any:
            return self

    class Twice:
        def __init__(self, one: Mailer, other: Mailer) -> None:
            self.same = one is other

        def handle(self, command: Join) -> Any:
            return self.same

    def handlers(lifetime: Any) -> list[Any]:
        mediator = mediator_for(make(Provided(Handler, lifetime)), Handler)
        return [mediator.send(Join()) for _ in range(2)]

    first, second = handlers("singleton")
    assert first is second
    for lifetime in ("scoped", "transient"):
        first, second = handlers(lifetime)
        assert first is not second
    for lifetime, same in (("singleton", True), ("scoped", True), ("transient", False)):
        container = make(Provided(Twice), Provided(Mailer, lifetime))
        assert mediator_for(container, Twice).send(Join()) is same


def test_a_singleton_made_by_a_factory_is_made_once(make: Make) -> None:
    made: list[Mailer] = []

    def make_mailer() -> Mailer:
        made.append(Mailer())
        return made[-1]

    def join(command: Join, mailer: Mailer) -> Any:
        return mailer

    mediator = mediator_for(make(Provided(Mailer, "singleton", make_mailer)), join)
    assert mediator.send(Join()) is mediator.send(Join())
    assert len(made) == 1


def test_factories_that_wait_are_awaited_or_refused(case: Case, make: Make) -> None:
    def make_session() -> Session:
        checkpoint()
        return Session()

    mediator = mediator_for(make(Provided(Session, "scoped", make_session), Provided(Welcome)), takes_session, Welcome)
    if case.awaits:
        mediator.check()
        assert type(mediator.send(Join())) is Session
    else:
        with pytest.raises(ConfigurationError) as caught:
            mediator.check()
        assert [type(error) for error in caught.value.exceptions] == [HandlerBuildError] * 2
        for error in caught.value.exceptions:
            assert "Session" in str(error)
            assert "make_session" in str(error)


def takes_session(command: Join, session: Session) -> Any:
    return session


# -- functions


def test_the_further_parameters_of_functions_come_from_the_container(make: Make, opening: Any) -> None:
    def join(command: Join, mailer: Mailer, events: Events, *, session: Session, limit: int = 3) -> Any:
        events.append(Joined(name=command.name))
        return mailer, session, limit

    def welcome(event: Joined, events: Events, session: Session, mailer: Mailer) -> None:
        assert type(mailer) is Mailer
        Welcome.seen.append(session)

    mediator = mediator_for(make(*app([], opening)), join, welcome)
    mediator.check()
    mailer, session, limit = mediator.send(Join())
    assert (type(mailer), type(session), limit) == (Mailer, Session, 3)
    assert Welcome.seen == [session]


# -- what check finds


def test_check_builds_nothing_and_finds_nothing_wrong_with_a_good_container(make: Make, opening: Any) -> None:
    log: list[str] = []

    def join(command: Join, session: Session) -> None: ...

    container = make(*app(log, opening))
    mediator_for(container, JoinHandler, Welcome, lambda event: None).check()
    mediator_for(container, join).check()
    assert log == []


class NeedsMeetingAPI:
    def __init__(self, mailer: Mailer, meeting_api: MeetingAPI) -> None: ...

    def handle(self, message: Any) -> None: ...


class NeedsItFurtherDown:
    def __init__(self, needs: NeedsMeetingAPI) -> None: ...

    def handle(self, message: Any) -> None: ...


class JoinMeetingCommandHandler:
    def __init__(self, meeting_api) -> None:  # type: ignore[no-untyped-def]
        self._meeting_api = meeting_api

    def handle(self, message: Any) -> None: ...


def built(make: Make, refusal: type[Exception] | None, *provided: Provided, naming: str = "meeting_api") -> Any:
    """A container that lacks something; None if the library itself has refused to make it."""
    if refusal is None:
        return make(*provided)
    with pytest.raises(refusal, match=naming):
        make(*provided)
    return None


def found_by_check(container: Any, handler: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        mediator_for(container, handler).check()
    (error,) = caught.value.exceptions
    assert isinstance(error, HandlerBuildError)
    return str(error)


def test_check_names_the_handler_the_parameter_and_the_remedy_for_what_is_missing(case: Case, make: Make) -> None:
    container = built(make, case.refuses_gaps, Provided(Mailer), Provided(NeedsMeetingAPI))
    if container is None:
        return
    text = found_by_check(container, NeedsMeetingAPI)
    for part in (r"NeedsMeetingAPI\.__init__", "`meeting_api`", r"\bMeetingAPI\b", case.remedy):
        assert re.search(part, text), text


def test_check_finds_what_is_missing_further_down(case: Case, make: Make) -> None:
    provided = Provided(Mailer), Provided(NeedsMeetingAPI), Provided(NeedsItFurtherDown)
    container = built(make, case.refuses_gaps, *provided)
    if container is None:
        return
    text = found_by_check(container, NeedsItFurtherDown)
    for part in ("NeedsItFurtherDown", r"NeedsMeetingAPI\.__init__", "`meeting_api`", case.remedy):
        assert re.search(part, text), text


def test_check_finds_a_parameter_without_annotation(case: Case, make: Make) -> None:
    container = built(make, case.refuses_unannotated, Provided(JoinMeetingCommandHandler))
    if container is None:
        return
    text = found_by_check(container, JoinMeetingCommandHandler)
    for part in (r"JoinMeetingCommandHandler\.__init__", "`meeting_api`", "annotat"):
        assert re.search(part, text), text


@pytest.mark.parametrize("class_", [NeedsMeetingAPI, JoinMeetingCommandHandler])
def test_a_send_without_check_explains_it_too(case: Case, make: Make, class_: type) -> None:
    refusal = case.refuses_gaps if class_ is NeedsMeetingAPI else case.refuses_unannotated
    container = built(make, refusal, Provided(Mailer), Provided(class_))
    if container is None:
        return
    for _ in range(2):
        with pytest.raises(HandlerBuildError, match=rf"{class_.__name__}.* `meeting_api`"):
            mediator_for(container, class_).send(Join())


def test_an_error_of_the_handler_is_none_of_the_container(make: Make, opening: Any) -> None:
    class Failing:
        def handle(self, command: Join) -> None:
            raise TypeError("mine")

    mediator = mediator_for(make(*app([], opening), Provided(Failing)), Failing)
    for _ in range(2):
        with pytest.raises(TypeError, match="mine"):
            mediator.send(Join())


class TakesTheOther:
    def __init__(self, other: "TakesThis") -> None: ...

    def handle(self, message: Any) -> None: ...


class TakesThis:
    def __init__(self, other: TakesTheOther) -> None: ...


def test_check_finds_classes_that_need_each_other(case: Case, make: Make) -> None:
    container = built(make, case.refuses_gaps, Provided(TakesTheOther), Provided(TakesThis), naming="TakesTheOther")
    if container is not None:
        assert "TakesTheOther" in found_by_check(container, TakesTheOther)


def test_check_finds_an_annotation_that_names_nothing(case: Case, make: Make) -> None:
    class Vague:
        def __init__(self, meeting_api: "NoSuchThing") -> None: ...  # noqa: F821

        def handle(self, message: Any) -> None: ...

    container = built(make, case.refuses_vague, Provided(Vague), naming="NoSuchThing")
    if container is not None:
        assert "`meeting_api`" in found_by_check(container, Vague)


def test_check_says_yes_to_nothing_that_a_send_cannot_build(make: Make) -> None:
    class Optionally:
        def __init__(self, meeting_api: MeetingAPI | None = None) -> None: ...

        def handle(self, command: Join) -> str:
            return "handled"

    mediator = mediator_for(make(Provided(Optionally)), Optionally)
    try:
        mediator.check()
    except ConfigurationError:
        with pytest.raises(HandlerBuildError):
            mediator.send(Join())
    else:
        assert mediator.send(Join()) == "handled"


def test_resolve_can_be_awaited_as_in_the_first_version(make: Make) -> None:
    assert type(make(Provided(Mailer, "singleton")).resolve(Mailer)) is Mailer


def test_check_finds_what_a_function_cannot_be_given(case: Case, make: Make) -> None:
    def join(command: Join, meeting_api: MeetingAPI) -> None: ...

    text = found_by_check(make(Provided(Mailer)), join)
    for part in (r"\bjoin\b", "`meeting_api`", r"\bMeetingAPI\b", case.remedy):
        assert re.search(part, text), text


def test_check_finds_what_an_event_handler_lacks(case: Case, make: Make) -> None:
    container = built(make, case.refuses_gaps, Provided(Mailer), Provided(NeedsMeetingAPI))
    if container is None:
        return
    mediator = mediator_for(container, lambda command: None, NeedsMeetingAPI)
    with pytest.raises(ConfigurationError) as caught:
        mediator.check()
    assert [type(error) for error in caught.value.exceptions] == [HandlerBuildError]


def test_dependencies_are_studied_once_and_not_for_each_send(
    case: Case, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    studied: list[Any] = []
    owner, name = case.solver
    solve = getattr(owner, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        studied.append(args)
        return solve(*args, **kwargs)

    monkeypatch.setattr(owner, name, counting)

    def count(event: Joined, session: Session, mailer: Mailer) -> None: ...

    mediator = mediator_for(make(*app([])), JoinHandler, Welcome, count)
    mediator.check()
    mediator.send(Join())
    before = len(studied)
    assert before > 0
    for _ in range(3):
        mediator.send(Join())
    assert len(studied) == before


# -- the other library's container


def test_the_container_can_be_attached_later(case: Case, make: Make) -> None:
    adapter = case.adapter()
    with pytest.raises(AttributeError, match="attach_external_container"):
        adapter.external_container  # noqa: B018
    mediator = mediator_for(adapter, JoinHandler, Welcome)
    external = make(*app([])).external_container
    adapter.attach_external_container(external)
    assert adapter.external_container is external
    handler = mediator.send(Join())
    assert Welcome.seen == [handler.session]


def test_attaching_another_container_replaces_the_first(case: Case, make: Make) -> None:
    logs: list[list[str]] = [[], []]
    first, second = (make(*app(log)) for log in logs)
    mediator = mediator_for(first, JoinHandler)
    mediator.send(Join())
    first.attach_external_container(second.external_container)
    mediator.send(Join())
    assert logs == [["open session", "close session"]] * 2


def test_a_missing_library_is_named_with_the_command_that_installs_it(case: Case) -> None:
    code = (
        f"import sys; sys.modules[{case.library!r}] = None\n"
        "from diator.errors import MissingExtraError\n"
        f"try:\n    import {case.adapter.__module__}\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f'pip install "diator[{case.name}]"' in done.stdout, done.stderr
