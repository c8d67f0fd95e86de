"""The adapter to dependency-injector."""

from ..aio.container.dependency_injector import DependencyInjectorContainer, DependencyInjectorScope

__all__ = ("DependencyInjectorContainer", "DependencyInjectorScope")
