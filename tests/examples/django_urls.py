"""Views that write rows in code of every kind and colour, then commit or roll back; and those of the example."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cache
from typing import Any

from asgiref.sync import sync_to_async
from django.db import OperationalError, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from meetings.models import Meeting

from diator import Command, DomainEvent, EventMap, Events, MiddlewareChain, RequestMap
from diator.contrib.django import DjangoRunner
from diator.sync import Mediator, Runner


@dataclass(frozen=True, kw_only=True)
class Write(Command[None]):
    tag: str


@dataclass(frozen=True, kw_only=True)
class Written(DomainEvent):
    tag: str


def write(tag: str, who: str) -> None:
    Meeting.objects.create(title=f"{tag} {who}", seats=1)


async def write_async(tag: str, who: str) -> None:
    await Meeting.objects.acreate(title=f"{tag} {who}", seats=1)


def do_nothing(command: Write) -> None: ...


def only_record(command: Write, events: Events) -> None:
    events.append(Written(tag=command.tag))


def handle(command: Write, events: Events) -> None:
    write(command.tag, "handler")
    events.append(Written(tag=command.tag))


async def handle_async(command: Write, events: Events) -> None:
    await write_async(command.tag, "async handler")
    events.append(Written(tag=command.tag))


def on_written(event: Written) -> None:
    write(event.tag, "event handler")


async def on_written_async(event: Written) -> None:
    await write_async(event.tag, "async event handler")


def middleware(request: Any, handle: Callable[[Any], Any]) -> Any:
    response = handle(request)
    write(request.tag, "middleware")
    return response


async def middleware_async(request: Any, handle: Callable[[Any], Any]) -> Any:
    response = await handle(request)
    await write_async(request.tag, "async middleware")
    return response


def middleware_generator(request: Any) -> Generator[Any, Any, Any]:
    response = yield request
    write(request.tag, "generator middleware")
    return response


# the request handler, the event handlers, the middlewares
PLANS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "handler": (handle, [], []),
    "async handler": (handle_async, [], []),
    "event handler": (only_record, [on_written], []),
    "async event handler": (only_record, [on_written_async], []),
    "middleware": (do_nothing, [], [middleware]),
    "async middleware": (do_nothing, [], [middleware_async]),
    "generator middleware": (do_nothing, [], [middleware_generator]),
    "all async": (handle_async, [on_written_async], [middleware_async]),
    "async inside": (handle_async, [on_written_async, on_written], [middleware, middleware_generator]),
    "async outside": (handle, [on_written, on_written_async], [middleware_async, middleware_generator, middleware]),
}
RUNNERS = {"django": DjangoRunner, "stock": Runner}


@cache
def make_mediator(plan: str, runner: str) -> Mediator:
    handler, event_handlers, middlewares = PLANS[plan]
    requests, events, chain = RequestMap(), EventMap(), MiddlewareChain()
    requests.bind(Write, handler)
    for event_handler in event_handlers:
        events.bind(Written, event_handler)
    chain.set(middlewares)
    return Mediator(requests, event_map=events, middleware_chain=chain, runner=RUNNERS[runner]())


def work(tag: str, plan: str, runner: str, end: str, first: str) -> None:
    with transaction.atomic():
        if first == "write":
            write(tag, "view")
        make_mediator(plan, runner).send(Write(tag=tag))
        if end == "rollback":
            transaction.set_rollback(True)


def view(request: HttpRequest) -> JsonResponse:
    try:
        work(**request.GET.dict())
    except OperationalError as error:
        return JsonResponse({"error": str(error)}, status=503)
    return JsonResponse({})


async def view_async(request: HttpRequest) -> JsonResponse:
    await sync_to_async(work)(**request.GET.dict())
    return JsonResponse({})


async def view_blocking_the_loop(request: HttpRequest) -> JsonResponse:
    try:
        make_mediator("all async", "django").send(Write(tag=request.GET["tag"]))
    except RuntimeError as error:
        return JsonResponse({"error": type(error).__name__}, status=503)
    return JsonResponse({})


urlpatterns = [
    path("", include("project.urls")),
    path("def/", view),
    path("async/", view_async),
    path("blocking-the-loop/", view_blocking_the_loop),
]
