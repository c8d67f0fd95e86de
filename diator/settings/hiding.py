"""Models whose errors hold no input, wherever the model is used."""

from typing import Any, LiteralString, Self, cast

from pydantic import BaseModel, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

__all__ = ("Hiding",)

HIDDEN = "**********"


class Hiding(BaseModel):
    """A model that takes the input out of its errors.

    ``hide_input_in_errors`` counts only for the model that is validated first. As a field of an application's model it
    would not help, and the error of that model would print what was given, such as the URL of a broker.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _take_input_out_of_errors(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            problems = [_without_input(problem) for problem in error.errors(include_url=False, include_input=False)]
        # Out here, because the error above holds the input, and would become the context of this one.
        raise ValidationError.from_exception_data(cls.__name__, problems, hide_input=True)


def _without_input(problem: Any) -> InitErrorDetails:
    kind, text = cast("LiteralString", problem["type"]), cast("LiteralString", problem["msg"])
    return {"type": PydanticCustomError(kind, text, problem.get("ctx")), "loc": problem["loc"], "input": HIDDEN}
