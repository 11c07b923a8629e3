"""
`client.models`, on both faces.

Rule: as in `resources`, here stand names, and nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from dragoman.compat.openai.chat_types import Model
from dragoman.compat.openai.core import Core
from dragoman.runtime import drive


class Page:
    """
    A list, with all that there is: further pages have been asked for.

    Attributes:
        data: The items.
        object: `list`.
    """

    object = "list"

    def __init__(self, data: list[Model]) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Model]:
        return iter(self.data)

    def __aiter__(self) -> AsyncIterator[Model]:
        return _Items(self.data)

    def has_next_page(self) -> bool:
        """Whether there are more: never."""
        return False


class _Items:
    """A list as an asynchronous iterator."""

    def __init__(self, items: list[Model]) -> None:
        self._items = iter(items)

    def __aiter__(self) -> _Items:
        return self

    async def __anext__(self) -> Model:
        for item in self._items:
            return item
        raise StopAsyncIteration


class _Paginator:
    """A list that is asked for when it is awaited or first read."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._items: AsyncIterator[Model] | None = None

    def __await__(self) -> Generator[Any, None, Page]:
        return self._page().__await__()

    async def _page(self) -> Page:
        return Page(await self._core.models())

    def __aiter__(self) -> _Paginator:
        return self

    async def __anext__(self) -> Model:
        if self._items is None:
            self._items = aiter(await self._page())
        return await anext(self._items)


class Models:
    """`client.models`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list(self) -> Page:
        """Ask the provider which models it has."""
        return Page(drive(self._core.models()))

    def retrieve(self, model: str) -> Model:
        """Find one of them."""
        return drive(self._core.model(model))


class AsyncModels:
    """The same on the asynchronous face."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list(self) -> _Paginator:
        """Ask the provider which models it has; awaited, or read with `async for`."""
        return _Paginator(self._core)

    async def retrieve(self, model: str) -> Model:
        """Find one of them."""
        return await self._core.model(model)
