"""No secret comes out again, whatever is wrong."""

import copy
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from diator.errors import SettingsError
from diator.settings import BrokerSettings, DiatorSettings, Side, broker_from_settings

CANARY = "hunter2"


def shown(error: BaseException) -> Iterator[str]:
    """All that a program may print or log of an error, the variables in the frames of diator included."""
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
    yield "".join(traceback.format_exception(error))
    frames = error.__traceback__ and error.__traceback__.tb_next  # the first is that of the test
    yield "".join(traceback.TracebackException(type(error), error, frames, capture_locals=True).format())
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield from shown(other)


def assert_hidden(error: BaseException) -> None:
    assert [text for text in shown(error) if CANARY in text] == []


def variables() -> list[str]:
    sections = {name: field.annotation for name, field in DiatorSettings.model_fields.items()}
    fields = [f"DIATOR_{s}__{f}".upper() for s, model in sections.items() for f in getattr(model, "model_fields", ())]
    return [*fields, *(f"DIATOR_{section}".upper() for section in sections), "DIATOR_BROKER__NO_SUCH_THING"]


WRONG = [
    CANARY,
    f"://{CANARY}",
    f"Endpoint=sb://x/;SharedAccessKey={CANARY}",
    f'{{"url": "{CANARY}"',
    f'{{"url": "redis://:{CANARY}@h"}}',
    f" redis://:{CANARY}@h",
]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("source", ["environment", "env file", "secret file"])
def test_no_error_shows_a_wrong_value_of_any_variable(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, source: str, value: str
) -> None:
    (elsewhere / "secrets").mkdir()
    good = "DIATOR_BROKER__URL", f"redis://user:{CANARY}@host"  # as pydantic quotes the neighbours of a wrong field
    for name in variables():
        given = dict([good, ("DIATOR_WORKER__CONCURRENCY", "0"), (name, value)])
        options: dict[str, Any] = {}
        with monkeypatch.context() as patch:
            if source == "environment":
                for variable, text in given.items():
                    patch.setenv(variable, text)
            elif source == "env file":
                (elsewhere / ".env").write_text("".join(f"{variable}='{text}'\n" for variable, text in given.items()))
                options["_env_file"] = ".env"
            else:
                for file in (elsewhere / "secrets").iterdir():
                    file.unlink()
                for variable, text in given.items():
                    (elsewhere / "secrets" / variable).write_text(text)
                options["_secrets_dir"] = "secrets"
            with pytest.raises(SettingsError) as caught:
                DiatorSettings(**options)
        assert_hidden(caught.value)


def test_no_error_shows_an_argument() -> None:
    wrong: list[dict[str, Any]] = [
        {"broker": CANARY},
        {"broker": {"url": CANARY}},
        {"broker": {"url": [CANARY]}},
        {"broker": {"url": CANARY.encode()}},
        {"broker": {"ulr": CANARY}},
        {"broker": {"url": f"redis://{CANARY}"}, "worker": {"concurrency": 0}},
        {"broker": {"url": f"redis://{CANARY}"}, "worker": CANARY},
    ]
    for values in wrong:
        with pytest.raises(SettingsError) as caught:
            DiatorSettings(**values)
        error = caught.value
        assert (error.__cause__, error.__context__) == (None, None)
        assert CANARY not in f"{error!s}{error!r}" + "".join(traceback.format_exception(error))


def test_a_section_alone_hides_its_values_too() -> None:
    with pytest.raises(ValidationError) as caught:
        BrokerSettings.model_validate({"url": CANARY, "timeout": CANARY})
    assert CANARY not in f"{caught.value!s}{caught.value!r}" + "".join(traceback.format_exception(caught.value))
    assert CANARY not in str([e for e in caught.value.errors() if e["loc"] == ("url",)])


class Outer(BaseSettings, env_nested_delimiter="__"):
    """What an application may do, without ``hide_input_in_errors``."""

    diator: DiatorSettings | None = None
    broker: BrokerSettings | None = None


@pytest.mark.parametrize(
    "values",
    [
        {"broker": CANARY},
        {"broker": {"url": CANARY}},
        {"broker": {"url": [CANARY]}},
        {"broker": {"ulr": f"redis://{CANARY}"}},
        {"broker": {"url": f"redis://{CANARY}", "timeout": CANARY}},
        {"diator": {"broker": {"url": CANARY}}},
        {"diator": {"broker": {"ulr": CANARY}}},
        {"diator": {"brokr": {"url": CANARY}}},
        {"diator": {"broker": {"url": f"redis://{CANARY}", "timeout": 0}}},
        {"diator": CANARY},
    ],
)
def test_no_error_of_settings_around_ours_shows_a_value(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer(**values)
    error = caught.value
    texts = [str(error), repr(error), error.json(), str(error.errors()), *traceback.format_exception(error)]
    assert [text for text in texts if CANARY in text] == []
    assert next(iter(values)) in str(error)


def test_settings_do_not_show_the_url(caplog: pytest.LogCaptureFixture) -> None:
    settings = DiatorSettings(broker={"url": f"redis://:{CANARY}@host"})
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("app").info("%s %r %s", settings, settings, settings.broker.url)
    texts = [str(settings), repr(settings), f"{settings.broker}", str(settings.model_dump()), caplog.text]
    assert CANARY not in "".join([*texts, settings.model_dump_json(), settings.broker.model_dump_json()])
    for twin in (copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):
        assert twin == settings
        assert CANARY not in repr(twin)


URLS = [
    f"redis://user:{CANARY}@host:6379/0?timeout={CANARY}",
    f"rediss://:{CANARY}@host?nonsense={CANARY}",
    f"redis+streams://:{CANARY}@[::1",
    f"azure-servicebus://ns/?key={CANARY}",
    f"unknown://user:{CANARY}@host:{CANARY}/{CANARY}?a={CANARY}#{CANARY}",
    f"unknown://:{CANARY}@ho\N{ACCOUNT OF}st",
    f"memory://:{CANARY}@host",
    f"memory:///{CANARY}",
    f"memory://?max_size={CANARY}",
    f"memory://?max_size=1&max_size={CANARY}",
    f"memory://?nonsense={CANARY}",
    f"memory://?max_size={CANARY}#{CANARY}",
]


@pytest.mark.parametrize("url", URLS)
def test_no_error_about_a_url_shows_it(url: str) -> None:
    settings = DiatorSettings(broker={"url": url, "stream": "s", "group": "g"})
    sides: tuple[Side, ...] = ("aio", "sync")
    for side in sides:
        with pytest.raises(SettingsError) as caught:
            broker_from_settings(settings, side)
        error = caught.value
        assert (error.__cause__, error.__context__) == (None, None)
        assert CANARY not in f"{error!s}{error!r}" + "".join(traceback.format_exception(error))
        assert str(error).startswith("DIATOR_BROKER__URL")
