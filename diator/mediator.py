"""The mediator of diator 0.1.2's import path: `diator.aio.mediator`."""

from .aio.mediator import Mediator

__all__ = ("Mediator",)
