"""An HTTP service on trio: JSON becomes commands and queries, and their results become JSON.

Try it:

    python examples/trio_app.py --port 8000
    curl -d '{"user_id": 7}' http://127.0.0.1:8000/meetings/1/join
    curl http://127.0.0.1:8000/meetings/1
"""

import argparse
import logging
import re
from functools import partial
from typing import Any

import msgspec
import trio
from meetings_app import (
    Container,
    JoinMeeting,
    Journal,
    LeaveMeeting,
    MeetingDoesNotExist,
    MeetingError,
    MeetingIsFull,
    Meetings,
    ReadMeeting,
    Transaction,
    event_map,
    request_map,
)
from small_http import serve

from diator import Command, EventHandlingError, MiddlewareChain, Request
from diator.aio import Mediator

#: The whole interface. What a path names becomes a field of the request, as does every key of the JSON body.
ROUTES: list[tuple[str, str, type[Request[Any]]]] = [
    ("GET", r"/meetings/(?P<meeting_id>\d{1,9})", ReadMeeting),
    ("POST", r"/meetings/(?P<meeting_id>\d{1,9})/join", JoinMeeting),
    ("POST", r"/meetings/(?P<meeting_id>\d{1,9})/leave", LeaveMeeting),
]
STATUSES: dict[type[MeetingError], int] = {MeetingDoesNotExist: 404, MeetingIsFull: 409}


async def respond(mediator: Mediator, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    try:
        request = decode(method, path, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return 400, to_json({"error": str(error)})
    if request is None:
        return 404, to_json({"error": "there is nothing here"})
    try:
        return 200, to_json(await mediator.send(request))
    except MeetingError as error:
        return STATUSES[type(error)], to_json({"error": str(error)})
    except EventHandlingError as error:  # the command itself has been carried out
        logging.exception("an event handler failed")
        return 200, to_json(error.response)
    except Exception:  # one bad request must not end the service
        logging.exception("%s %s failed", method, path)
        return 500, to_json({"error": "internal error"})


def decode(method: str, path: str, body: bytes) -> Request[Any] | None:
    """Make the request that an HTTP request stands for, or None."""
    for route_method, pattern, request_type in ROUTES:
        match = re.fullmatch(pattern, path, re.ASCII)
        if match and method == route_method:
            fields = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
            fields |= {name: int(value) for name, value in match.groupdict().items()}
            request: Request[Any] = msgspec.convert(fields, request_type)
            return request
    return None


to_json = msgspec.json.encode


async def main(port: int) -> None:
    journal = Journal(partial(print, flush=True))
    chain = MiddlewareChain()
    chain.add(Transaction(journal), requests=[Command])
    container = Container(journal, Meetings(seats={1: 20, 2: 2}))
    async with Mediator(request_map, container, middleware_chain=chain, event_map=event_map) as mediator:
        await serve(partial(respond, mediator), port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve meetings over HTTP.")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    trio.run(main, parser.parse_args().port)
