"""Methods that are written once: both clients have them, with the same arguments and docstrings, each in its own way."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
import re
from typing import Any

import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.client_methods import Async, Blocking, PageReader, client_method, paged_method
from aimlapi_transport.service.methods import AsyncKeys, Keys

SERVICE = [
    "models",
    "model",
    "metrics",
    "pricing",
    "estimate_cost",
    "sure_cost",
    "balance",
    "usage",
    "transactions",
    "logs",
    "key",
]
METHODS: list[tuple[Any, Any]] = [
    *((getattr(Client, name), getattr(AsyncClient, name)) for name in SERVICE),
    *((getattr(Keys, name), getattr(AsyncKeys, name)) for name in ("list", "create", "update", "delete")),
]


class Counting:
    def __init__(self) -> None:
        self.read: list[int] = []

    @client_method
    async def double(self, number: int, *, by: int = 2) -> int:
        """A number times two."""
        return number * by

    @paged_method
    def numbers(self, end: int) -> PageReader[int]:
        """All numbers."""

        async def page(start: int | None) -> tuple[list[int], int | None]:
            self.read.append(start or 0)
            rows = list(range(start or 0, min((start or 0) + 2, end)))
            return rows, rows[-1] + 1 if len(rows) == 2 else None

        return page


class Sync(Counting, Blocking):
    pass


class Aio(Counting, Async):
    pass


async def listed(numbers: Any) -> list[int]:
    return [number async for number in numbers]


def test_a_method_gives_a_value_or_something_to_await() -> None:
    assert Sync().double(3) == asyncio.run(Aio().double(3)) == 6
    assert Sync.double(Sync(), 2, by=3) == 6
    with pytest.raises(TypeError, match="unexpected keyword"):
        Sync().double(3, times=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(("end", "pages"), [(0, [0]), (1, [0]), (2, [0, 2]), (5, [0, 2, 4])])
def test_pages_are_read_as_their_rows_are_taken(end: int, pages: list[int]) -> None:
    one, other = Sync(), Aio()
    rows = one.numbers(end)
    assert one.read == []
    assert list(rows) == asyncio.run(listed(other.numbers(end))) == list(range(end))
    assert one.read == other.read == pages
    if end == 5:
        assert next(one.numbers(end)) == 0 and one.read == [*pages, 0]


@pytest.mark.parametrize(("blocking", "asynchronous"), METHODS, ids=lambda method: method.__qualname__)
def test_both_clients_show_the_same_arguments_and_docstring(blocking: Any, asynchronous: Any) -> None:
    assert blocking.__doc__ and blocking.__doc__ == asynchronous.__doc__
    assert inspect.signature(blocking) == inspect.signature(asynchronous)
    assert inspect.iscoroutinefunction(asynchronous) or inspect.isasyncgenfunction(asynchronous)
    assert not inspect.iscoroutinefunction(blocking) and not inspect.isasyncgenfunction(blocking)
    assert blocking.__name__ in pydoc.render_doc(blocking)


def test_help_of_a_client_lists_them() -> None:
    shown = pydoc.plain(pydoc.render_doc(Client))
    # Python 3.13 breaks a long signature after its bracket.
    assert [name for name in SERVICE if not re.search(rf"^ \|  {name}\((?:\s+\|\s+)?self\b", shown, re.M)] == []
