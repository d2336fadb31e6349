"""How the same function comes to many items: to all of them here, or batch by batch elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Mapper(Protocol):
    """Gives items to a function, and yields its results in the items' order, as they come.

    The function yields one result an item, the same whatever other items come with it, and can be
    pickled with all that it holds; so can the items and the results.
    """

    def __call__(
        self,
        function: Callable[[Iterable[Item]], Iterable[Result]],
        items: Iterable[Item],
        *,
        at_once: int = 64,
    ) -> Iterator[Result]:
        """Map the items, ``at_once`` of them together where they are spread over machines."""
        ...


def map_here(
    function: Callable[[Iterable[Item]], Iterable[Result]], items: Iterable[Item], **_: Any
) -> Iterator[Result]:
    """Give all items to the function, in this process."""
    yield from function(items)
