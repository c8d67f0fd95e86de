"""What the contract suite of the containers needs of an adapter.

To add an adapter: write one file here, with a subclass of `Case` that is called like the library, and add one line to
`CASES` in cases.py. The suite builds all its containers with `Case.build`, from a list of `Provided`, and gives them
to mediators. What a library cannot do is declared in the class attributes of its case, nowhere else; the suite then
asserts what happens instead.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

__all__ = ("Case", "Lifetime", "Provided")

Lifetime = Literal["singleton", "scoped", "transient"]


@dataclass(frozen=True)
class Provided:
    """How a container provides one type.

    Attributes:
        type_: What is asked for.
        lifetime: One object for the container, for each scope, or for each place that asks.
        factory: Makes the object. None: the class itself, called with what the annotations of its ``__init__`` ask
            for. Else a function without parameters: ``def``, a generator, `async def`, or a generator of that kind.
            What follows the ``yield`` of a generator is its finaliser. Factories of singletons are ``def``.
    """

    type_: Any
    lifetime: Lifetime = "transient"
    factory: Callable[[], Any] | None = None


class Case:
    """An adapter, as the suite sees it. These are the defaults of a library that can do everything.

    Attributes:
        name: The module of the adapter, and the extra that installs the library.
        adapter: The class to be tested.
        library: The package whose import fails if the extra is not installed.
        solver: Owner and name of the function with which the library, or the adapter, studies what depends on what.
            It may run while the container is built, checked and used for the first time, and not again.
        awaits: Whether factories may be `async def`. If not, ``mediator.check()`` must say so.
        remedy: A regular expression for what the error says should be done about an abstract class for which the
            container has nothing.
        refuses_gaps: What `build` raises if something is missing, where the library cannot be kept from looking itself.
        refuses_unannotated: The same for a parameter without annotation.
        refuses_vague: The same for an annotation that names nothing.
    """  # unasync: keep

    name: ClassVar[str]
    adapter: ClassVar[Any]
    library: ClassVar[str]
    solver: ClassVar[tuple[Any, str]]
    awaits: ClassVar[bool] = True
    remedy: ClassVar[str]
    refuses_gaps: ClassVar[type[Exception] | None] = None
    refuses_unannotated: ClassVar[type[Exception] | None] = None
    refuses_vague: ClassVar[type[Exception] | None] = None

    def build(self, *provided: Provided) -> Any:
        """Make a container in the library's own idiom, and return the adapter that holds it.

        If the library would refuse an incomplete container here already, switch that off: the suite wants to see what
        ``check`` finds.
        """
        raise NotImplementedError

    async def close(self, container: Any) -> None:
        """Release what `build` has made."""

    @asynccontextmanager
    async def opened_elsewhere(self, container: Any) -> AsyncIterator[Any]:
        """Open a scope as a web framework would, by the library's own means, and give what ``scope=`` takes."""
        raise NotImplementedError
        yield
