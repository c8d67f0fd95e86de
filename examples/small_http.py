"""The HTTP half of `trio_app.py`: just enough of a server, by h11 on trio. Nothing here knows diator."""

import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import h11
import trio

#: Takes the method, the path and the body of a request; returns the status and a JSON body.
Respond = Callable[[str, str, bytes], Awaitable[tuple[int, bytes]]]

MAX_BODY = 64 * 1024
SECONDS_PER_REQUEST = 10
SECONDS_TO_STOP = 2


async def serve(respond: Respond, port: int) -> None:
    """Serve on the loopback interface until SIGINT or SIGTERM; requests in progress are finished first.

    Args:
        respond: What answers the requests.
        port: 0 takes a free one.
    """
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as connections, trio.open_nursery() as listening:
            listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
            port = listeners[0].socket.getsockname()[1]
            answer = partial(_answer, respond)
            listening.start_soon(partial(trio.serve_listeners, answer, listeners, handler_nursery=connections))
            print(f"listening on http://127.0.0.1:{port}", flush=True)
            async for _ in signals:
                connections.cancel_scope.deadline = trio.current_time() + SECONDS_TO_STOP
                listening.cancel_scope.cancel()
                break
    print("stopped", flush=True)


async def _answer(respond: Respond, stream: trio.SocketStream) -> None:
    """Read one request from a connection, answer it, and close."""
    connection = h11.Connection(h11.SERVER)
    with suppress(trio.BrokenResourceError), trio.move_on_after(SECONDS_PER_REQUEST):  # the client may be gone or slow
        async with stream:
            try:
                method, path, body = await _read(connection, stream)
            except h11.RemoteProtocolError as error:
                await _write(connection, stream, error.error_status_hint, b'{"error":"a bad HTTP request"}')
                return
            status, answer = await respond(method, path, body)
            await _write(connection, stream, status, b"" if method == "HEAD" else answer)


async def _read(connection: h11.Connection, stream: trio.SocketStream) -> tuple[str, str, bytes]:
    method, path, body = "", "", bytearray()
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    await stream.send_all(connection.send(h11.InformationalResponse(status_code=100, headers=[])))
                connection.receive_data(await stream.receive_some())
            case h11.Request() as request:
                method, path = request.method.decode(), request.target.decode().partition("?")[0]
            case h11.Data(data=data):
                body += data
                if len(body) > MAX_BODY:
                    raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
            case h11.EndOfMessage():
                return method, path, bytes(body)
            case _:  # the client has gone
                raise trio.BrokenResourceError


async def _write(connection: h11.Connection, stream: trio.SocketStream, status: int, body: bytes) -> None:
    headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
    for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
        await stream.send_all(connection.send(event) or b"")
