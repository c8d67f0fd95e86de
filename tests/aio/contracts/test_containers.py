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
from tests.aio.conftest import checkpoint, sleep, together
from tests.aio.contracts.containers.interface import Case, Provided
from tests.aio.contracts.containers.parts import (
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
from tests.aio.contracts.containers.suite import Make, app, make, pytest_generate_tests

__all__ = ("make", "pytest_generate_tests")


# -- one scope for each send


async def test_handler_and_event_handlers_share_what_is_scoped_and_it_is_open(make: Make, opening: Any) -> None:
    log: list[str] = []
    handler = await mediator_for(make(*app(log, opening)), JoinHandler, Welcome).send(Join())
    assert type(handler.mailer) is Mailer
    assert Welcome.seen == [handler.session]
    assert log == ["open session", "close session"]
    assert handler.session.closed


async def test_the_scope_spans_the_middlewares_and_every_event_handler(make: Make, opening: Any) -> None:
    log: list[str] = []

    async def middleware(request: Any, handle: Any) -> Any:
        log.append("before")
        response = await handle(request)
        log.append("after")
        return response

    async def first(event: Joined, session: Session) -> None:
        Welcome.seen.append(session)
        log.append("first")

    def second(event: Joined, session: Session) -> None:
        Welcome.seen.append(session)
        log.append("second")

    container = make(*app(log, opening))
    handler = await mediator_for(container, JoinHandler, first, second, middleware=middleware).send(Join())
    assert Welcome.seen == [handler.session] * 2
    assert log == ["before", "open session", "after", "first", "second", "close session"]


async def test_every_send_has_a_scope_of_its_own(make: Make, opening: Any) -> None:
    log: list[str] = []
    mediator = mediator_for(make(*app(log, opening)), JoinHandler, Welcome)
    first, second = await mediator.send(Join()), await mediator.send(Join())
    assert first.session is not second.session
    assert Welcome.seen == [first.session, second.session]
    assert log == ["open session", "close session"] * 2


async def test_concurrent_sends_have_scopes_of_their_own(make: Make, opening: Any) -> None:
    log: list[str] = []

    async def join(command: Join, session: Session, events: Events) -> Any:
        await sleep(0.01)
        assert not session.closed
        events.append(Joined(name=command.name))
        await sleep(0.01)
        return session

    async def welcome(event: Joined, session: Session) -> None:
        await sleep(0.01)
        assert not session.closed
        Welcome.seen.append(session)

    mediator = mediator_for(make(*app(log, opening)), join, welcome)
    mediator.check()

    async def send() -> Any:
        return await mediator.send(Join())

    responses = await together(*[send] * 5)
    assert {id(session) for session in responses} == {id(session) for session in Welcome.seen}
    assert len({id(session) for session in responses}) == 5
    assert sorted(log) == ["close session"] * 5 + ["open session"] * 5


async def test_nested_sends_have_scopes_of_their_own(make: Make, opening: Any) -> None:
    log: list[str] = []

    async def join(command: Join, session: Session) -> Any:
        inner = [] if command.name == "inner" else await mediator.send(Join(name="inner"))
        assert not session.closed
        return [session, *inner]

    mediator = mediator_for(make(*app(log, opening)), join)
    outer, inner = await mediator.send(Join())
    assert outer is not inner
    assert log == ["open session", "open session", "close session", "close session"]


async def test_the_handlers_of_a_published_event_share_a_scope(make: Make, opening: Any) -> None:
    log: list[str] = []

    async def other(event: Joined, session: Session) -> None:
        assert not session.closed
        Welcome.seen.append(session)

    await mediator_for(make(*app(log, opening)), JoinHandler, Welcome, other).publish(Joined(name="ann"))
    first, second = Welcome.seen
    assert first is second
    assert log == ["open session", "close session"]


async def test_event_handlers_that_run_side_by_side_share_a_scope(make: Make, opening: Any) -> None:
    log: list[str] = []

    async def other(event: Joined, session: Session) -> None:
        await checkpoint()
        Welcome.seen.append(session)

    mediator = mediator_for(make(*app(log, opening)), JoinHandler, Welcome, other, concurrency=2)
    await mediator.publish(Joined(name="ann"))
    assert len({id(session) for session in Welcome.seen}) == 1
    assert log == ["open session", "close session"]


# -- it closes once, in reverse order


async def test_what_was_opened_last_is_closed_first(make: Make, opening: Any) -> None:
    log: list[str] = []

    class Both:
        def __init__(self, session: Session, lock: Lock) -> None: ...

        async def handle(self, command: Join) -> None:
            log.append("handle")

    container = make(Provided(Lock, "scoped", locks(log)), Provided(Session, "scoped", opening(log)), Provided(Both))
    await mediator_for(container, Both).send(Join())
    opened, closed = log[:2], log[3:]
    assert sorted(opened) == ["open lock", "open session"]
    assert log[2] == "handle"
    assert closed == [line.replace("open", "close") for line in reversed(opened)]


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt("mine")])
async def test_it_closes_when_the_handler_fails(make: Make, opening: Any, error: BaseException) -> None:
    log: list[str] = []

    async def join(command: Join, session: Session, lock: Lock) -> None:
        await checkpoint()
        raise error

    mediator = mediator_for(make(*app(log, opening), Provided(Lock, "scoped", locks(log))), join)
    with pytest.raises(type(error), match="mine") as caught:
        await mediator.send(Join())
    assert caught.value is error
    assert log == ["open session", "open lock", "close lock", "close session"]


