"""What the brokers on Redis decide without a server."""

from typing import Any

import pytest

from diator._core.channels import Channels
from diator._core.redis_errors import code_of, explain, is_no_group
from diator._core.stream_acks import ack_commands
from diator._core.stream_entries import Entry, Note, dead_fields, dead_message, fields_of, lowest_needed, number_of
from diator._core.stream_health import concerns
from diator._core.stream_ledger import Held, Ledger
from diator._core.wire import Message


def entry(fields: list[Any]) -> Entry:
    return Entry.from_reply([b"1700000000000-7", [f.encode() if isinstance(f, str) else f for f in fields]])


def test_an_entry_comes_back_as_it_was_written() -> None:
    headers = {"content_type": "application/json", "partition_key": "ключ"}
    read = entry(fields_of(b"\x00\xff", headers, "mailer"))
    assert (read.body, read.headers, read.group) == (b"\x00\xff", headers, "mailer")
    assert entry(fields_of(b"", {})).group is None


def test_what_is_no_text_survives_the_way_to_the_dead_letters_and_back() -> None:
    strange = entry([b"\xfe", b"\xff", b"body", b"x"])
    fields = dead_fields(strange.body, strange.headers, reason="why", attempt=3, group="g", source="s")
    again = entry(list(fields))
    assert (again.headers, again.body) == (strange.headers, b"x")
    dead = dead_message(again)
    assert (dead.reason, dead.attempt, dead.headers) == ("why", 3, strange.headers)
    assert dead.dead_at is not None
    assert dead.dead_at.isoformat() == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("text", [None, b"", b"x", b"1", b"1:", b"1:{}", b"1:[1]", b":[]"])
def test_a_note_that_cannot_be_read_is_none(text: bytes | None) -> None:
    assert Note.read(text) == Note()


def test_a_note_is_read() -> None:
    assert Note.read(b"1700000000123:" + Note.text({"b", "a"})) == Note(1700000000123, frozenset({"a", "b"}))


def test_nothing_is_removed_that_a_group_still_needs() -> None:
    def group(last: str) -> list[bytes]:
        return [b"name", b"g", b"last-delivered-id", last.encode()]

    nothing: list[Any] = [0, None, None, None]
    assert lowest_needed([], []) is None
    assert lowest_needed([group("9-0"), group("10-2")], [nothing, nothing]) == "9-0"
    assert lowest_needed([group("9-0"), group("10-2")], [nothing, [1, b"8-3", b"8-3", []]]) == "8-3"
    assert number_of("10-1") > number_of("9-2")


def test_acknowledgements_of_a_stream_share_a_command() -> None:
    a, b, c, noted = Held("s", "1-0", 0, 1), Held("t", "2-0", 0, 1), Held("s", "3-0", 0, 1), Held("s", "4-0", 0, 1)
    noted.is_noted = True
    commands, places = ack_commands([(a, True), (b, True), (c, True), (noted, True), (a, False)], "g", "me", str.upper)
    assert commands[:2] == [("XACK", "s", "g", "1-0", "3-0"), ("XACK", "t", "g", "2-0")]
    assert (commands[2][0], commands[2][2:]) == ("EVAL", (2, "s", "S", "g", "me", "4-0", "1-0"))
    assert places == [0, 1, 0, 2, 2]


def test_a_later_delivery_supersedes_an_earlier_one() -> None:
    ledger, message = Ledger(), entry(fields_of(b"", {}))
    first = ledger.add(Held("s", "1-0", 0, 1), message, 1)
    second = ledger.add(Held("s", "1-0", 0, 1), message, 2)
    assert ledger.find(first) is None
    assert ledger.find(second) is second.handle
    ledger.remove(first.handle)
    assert len(ledger) == 1
    ledger.remove(second.handle)
    assert ledger.find(second) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", "OOM"),
        ("ERR Error running script (call to f_1): @user_script:3: -NOGROUP No such key", "NOGROUP"),
        ("NOGROUP No such key 's' or consumer group 'g' script: 1, on @user_script:3.", "NOGROUP"),
        ("ERR wrong number of arguments", "ERR"),
    ],
)
def test_errors_are_told_by_their_code_in_scripts_too(text: str, code: str) -> None:
    assert code_of(text) == code
    assert is_no_group(Exception(explain(code_of(text), text, "EVAL"))) is (code == "NOGROUP")


def test_an_error_never_quotes_arguments() -> None:
    reply = "ERR unknown command 'XADD', with args beginning with: 's' '*' 'body' 'canary'"
    assert explain("ERR", reply, "XADD") == "Redis does not know XADD: version 6.2 or newer is needed"
    assert "canary" not in explain("ERR", "ERR canary is not an integer", "XADD")


def test_what_a_server_says_about_itself_is_judged() -> None:
    durable, volatile = b"aof_enabled:1\r\n", b"# Persistence\r\nloading:0\r\naof_enabled:0\r\n"
    evicting = b"maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n"
    assert concerns([durable, b"maxmemory:0\r\nmaxmemory_policy:allkeys-lru"]).texts == []
    assert concerns([durable, b"maxmemory:9\r\nmaxmemory_policy:volatile-lru"]).texts == []
    assert len(concerns([volatile, evicting]).texts) == 2
    assert concerns([volatile, b""]).is_volatile
    unknown = concerns([Exception("NOPERM"), Exception("NOPERM")])
    assert (bool(unknown.is_volatile), unknown.texts) == (True, [])


def test_channels() -> None:
    message = Message(message_type="t", message_name="n", payload={}, partition_key=None)
    channels = Channels("p[1]", "{prefix}:{type}:{id}:{key}")
    assert channels.name(message) == f"p[1]:t:{message.message_id}:"
    assert channels.pattern == r"p\[1\]:*:*:*"
