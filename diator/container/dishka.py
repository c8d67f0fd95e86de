"""The adapter to dishka."""

from ..aio.container.dishka import DishkaContainer, DishkaScope

__all__ = ("DishkaContainer", "DishkaScope")