class OnlyHandles:
    """Records nothing."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def handle(self, command: Join) -> Any:
        await checkpoint()
        assert not self.session.closed
        if command.name == "nobody":
            raise KeyError("mine")
        return self.session


async def test_it_closes_around_a_class_that_records_nothing(make: Make, opening: Any) -> None:
    log: list[str] = []
    mediator = mediator_for(make(*app(log, opening), Provided(OnlyHandles)), OnlyHandles)
    assert (await mediator.send(Join())).closed
    assert log == ["open session", "close session"]
    with pytest.raises(KeyError, match="mine"):
        await mediator.send(Join(name="nobody"))
    assert log == ["open session", "close session"] * 2


async def test_a_finaliser_that_fails_around_a_class_that_records_nothing_is_reported(make: Make, opening: Any) -> None:
    error = OSError("cannot close")
    mediator = mediator_for(make(*app([], opening, error), Provided(OnlyHandles)), OnlyHandles)
    with pytest.raises(EventHandlingError) as caught:
        await mediator.send(Join())
    assert caught.value.response.closed
    assert caught.value.exceptions == (error,)
    with pytest.raises(KeyError, match="mine") as failed:
        await mediator.send(Join(name="nobody"))
    assert "OSError: cannot close" in "".join(getattr(failed.value, "__notes__", ()))


async def test_it_closes_when_an_event_handler_fails(make: Make, opening: Any) -> None:
    log: list[str] = []

    async def fail(event: Joined, lock: Lock) -> None:
        raise KeyError("mine")

    container = make(*app(log, opening), Provided(Lock, "scoped", locks(log)))
    with pytest.raises(EventHandlingError) as caught:
        await mediator_for(container, JoinHandler, fail, Welcome).send(Join())
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    assert Welcome.seen == [caught.value.response.session]
    assert log == ["open session", "open lock", "close lock", "close session"]


async def test_it_closes_when_a_second_dependency_cannot_be_made(make: Make, opening: Any) -> None:
    log: list[str] = []

    def broken() -> Lock:
        raise OSError("no lock")

    async def join(command: Join, session: Session, lock: Lock) -> None:
        raise AssertionError

    container = make(*app(log, opening), Provided(Lock, "scoped", broken))
    with pytest.raises(OSError, match="no lock"):
        await mediator_for(container, join).send(Join())
    assert log == ["open session", "close session"]


async def test_a_finaliser_that_fails_after_success_is_reported_with_the_response(make: Make, opening: Any) -> None:
    log: list[str] = []
    error = OSError("cannot close")
    container = make(*app(log, opening, error), Provided(Lock, "scoped", locks(log)))

    async def lock_too(event: Joined, lock: Lock) -> None: ...

    with pytest.raises(EventHandlingError, match="Join") as caught:
        await mediator_for(container, JoinHandler, lock_too).send(Join())
    assert caught.value.response.session.closed
    assert caught.value.exceptions == (error,)
    assert log == ["open session", "open lock", "close lock", "close session"]


async def test_a_finaliser_that_fails_hides_no_error_of_an_event_handler(make: Make, opening: Any) -> None:
    error = OSError("cannot close")

    async def fail(event: Joined) -> None:
        raise KeyError("mine")

    with pytest.raises(EventHandlingError) as caught:
        await mediator_for(make(*app([], opening, error)), JoinHandler, fail).send(Join())
    assert caught.value.response.session.closed
    assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


async def test_a_finaliser_that_fails_does_not_hide_the_error_of_the_handler(make: Make, opening: Any) -> None:
    error = ValueError("mine")

    async def join(command: Join, session: Session) -> None:
        raise error

    mediator = mediator_for(make(*app([], opening, OSError("cannot close"))), join)
    with pytest.raises(ValueError, match="mine") as caught:
        await mediator.send(Join())
    assert caught.value is error
    assert "OSError: cannot close" in "".join(getattr(error, "__notes__", ()))


async def test_no_failing_finaliser_hides_another_one(make: Make, opening: Any) -> None:
    async def join(command: Join, session: Session, lock: Lock) -> None:
        if command.name == "failing":
            raise ValueError("mine")

    def container() -> Any:
        return make(*app([], opening, OSError("session")), Provided(Lock, "scoped", locks([], KeyError("lock"))))

    with pytest.raises(EventHandlingError) as done:
        await mediator_for(container(), join).send(Join())
    shown = "".join(format_exception(done.value))
    assert "OSError: session" in shown
    assert "KeyError: 'lock'" in shown
    with pytest.raises(ValueError, match="mine") as failed:
        await mediator_for(container(), join).send(Join(name="failing"))
    assert [note.removeprefix("closing the dependency scope then raised ") for note in failed.value.__notes__] == [
        "KeyError: 'lock'",
        "OSError: session",
    ]


async def test_a_finaliser_that_fails_does_not_hide_an_immutable_error(make: Make, opening: Any) -> None:
    @dataclass(frozen=True)
    class Full(Exception):
        places: int

    async def join(command: Join, session: Session) -> None:
        raise error

    error = Full(places=7)
    with pytest.raises(Full) as caught:
        await mediator_for(make(*app([], opening, OSError("cannot close"))), join).send(Join())
    assert caught.value is error


async def test_a_finaliser_that_swallows_errors_cannot_make_a_failed_command_look_done(make: Make) -> None:
    def swallowing() -> Any:
        with suppress(KeyError):
            yield Session()

    async def join(command: Join, session: Session) -> None:
        raise KeyError("mine")

    mediator = mediator_for(make(Provided(Session, "scoped", swallowing)), join)
    with pytest.raises(KeyError, match="mine"):
        await mediator.send(Join())


# -- scopes of others


async def test_a_scope_opened_elsewhere_is_used_and_left_open(case: Case, make: Make, opening: Any) -> None:
    log: list[str] = []
    container = make(*app(log, opening))
    mediator = mediator_for(container, JoinHandler, Welcome)
    async with case.opened_elsewhere(container) as scope:
        first = await mediator.send(Join(), scope=scope)
        second = await mediator.send(Join(), scope=scope)
        await mediator.publish(Joined(name="ann"), scope=scope)
        assert first.session is second.session
        assert Welcome.seen == [first.session] * 3
        own = await mediator.send(Join())
        assert own.session is not first.session
        assert log == ["open session", "open session", "close session"]
        assert not first.session.closed
    assert log == ["open session", "open session", "close session", "close session"]
    assert first.session.closed


async def test_a_failing_send_leaves_a_scope_of_others_open(case: Case, make: Make, opening: Any) -> None:
    log: list[str] = []

    async def join(command: Join, session: Session) -> None:
        raise KeyError("mine")

    container = make(*app(log, opening))
    mediator = mediator_for(container, join)
    async with case.opened_elsewhere(container) as scope:
        with pytest.raises(KeyError, match="mine"):
            await mediator.send(Join(), scope=scope)
        assert log == ["open session"]
    assert log == ["open session", "close session"]


async def test_what_is_no_scope_is_refused(make: Make) -> None:
    mediator = mediator_for(make(*app([])), JoinHandler)
    with pytest.raises(TypeError, match=r"scope= takes .* dict"):
        await mediator.send(Join(), scope={})


# -- lifetimes


async def test_the_container_decides_how_long_handlers_live(make: Make) -> None:
    class Handler:
        async def handle(self, command: Join) -> Any:
            return self

    class Twice:
        def __init__(self, one: Mailer, other: Mailer) -> None:
            self.same = one is other

        async def handle(self, command: Join) -> Any:
            return self.same

    async def handlers(lifetime: Any) -> list[Any]:
        mediator = mediator_for(make(Provided(Handler, lifetime)), Handler)
        return [await mediator.send(Join()) for _ in range(2)]

    first, second = await handlers("singleton")
    assert first is second
    for lifetime in ("scoped", "transient"):
        first, second = await handlers(lifetime)
        assert first is not second
    for lifetime, same in (("singleton", True), ("scoped", True), ("transient", False)):
        container = make(Provided(Twice), Provided(Mailer, lifetime))
        assert await mediator_for(container, Twice).send(Join()) is same


async def test_a_singleton_made_by_a_factory_is_made_once(make: Make) -> None:
    made: list[Mailer] = []

    def make_mailer() -> Mailer:
        made.append(Mailer())
        return made[-1]

    async def join(command: Join, mailer: Mailer) -> Any:
        return mailer

    mediator = mediator_for(make(Provided(Mailer, "singleton", make_mailer)), join)
    assert await mediator.send(Join()) is await mediator.send(Join())
    assert len(made) == 1


async def test_factories_that_wait_are_awaited_or_refused(case: Case, make: Make) -> None:
    async def make_session() -> Session:
        await checkpoint()
        return Session()

    mediator = mediator_for(make(Provided(Session, "scoped", make_session), Provided(Welcome)), takes_session, Welcome)
    if case.awaits:
        mediator.check()
        assert type(await mediator.send(Join())) is Session
    else:
        with pytest.raises(ConfigurationError) as caught:
            mediator.check()
        assert [type(error) for error in caught.value.exceptions] == [HandlerBuildError] * 2
        for error in caught.value.exceptions:
            assert "Session" in str(error)
            assert "make_session" in str(error)


async def takes_session(command: Join, session: Session) -> Any:
    return session


# -- functions


async def test_the_further_parameters_of_functions_come_from_the_container(make: Make, opening: Any) -> None:
    async def join(command: Join, mailer: Mailer, events: Events, *, session: Session, limit: int = 3) -> Any:
        events.append(Joined(name=command.name))
        return mailer, session, limit

    def welcome(event: Joined, events: Events, session: Session, mailer: Mailer) -> None:
        assert type(mailer) is Mailer
        Welcome.seen.append(session)

    mediator = mediator_for(make(*app([], opening)), join, welcome)
    mediator.check()
    mailer, session, limit = await mediator.send(Join())
    assert (type(mailer), type(session), limit) == (Mailer, Session, 3)
    assert Welcome.seen == [session]


# -- what check finds


async def test_check_builds_nothing_and_finds_nothing_wrong_with_a_good_container(make: Make, opening: Any) -> None:
    log: list[str] = []

    def join(command: Join, session: Session) -> None: ...

    container = make(*app(log, opening))
    mediator_for(container, JoinHandler, Welcome, lambda event: None).check()
    mediator_for(container, join).check()
    assert log == []


class NeedsMeetingAPI:
    def __init__(self, mailer: Mailer, meeting_api: MeetingAPI) -> None: ...

    async def handle(self, message: Any) -> None: ...


class NeedsItFurtherDown:
    def __init__(self, needs: NeedsMeetingAPI) -> None: ...

    async def handle(self, message: Any) -> None: ...


class JoinMeetingCommandHandler:
    def __init__(self, meeting_api) -> None:  # type: ignore[no-untyped-def]
        self._meeting_api = meeting_api

    async def handle(self, message: Any) -> None: ...


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


async def test_check_names_the_handler_the_parameter_and_the_remedy_for_what_is_missing(case: Case, make: Make) -> None:
    container = built(make, case.refuses_gaps, Provided(Mailer), Provided(NeedsMeetingAPI))
    if container is None:
        return
    text = found_by_check(container, NeedsMeetingAPI)
    for part in (r"NeedsMeetingAPI\.__init__", "`meeting_api`", r"\bMeetingAPI\b", case.remedy):
        assert re.search(part, text), text


async def test_check_finds_what_is_missing_further_down(case: Case, make: Make) -> None:
    provided = Provided(Mailer), Provided(NeedsMeetingAPI), Provided(NeedsItFurtherDown)
    container = built(make, case.refuses_gaps, *provided)
    if container is None:
        return
    text = found_by_check(container, NeedsItFurtherDown)
    for part in ("NeedsItFurtherDown", r"NeedsMeetingAPI\.__init__", "`meeting_api`", case.remedy):
        assert re.search(part, text), text


async def test_check_finds_a_parameter_without_annotation(case: Case, make: Make) -> None:
    container = built(make, case.refuses_unannotated, Provided(JoinMeetingCommandHandler))
    if container is None:
        return
    text = found_by_check(container, JoinMeetingCommandHandler)
    for part in (r"JoinMeetingCommandHandler\.__init__", "`meeting_api`", "annotat"):
        assert re.search(part, text), text


@pytest.mark.parametrize("class_", [NeedsMeetingAPI, JoinMeetingCommandHandler])
async def test_a_send_without_check_explains_it_too(case: Case, make: Make, class_: type) -> None:
    refusal = case.refuses_gaps if class_ is NeedsMeetingAPI else case.refuses_unannotated
    container = built(make, refusal, Provided(Mailer), Provided(class_))
    if container is None:
        return
    for _ in range(2):
        with pytest.raises(HandlerBuildError, match=rf"{class_.__name__}.* `meeting_api`"):
            await mediator_for(container, class_).send(Join())


async def test_an_error_of_the_handler_is_none_of_the_container(make: Make, opening: Any) -> None:
    class Failing:
        async def handle(self, command: Join) -> None:
            raise TypeError("mine")

    mediator = mediator_for(make(*app([], opening), Provided(Failing)), Failing)
    for _ in range(2):
        with pytest.raises(TypeError, match="mine"):
            await mediator.send(Join())


class TakesTheOther:
    def __init__(self, other: "TakesThis") -> None: ...

    async def handle(self, message: Any) -> None: ...


class TakesThis:
    def __init__(self, other: TakesTheOther) -> None: ...


async def test_check_finds_classes_that_need_each_other(case: Case, make: Make) -> None:
    container = built(make, case.refuses_gaps, Provided(TakesTheOther), Provided(TakesThis), naming="TakesTheOther")
    if container is not None:
        assert "TakesTheOther" in found_by_check(container, TakesTheOther)


async def test_check_finds_an_annotation_that_names_nothing(case: Case, make: Make) -> None:
    class Vague:
        def __init__(self, meeting_api: "NoSuchThing") -> None: ...  # noqa: F821

        async def handle(self, message: Any) -> None: ...

    container = built(make, case.refuses_vague, Provided(Vague), naming="NoSuchThing")
    if container is not None:
        assert "`meeting_api`" in found_by_check(container, Vague)


async def test_check_says_yes_to_nothing_that_a_send_cannot_build(make: Make) -> None:
    class Optionally:
        def __init__(self, meeting_api: MeetingAPI | None = None) -> None: ...

        async def handle(self, command: Join) -> str:
            return "handled"

    mediator = mediator_for(make(Provided(Optionally)), Optionally)
    try:
        mediator.check()
    except ConfigurationError:
        with pytest.raises(HandlerBuildError):
            await mediator.send(Join())
    else:
        assert await mediator.send(Join()) == "handled"


async def test_resolve_can_be_awaited_as_in_the_first_version(make: Make) -> None:
    assert type(await make(Provided(Mailer, "singleton")).resolve(Mailer)) is Mailer


async def test_check_finds_what_a_function_cannot_be_given(case: Case, make: Make) -> None:
    async def join(command: Join, meeting_api: MeetingAPI) -> None: ...

    text = found_by_check(make(Provided(Mailer)), join)
    for part in (r"\bjoin\b", "`meeting_api`", r"\bMeetingAPI\b", case.remedy):
        assert re.search(part, text), text


async def test_check_finds_what_an_event_handler_lacks(case: Case, make: Make) -> None:
    container = built(make, case.refuses_gaps, Provided(Mailer), Provided(NeedsMeetingAPI))
    if container is None:
        return
    mediator = mediator_for(container, lambda command: None, NeedsMeetingAPI)
    with pytest.raises(ConfigurationError) as caught:
        mediator.check()
    assert [type(error) for error in caught.value.exceptions] == [HandlerBuildError]


async def test_dependencies_are_studied_once_and_not_for_each_send(
    case: Case, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    studied: list[Any] = []
    owner, name = case.solver
    solve = getattr(owner, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        studied.append(args)
        return solve(*args, **kwargs)

    monkeypatch.setattr(owner, name, counting)

    async def count(event: Joined, session: Session, mailer: Mailer) -> None: ...

    mediator = mediator_for(make(*app([])), JoinHandler, Welcome, count)
    mediator.check()
    await mediator.send(Join())
    before = len(studied)
    assert before > 0
    for _ in range(3):
        await mediator.send(Join())
    assert len(studied) == before


# -- the other library's container


async def test_the_container_can_be_attached_later(case: Case, make: Make) -> None:
    adapter = case.adapter()
    with pytest.raises(AttributeError, match="attach_external_container"):
        adapter.external_container  # noqa: B018
    mediator = mediator_for(adapter, JoinHandler, Welcome)
    external = make(*app([])).external_container
    adapter.attach_external_container(external)
    assert adapter.external_container is external
    handler = await mediator.send(Join())
    assert Welcome.seen == [handler.session]


async def test_attaching_another_container_replaces_the_first(case: Case, make: Make) -> None:
    logs: list[list[str]] = [[], []]
    first, second = (make(*app(log)) for log in logs)
    mediator = mediator_for(first, JoinHandler)
    await mediator.send(Join())
    first.attach_external_container(second.external_container)
    await mediator.send(Join())
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
