"""Streams with LlamaIndex's callbacks and events around them, ended in order however they are left."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from llama_index.core.llms.callbacks import dispatcher
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation.event_handlers import NullEventHandler

from aimlapi_transport.chat.wire_types import Json

if TYPE_CHECKING:  # imported by the first stream
    from aimlapi_transport.chat.response import Delta
    from aimlapi_transport.http.stream import AsyncStream

Response = TypeVar("Response")
Deltas = TypeVar("Deltas")


class Streamed(Generic[Deltas, Response]):
    """An answer under way.

    Attributes:
        deltas: the stream.
        convert: what a delta adds -> LlamaIndex's response; None for a delta that adds none.
        end: called when the answer ended, failed or was left.
    """

    __slots__ = ("convert", "deltas", "end")

    def __init__(self, deltas: Deltas, convert: Callable[[Delta], Response | None], end: Callable[[], None]) -> None:
        self.deltas = deltas
        self.convert = convert
        self.end = end


class _Observers(Generic[Response]):
    """What LlamaIndex's wrapper of streams is shown: each response while there is a handler of events, and the last.

    Its event for a response costs a third of the response. It would leave our stream to the garbage collector when it
    is closed early (a handler that keeps the event keeps the connection with it), and call a stream left early a
    failure, of which nothing is counted. So it wraps a generator of what it is shown, and ends with what came.
    """

    def __init__(self) -> None:
        self._next: list[Any] = []  # what the wrapper gets next, a response or an error; it ends where there is nothing
        self._last: list[Response] = []  # the last response, until the wrapper has seen it
        self.wrapped: Any = None

    def observed(self) -> Generator[Response, None, None]:
        """What the wrapper iterates."""
        while self._next:
            if isinstance(self._next[-1], BaseException):
                raise self._next.pop()  # in no variable: the error holds this frame
            yield self._next.pop()

    async def aobserved(self) -> AsyncGenerator[Response, None]:
        """As `observed`, for the wrapper of asynchronous streams. It never waits."""
        while self._next:
            if isinstance(self._next[-1], BaseException):
                raise self._next.pop()
            yield self._next.pop()

    def add(self, response: Response) -> None:
        if _is_heard():
            self._last.clear()
            self._next.append(response)
            _step(self.wrapped)
        else:
            self._last[:] = (response,)

    def fail(self, error: BaseException) -> None:
        """Lets the wrapper raise an error, after its events."""
        self._next.append(error)
        del error  # its traceback will hold this frame
        _step(self.wrapped)

    def end(self) -> None:
        if self._last:
            self._next.append(self._last[0])
            _step(self.wrapped)
        _step(self.wrapped)


def _step(wrapped: Any) -> None:
    """The next item of the wrapper, sync or not.

    An asynchronous one is driven by hand: nothing in it waits, and the event loop does not know it, which would close
    it at its end at the same time as the stream that uses it.
    """
    if not isinstance(wrapped, AsyncGenerator):
        next(wrapped, None)
        return
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        wrapped.asend(None).send(None)
    except (StopIteration, StopAsyncIteration):
        pass
    finally:
        sys.set_asyncgen_hooks(*hooks)


def observed(
    callback: Callable[..., Any],
    llm: LLM,
    start: Callable[[Any, Json], Streamed[Iterator[Delta], Response]],
    *prompt: Any,
    **kwargs: Any,
) -> Generator[Response, None, None]:
    """The stream that `start` begins, with LlamaIndex's callbacks and events around it."""
    started: list[Streamed[Iterator[Delta], Response]] = []
    observers: _Observers[Response] = _Observers()

    def begin(_: LLM, prompt: Any, **kwargs: Any) -> Generator[Response, None, None]:
        started.append(start(prompt, kwargs))
        return observers.observed()

    observers.wrapped = callback(begin)(llm, *prompt, **kwargs)

    def responses() -> Generator[Response, None, None]:
        streamed = started.pop()
        deltas, convert = streamed.deltas, streamed.convert
        try:
            for delta in deltas:
                response = convert(delta)
                if response is not None:
                    observers.add(response)
                    yield response
        except GeneratorExit:
            observers.end()
            raise
        except BaseException as error:
            observers.fail(error)
            raise
        finally:
            cast("Generator[Delta, None, None]", deltas).close()
            streamed.end()
        observers.end()

    return responses()


async def aobserved(
    callback: Callable[..., Any],
    llm: LLM,
    start: Callable[[Any, Json], Awaitable[Streamed[AsyncStream, Response]]],
    *prompt: Any,
    **kwargs: Any,
) -> AsyncGenerator[Response, None]:
    """As `observed`, for asyncio."""
    started: list[Streamed[AsyncStream, Response]] = []
    observers: _Observers[Response] = _Observers()

    async def begin(_: LLM, prompt: Any, **kwargs: Any) -> AsyncGenerator[Response, None]:
        started.append(await start(prompt, kwargs))
        return observers.aobserved()

    observers.wrapped = await callback(begin)(llm, *prompt, **kwargs)

    async def responses() -> AsyncGenerator[Response, None]:
        streamed = started.pop()
        deltas, convert = streamed.deltas, streamed.convert
        try:
            while arrived := await deltas.deltas():
                for delta in arrived:
                    response = convert(delta)
                    if response is not None:
                        observers.add(response)
                        yield response
        except GeneratorExit:
            observers.end()
            raise
        except BaseException as error:
            observers.fail(error)
            raise
        finally:
            streamed.end()
            await deltas.aclose()
        observers.end()

    return responses()


def _is_heard() -> bool:
    """Whether anybody handles events. Asked for each response: a handler may come at any time."""
    asked = dispatcher
    while True:
        for handler in asked.event_handlers:
            if handler.__class__ is not NullEventHandler:
                return True
        if not asked.propagate:
            return False
        asked = asked.parent
