"""Methods that are written once, as coroutines: `Client` gives their values, `AsyncClient` something to await."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import MethodType
from typing import Any, Concatenate, Generic, TypeAlias, TypeVar, overload

from typing_extensions import ParamSpec

from aimlapi_transport.http.blocking import run_blocking

P = ParamSpec("P")
T = TypeVar("T")
T_Blocking = TypeVar("T_Blocking")
T_Async = TypeVar("T_Async")

PageReader: TypeAlias = Callable[[Any], Coroutine[Any, Any, tuple[list[T], Any]]]
"""Reads the page at a cursor, None for the first; gives its rows, and the cursor of the next page or None."""


class Blocking:
    """A class whose methods block until they have their value."""


class Async:
    """A class whose methods give something to await."""


class _Method(Generic[P, T_Blocking, T_Async]):
    """A method of two classes with the same arguments: one function in `Blocking` ones, another in `Async` ones.

    Attributes:
        asynchronous: the latter, for coroutines of both classes that call it.
    """

    def __init__(self, blocking: Callable[..., T_Blocking], asynchronous: Callable[..., T_Async]) -> None:
        self._blocking = blocking
        self.asynchronous = asynchronous
        self.__doc__ = blocking.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, instance: Blocking, owner: type) -> Callable[P, T_Blocking]: ...
    @overload
    def __get__(self, instance: Async, owner: type) -> Callable[P, T_Async]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        function = self._blocking if issubclass(owner, Blocking) else self.asynchronous
        return function if instance is None else MethodType(function, instance)


def client_method(
    coroutine: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> _Method[P, T, Coroutine[Any, Any, T]]:
    """A method that is written as a coroutine."""

    @functools.wraps(coroutine)
    def blocking(*args: Any, **kwargs: Any) -> T:
        return run_blocking(coroutine(*args, **kwargs))

    return _Method(blocking, coroutine)


def paged_method(
    reader: Callable[Concatenate[Any, P], PageReader[T]],
) -> _Method[P, Iterator[T], AsyncIterator[T]]:
    """A method that gives the rows of all pages, written as one that gives the reader of a page."""

    @functools.wraps(reader)
    def blocking(*args: Any, **kwargs: Any) -> Iterator[T]:
        read, cursor = reader(*args, **kwargs), None
        while True:
            rows, cursor = run_blocking(read(cursor))
            yield from rows
            if cursor is None:
                return

    @functools.wraps(reader)
    async def asynchronous(*args: Any, **kwargs: Any) -> AsyncIterator[T]:
        read, cursor = reader(*args, **kwargs), None
        while True:
            rows, cursor = await read(cursor)
            for row in rows:
                yield row
            if cursor is None:
                return

    return _Method(blocking, asynchronous)
