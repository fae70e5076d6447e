"""Streams with LlamaIndex's callbacks and events around them, ended in order however they are left.

LlamaIndex's decorator wraps the stream of an answer. What it wraps it leaves to the garbage collector when it is closed
early, and a handler that keeps its event keeps the connection then; and it calls a stream left early a failure, of
which nothing is counted. So its stream is read through one of ours, which closes the answer first: for LlamaIndex it
then ends with what came. Where nothing hears its events, which cost 11 of 29 us for each piece, the answer is read
without them, until a handler comes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
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
            yield from map(convert, choice.of(deltas))
    finally:
        stream.close()
        release()


def is_observed(llm: LLM) -> bool:
    """Whether anything hears of what the LLM does, or limits it: a callback, a handler of events, a rate limiter."""
    manager = llm.callback_manager
    if llm.rate_limiter is not None or not isinstance(manager, CallbackManager) or manager.handlers:
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
    answer: Generator[Response, None, None] | None = None

    def begin(*args: Any, **kwargs: Any) -> Generator[Response, None, None]:
        nonlocal answer
        answer = start(*args, **kwargs) if answer is None else answer
        return answer

    def observe() -> Generator[Response, None, None]:
        shown: Generator[Response, None, None] = callback(begin)(*args, **kwargs)
        return shown

    shown = observe() if is_observed(args[0]) else begin(*args, **kwargs)
    return _read_through(args[0], shown, begin(), observe)


def _read_through(
    llm: LLM,
    shown: Generator[Response, None, None],
    answer: Generator[Response, None, None],
    observe: Callable[[], Generator[Response, None, None]],
) -> Generator[Response, None, None]:
    """What is shown of an answer: the answer itself, or what LlamaIndex makes of it."""
    try:
        while True:
            if shown is answer and is_observed(llm):
                shown = observe()
            response = next(shown, None)
            if response is None:
                return
            yield response
    finally:
        answer.close()
        next(shown, None)  # its answer is over: this ends its events


class _Leavable(AsyncGenerator[Response, None], Generic[Response]):
    """An asynchronous generator that is an object, so that it can be left at any moment.

    An event loop that ends closes every asynchronous generator at the same time, LlamaIndex's among them: one around it
    would find it running. So this is none.
    """

    async def asend(self, value: None) -> Response:
        return await self.__anext__()

    async def athrow(self, *error: Any) -> Response:
        await self.aclose()
        raise error[0]


class AsyncResponses(_Leavable[Response]):
    """As `responses`, for asyncio."""

    def __init__(
        self, stream: AsyncStream, choice: OneChoice, convert: Convert[Response], release: Callable[[], None]
    ) -> None:
        self._stream: AsyncStream | None = stream
        self._choice = choice
        self._convert = convert
        self._release = release
        self._ready: Iterator[Response] = iter(())

    async def __anext__(self) -> Response:
        try:
            while self._stream is not None:
                for response in self._ready:
                    return response
                deltas = await self._stream.deltas()
                if not deltas:
                    break
                self._ready = map(self._convert, self._choice.of(deltas))
        except BaseException:
            await self.aclose()
            raise
        await self.aclose()
        raise StopAsyncIteration

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
    answer: AsyncResponses[Response] | None = None

    async def begin(*args: Any, **kwargs: Any) -> AsyncResponses[Response]:
        nonlocal answer
        answer = await start(*args, **kwargs) if answer is None else answer
        return answer

    async def observe() -> AsyncGenerator[Response, None]:
        shown: AsyncGenerator[Response, None] = await callback(begin)(*args, **kwargs)
        return shown

    shown = await (observe() if is_observed(args[0]) else begin(*args, **kwargs))
    return _AsyncReadThrough(args[0], shown, await begin(), observe)


class _AsyncReadThrough(_Leavable[Response]):
    """As `_read_through`, for asyncio."""

    def __init__(
        self,
        llm: LLM,
        shown: AsyncGenerator[Response, None],
        answer: AsyncResponses[Response],
        observe: Callable[[], Awaitable[AsyncGenerator[Response, None]]],
    ) -> None:
        self._llm = llm
        self._shown = shown
        self._answer = answer
        self._observe = observe

    async def __anext__(self) -> Response:
        if self._shown is self._answer and is_observed(self._llm):
            self._shown = await self._observe()
        return await self._shown.__anext__()

    async def aclose(self) -> None:
        await self._answer.aclose()
        async for _ in self._shown:  # its answer is over: this ends its events
            pass

    def __del__(self) -> None:
        self._answer.drop()
