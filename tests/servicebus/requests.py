"""Requests over AMQP: tokens for ``$cbs``, and what ``$management`` of an entity is asked to do."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from proton import UNDESCRIBED, Array, Data, Message, int32, symbol

from .errors import Refusal
from .queues import Queue, Stored
from .topics import Topic
from .wire import WireMessage, moment

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ("answer_management", "answer_token")

_RECEIVE_AND_DELETE = 0


def answer_token(connection: "Connection", raw: bytes) -> None:
    """Check a token, and remember what it allows."""
    request = _read(raw)
    properties: dict[str, Any] = {"status-code": int32(202), "status-description": "Accepted"}
    try:
        connection.claims.add(connection.server.security.check(request.properties["name"], request.body))
    except Refusal as refusal:
        properties = {"status-code": int32(refusal.status), "status-description": refusal.text}
    connection.reply("$cbs", Message(correlation_id=request.id, properties=properties))


def answer_management(connection: "Connection", path: str, raw: bytes) -> None:
    """Do what a request says."""
    request = _read(raw)
    body: Any = None
    try:
        operation = _OPERATIONS.get(str(request.properties["operation"]).removeprefix("com.microsoft:"))
        if operation is None:
            raise Refusal("amqp:not-implemented", "The stand-in for Service Bus cannot do this.", 501)
        body = operation(connection.entity(path.removesuffix("/$management")), request.body)
        status = 200 if body is not None else 204
        properties: dict[str, Any] = {"statusCode": int32(status), "statusDescription": "OK"}
    except Refusal as refusal:
        properties = {
            "statusCode": int32(refusal.status),
            "statusDescription": refusal.text,
            "errorCondition": symbol(refusal.condition),
        }
    connection.reply(path, Message(body=body, correlation_id=request.id, properties=properties))


def _read(raw: bytes) -> Message:
    message = Message()
    message.decode(raw)
    return message


def _renew_lock(queue: Queue, body: Mapping[str, Any]) -> Any:
    expirations = [moment(queue.renew(token)) for token in body["lock-tokens"]]
    return {"expirations": Array(UNDESCRIBED, Data.TIMESTAMP, *expirations)}


def _update_disposition(queue: Queue, body: Mapping[str, Any]) -> Any:
    for token in body["lock-tokens"]:
        match body["disposition-status"]:
            case "completed":
                queue.complete(token)
            case "abandoned":
                queue.abandon(token)
            case "defered":  # as the protocol spells it
                queue.defer(token)
            case "suspended":
                queue.bury(token, body.get("deadletter-reason"), body.get("deadletter-description"))
    return {}


def _peek(queue: Queue, body: Mapping[str, Any]) -> Any:
    found = queue.peek(body["from-sequence-number"], body["message-count"], body.get("session-id"))
    return {"messages": [{"message": stored.encode()} for stored in found]} if found else None


def _schedule(entity: Queue | Topic, body: Mapping[str, Any]) -> Any:
    numbers = [entity.put(WireMessage.parse(bytes(item["message"]))) for item in body["messages"]]
    return {"sequence-numbers": Array(UNDESCRIBED, Data.LONG, *numbers)}


def _cancel_scheduled(entity: Queue | Topic, body: Mapping[str, Any]) -> Any:
    for number in body["sequence-numbers"]:
        entity.cancel_scheduled(number)
    return {}


def _receive_deferred(queue: Queue, body: Mapping[str, Any]) -> Any:
    stored = [queue.deferred(number) for number in body["sequence-numbers"]]
    deletes = body["receiver-settle-mode"] == _RECEIVE_AND_DELETE
    return {"messages": [_delete(queue, one) if deletes else _lock(queue, one) for one in stored]}


def _delete(queue: Queue, stored: Stored) -> dict[str, Any]:
    queue.remove(stored)
    return {"message": stored.encode()}


def _lock(queue: Queue, stored: Stored) -> dict[str, Any]:
    lock = queue.lock(stored)
    return {"message": stored.encode(lock.until), "lock-token": lock.token}


def _renew_session(queue: Queue, body: Mapping[str, Any]) -> Any:
    return {"expiration": moment(queue.sessions.renew(body["session-id"]))}


def _get_session_state(queue: Queue, body: Mapping[str, Any]) -> Any:
    return {"session-state": queue.sessions[body["session-id"]].state}


def _set_session_state(queue: Queue, body: Mapping[str, Any]) -> Any:
    state = body["session-state"]
    queue.sessions[body["session-id"]].state = None if state is None else bytes(state)
    return {}


_OPERATIONS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "renew-lock": _renew_lock,
    "update-disposition": _update_disposition,
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel_scheduled,
    "receive-by-sequence-number": _receive_deferred,
    "renew-session-lock": _renew_session,
    "get-session-state": _get_session_state,
    "set-session-state": _set_session_state,
}
