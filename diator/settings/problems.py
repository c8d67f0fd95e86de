"""What pydantic found wrong, in one line for each place and without the values."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin

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


def variable(settings: type[BaseSettings], place: Place, naming: Mapping[str, str] = MappingProxyType({})) -> str:
    """The variable that sets a field, such as ``DIATOR_WORKER__CONCURRENCY`` for ``("worker", "concurrency")``.

    Args:
        settings: The class of the settings.
        place: Where in them the field is.
        naming: ``_env_prefix`` and ``_env_nested_delimiter``, where the call has set them.
    """
    if place[0] not in settings.model_fields:  # the name of a variable already: an alias, or one that is misspelt
        return ".".join(map(str, place))
    config = settings.model_config
    prefix = naming.get("_env_prefix", config.get("env_prefix", ""))
    delimiter = naming.get("_env_nested_delimiter") or config.get("env_nested_delimiter") or "__"
    return (prefix + delimiter.join(map(str, place))).upper()


def explain(error: ValidationError, model: type[BaseModel], name: Callable[[Place], str]) -> list[str]:
    """Say in one line for each place what is wrong there.

    Args:
        error: What pydantic raised.
        model: The model that it raised it for.
        name: Makes the name of a place that the user knows it by.
    """
    found: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        place = _settable(model, problem["loc"])
        where, text = name(place) if place else "", _text(problem, model, place, name)
        texts = found.setdefault(where if where.isprintable() else ascii(where), [])
        if text not in texts:
            texts.append(text)
    return [f"{where}: {'; '.join(texts)}" if where else "; ".join(texts) for where, texts in found.items()]


def _settable(model: type[BaseModel], loc: Place) -> Place:
    """The part of a place that somebody can set: without the choices of a union and the indexes of a list."""
    place, here = loc[:1], _below(model, loc[0]) if loc else None
    for part in loc[1:]:
        choices = [choice for choice in get_args(here) if choice is not NoneType] if _is_union(here) else [here]
        if len(choices) > 1:  # pydantic puts the name of the choice in between
            here = next((choice for choice in choices if getattr(choice, "__name__", None) == part), None)
            continue
        (here,) = choices
        if not (_is_model(here) or get_origin(here) is dict):
            break
        place = (*place, part)
        here = _below(here, part)
    return place


def _below(here: Any, part: int | str) -> Any:
    """The type of what is called ``part`` in a model or a dict."""
    if get_origin(here) is dict:
        return get_args(here)[1]
    field = here.model_fields.get(part)
    return None if field is None else field.annotation


def _is_model(here: Any) -> bool:
    return isinstance(here, type) and issubclass(here, BaseModel)


def _is_union(here: Any) -> bool:
    return get_origin(here) in (Union, UnionType)


def _text(problem: Any, model: type[BaseModel], place: Place, name: Callable[[Place], str]) -> str:
    kind = problem["type"]
    if kind == "extra_forbidden" and len(place) == 1 and issubclass(model, BaseSettings):
        variables = _variables(model, name)
        if place[0] in variables:
            return "is a variable, and no argument"
        close = get_close_matches(str(place[0]), [*variables, *model.model_fields], 1, 0.8)
        return f"does not exist; did you mean {close[0]}?" if close else "does not exist"
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


def _variables(settings: type[BaseSettings], name: Callable[[Place], str]) -> list[str]:
    sections = [
        (section, getattr(field.annotation, "model_fields", None)) for section, field in settings.model_fields.items()
    ]
    return [name((s, field)) for s, fields in sections for field in fields or ()]


def _names_in(model: type[BaseModel], place: Place, name: Callable[[Place], str]) -> str:
    section: Any = model
    for part in place:
        section = section.model_fields[part].annotation if part in getattr(section, "model_fields", ()) else None
    return ", ".join(name((*place, field)) for field in getattr(section, "model_fields", ()))
