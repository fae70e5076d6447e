"""Streams with LlamaIndex's callbacks and events around them, ended in order however they are left.

LlamaIndex's decorator wraps the stream of an answer. What it wraps it leaves to the garbage collector when it is closed
early, and a handler that keeps its event keeps the connection then; and it calls a stream left early a failure, of
which nothing is counted. So its stream is read through one of ours, which closes the answer first: for LlamaIndex it
then ends with what came.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation.event_handlers import NullEventHandler
from llama_index.core.llms.callbacks import dispatcher as llm_dispatcher
from llama_index.core.llms.llm import LLM

if TYPE_CHECKING:  # imported by the first stream
    from aimlapi_transport.chat.choices import OneChoice
    from aimlapi_transport.chat.response import Delta
    from aimlapi_transport.stream import AsyncStream, Stream

Response = TypeVar("Response")
Convert = Callable[["Delta"], Response]
"""What a delta adds -> LlamaIndex's response."""


def responses(
    stream: Stream, choice: OneChoice, convert: Convert[Response], release: Callable[[], None]
) -> Generator[Response, None, None]:
    """The responses of a stream.

    Args:
        choice: picks the deltas of one of several answers.
        release: called when the answer ended, failed or was left.
    """
    try:
        while deltas := stream.deltas():
            for delta in choice.of(deltas):
                yield convert(delta)
    finally:
        stream.close()
        release()


def has_handlers(llm: LLM) -> bool:
    """Whether anything hears of what the LLM does: a callback, or a handler of events.

    Without one, the event that LlamaIndex makes of each piece goes nowhere, and costs 11 of 29 us.
    """
    manager = llm.callback_manager
    if not isinstance(manager, CallbackManager) or manager.handlers:
        return True
    dispatcher = llm_dispatcher
    while True:
        for handler in dispatcher.event_handlers:
            if not isinstance(handler, NullEventHandler):
                return True
        if not dispatcher.propagate:
            return False
        dispatcher = dispatcher.parent


def observed(
    callback: Callable[..., Any], start: Callable[..., Generator[Response, None, None]], *args: Any, **kwargs: Any
) -> Generator[Response, None, None]:
    """The responses that `start` begins, with LlamaIndex's callbacks and events around them once anything hears them.

    Args:
        callback: LlamaIndex's decorator.
        args, kwargs: of `start`, the LLM first.
    """
    llm: LLM = args[0]
    started: list[Generator[Response, None, None]] = []

    def begin(*args: Any, **kwargs: Any) -> Generator[Response, None, None]:
        if not started:
            started.append(start(*args, **kwargs))
        return started[0]

    if llm.rate_limiter is None and not has_handlers(llm):
        return _unobserved(llm, begin(*args, **kwargs), lambda: callback(begin)(*args, **kwargs))
    return _read_through(callback(begin)(*args, **kwargs), started.pop())


def _unobserved(
    llm: LLM,
    answer: Generator[Response, None, None],
    observe: Callable[[], Generator[Response, None, None]],
) -> Generator[Response, None, None]:
    """An answer that nobody hears of; `observe` gives the rest of it where a handler comes meanwhile."""
    try:
        while not has_handlers(llm):
            response = next(answer, None)
            if response is None:
                return
            yield response
        yield from _read_through(observe(), answer)
    finally:
        answer.close()


def _read_through(
    wrapped: Generator[Response, None, None], answer: Generator[Response, None, None]
) -> Generator[Response, None, None]:
    try:
        for response in wrapped:  # noqa: UP028  # `yield from` would close what is wrapped before the answer
            yield response
    finally:
        answer.close()
        next(wrapped, None)


class AsyncResponses(AsyncGenerator[Response, None], Generic[Response]):
    """As `responses`, for asyncio: an object, so that it can be left at any moment."""

    def __init__(
        self, stream: AsyncStream, choice: OneChoice, convert: Convert[Response], release: Callable[[], None]
    ) -> None:
        self._stream: AsyncStream | None = stream
        self._choice = choice
        self._convert = convert
        self._release = release
        self._ready: Iterator[Delta] = iter(())

    async def __anext__(self) -> Response:
        try:
            while self._stream is not None:
                for delta in self._ready:
                    return self._convert(delta)
                deltas = await self._stream.deltas()
                if not deltas:
                    await self.aclose()
                self._ready = iter(self._choice.of(deltas))
        except BaseException:
            await self.aclose()
            raise
        raise StopAsyncIteration

    async def asend(self, value: None) -> Response:
        return await self.__anext__()

    async def athrow(self, *error: Any) -> Response:
        await self.aclose()
        raise error[0]

    async def aclose(self) -> None:
        stream, self._ready = self._stream, iter(())
        self.drop()
        if stream is not None:
            await stream.aclose()

    def drop(self) -> None:
        """Gives the answer up without waiting: its connection ends with the last reference to its stream."""
        if self._stream is not None:
            self._stream = None
            self._release()


async def aobserved(
    callback: Callable[..., Any], start: Callable[..., Awaitable[AsyncResponses[Response]]], *args: Any, **kwargs: Any
) -> AsyncGenerator[Response, None]:
    """As `observed`, for asyncio."""
    llm: LLM = args[0]
    started: list[AsyncResponses[Response]] = []

    async def begin(*args: Any, **kwargs: Any) -> AsyncResponses[Response]:
        if not started:
            started.append(await start(*args, **kwargs))
        return started[0]

    if llm.rate_limiter is None and not has_handlers(llm):
        return _AsyncUnobserved(llm, await begin(*args, **kwargs), lambda: callback(begin)(*args, **kwargs))
    return _AsyncReadThrough(await callback(begin)(*args, **kwargs), started.pop())


class _AsyncReadThrough(AsyncGenerator[Response, None], Generic[Response]):
    """What LlamaIndex made of an answer.

    An event loop that ends closes every asynchronous generator at the same time, LlamaIndex's among them: one around it
    would find it running. So this is none.
    """

    def __init__(self, wrapped: AsyncGenerator[Response, None], answer: AsyncResponses[Response]) -> None:
        self._wrapped = wrapped
        self._answer = answer

    def __anext__(self) -> Coroutine[Any, Any, Response]:
        return self._wrapped.__anext__()

    async def asend(self, value: None) -> Response:
        return await self.__anext__()

    async def athrow(self, *error: Any) -> Response:
        await self.aclose()
        raise error[0]

    async def aclose(self) -> None:
        await self._answer.aclose()
        async for _ in self._wrapped:  # it is over: this ends its events
            pass

    def __del__(self) -> None:
        self._answer.drop()


class _AsyncUnobserved(_AsyncReadThrough[Response]):
    """As `_unobserved`, for asyncio."""

    def __init__(
        self,
        llm: LLM,
        answer: AsyncResponses[Response],
        observe: Callable[[], Awaitable[AsyncGenerator[Response, None]]],
    ) -> None:
        super().__init__(answer, answer)
        self._llm = llm
        self._observe = observe

    def __anext__(self) -> Coroutine[Any, Any, Response]:
        if self._wrapped is self._answer and has_handlers(self._llm):
            return self._observed()
        return self._wrapped.__anext__()

    async def _observed(self) -> Response:
        self._wrapped = await self._observe()
        return await self._wrapped.__anext__()
