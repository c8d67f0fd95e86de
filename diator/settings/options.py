"""The options in the URLs of brokers."""

from typing import Any
from urllib.parse import parse_qsl

from pydantic import Field, ValidationError

from ..errors import SettingsError
from .models import Section
from .problems import explain

__all__ = ("MemoryOptions", "read_options")


class MemoryOptions(Section):
    """The options of ``memory://``, given like ``memory://?max_size=1000``."""

    max_size: int | None = Field(
        default=None, ge=1, description="The most unsettled messages to hold; no limit if not set."
    )


def read_options(model: type[Section], query: str, name: str) -> dict[str, Any]:
    """Read the query of a URL.

    Args:
        model: What it may hold.
        query: What follows the question mark.
        name: The variable that holds the URL.

    Raises:
        SettingsError: An option does not exist, is given twice, or has a wrong value.
    """
    given = parse_qsl(query, keep_blank_values=True)
    options = [option for option, _ in given]
    problems = [f"option {o!r}: is given twice" for o in dict.fromkeys(options) if options.count(o) > 1]
    try:
        values = model.model_validate(dict(given)).model_dump(exclude_unset=True)
    except ValidationError as error:
        problems += explain(error, model, lambda place: f"option {place[0]!r}")
    else:
        if not problems:
            return values
    # Out here, because the error above holds the values, and would become the context of this one.
    raise SettingsError("\n".join(f"{name}, {problem}" for problem in problems))
