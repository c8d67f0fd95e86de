"""What pydantic found wrong, in one line for each place and without the values."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings

__all__ = ("explain", "variable")

Place = tuple[int | str, ...]

_TEXTS = {
    "bool_parsing": "must be true or false",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "missing": "must be set",
}


def variable(settings: type[BaseSettings], place: Place) -> str:
    """The variable that sets a field, such as ``DIATOR_WORKER__CONCURRENCY`` for ``("worker", "concurrency")``."""
    config = settings.model_config
    parts = [str(part) for part in place]
    prefix = config.get("env_prefix", "") if parts[0] in settings.model_fields else ""  # else it is an alias
    return (prefix + (config.get("env_nested_delimiter") or "__").join(parts)).upper()


def explain(error: ValidationError, model: type[BaseModel], name: Callable[[Place], str]) -> list[str]:
    """Say in one line for each place what is wrong there.

    Args:
        error: What pydantic raised.
        model: The model that it raised it for.
        name: Makes the name of a place that the user knows it by.
    """
    found = error.errors(include_url=False, include_input=False)
    lines = [(name(problem["loc"]) if problem["loc"] else "", _text(problem, model, name)) for problem in found]
    return [f"{where}: {text}" if where else text for where, text in lines]


def _text(problem: Any, model: type[BaseModel], name: Callable[[Place], str]) -> str:
    kind, place = problem["type"], problem["loc"]
    if kind == "extra_forbidden":
        known = _names_in(model, place[:-1], name)
        return f"does not exist; there is {known}" if known else "does not exist; nothing can be set here yet"
    if kind == "model_type":
        return f"cannot be set as a whole; there is {_names_in(model, place, name) or 'nothing to set here yet'}"
    if kind in _TEXTS:
        return _TEXTS[kind].format_map({key: _plain(limit) for key, limit in problem.get("ctx", {}).items()})
    text: str = problem["msg"]
    return " ".join(text.removeprefix("Value error, ").replace("Input should be", "must be").split())


def _plain(limit: object) -> object:
    return f"{limit:g}" if isinstance(limit, float) else limit


def _names_in(model: type[BaseModel], place: Place, name: Callable[[Place], str]) -> str:
    section: Any = model
    for part in place:
        section = section.model_fields[part].annotation if part in getattr(section, "model_fields", ()) else None
    return ", ".join(name((*place, field)) for field in getattr(section, "model_fields", ()))
