"""Streams with LlamaIndex's callbacks and events around them, ended in order however they are left."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from typing import Any, TypeVar

from llama_index.core.llms.callbacks import dispatcher
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation.event_handlers import NullEventHandler

from aimlapi_transport.wire import Json

Response = TypeVar("Response")


def observed(
    callback: Callable[..., Any],
    llm: LLM,
    start: Callable[[Any, Json], Generator[Response, None, None]],
    *prompt: Any,
    **kwargs: Any,
) -> Generator[Response, None, None]:
    """The stream that `start` begins, with LlamaIndex's callbacks and events around it.

    Their wrapper is shown the pieces while there is a handler of events, and always the last one: its event for a piece
    costs a third of the piece. It would leave our stream to the garbage collector when it is closed early (a handler
    that keeps the event keeps the connection with it), and call a stream left early a failure, of which nothing is
    counted. So our stream is closed here, and theirs ends with what came.
    """
    streams: list[Generator[Response, None, None]] = []
    shown: list[Any] = []  # what their wrapper gets next, a piece or an error; it ends where there is nothing

    def begin(_: LLM, prompt: Any, **kwargs: Any) -> Generator[Response, None, None]:
        streams.append(start(prompt, kwargs))
        return shown_pieces()

    def shown_pieces() -> Generator[Response, None, None]:
        while shown:
            if isinstance(shown[-1], BaseException):
                raise shown.pop()  # in no variable: the error holds this frame
            yield shown.pop()

    wrapped = callback(begin)(llm, *prompt, **kwargs)

    def pieces() -> Generator[Response, None, None]:
        last: list[Response] = []  # the last piece, until their wrapper has seen it

        def end() -> None:
            if last:
                shown.append(last[0])
                next(wrapped)
            next(wrapped, None)

        try:
            with closing(streams[0]) as stream:
                for piece in stream:
                    if _is_heard():
                        last.clear()
                        shown.append(piece)
                        next(wrapped)
                    else:
                        last[:] = (piece,)
                    yield piece
        except GeneratorExit:
            end()
            raise
        except BaseException as error:
            shown.append(error)
            next(wrapped)  # raises it
            raise
        end()

    return pieces()


async def aobserved(
    callback: Callable[..., Any],
    llm: LLM,
    start: Callable[[Any, Json], AsyncGenerator[Response, None]],
    *prompt: Any,
    **kwargs: Any,
) -> AsyncGenerator[Response, None]:
    """As `observed`, for asyncio."""
    streams: list[AsyncGenerator[Response, None]] = []
    shown: list[Any] = []

    async def begin(_: LLM, prompt: Any, **kwargs: Any) -> AsyncGenerator[Response, None]:
        streams.append(start(prompt, kwargs))
        return shown_pieces()

    async def shown_pieces() -> AsyncGenerator[Response, None]:
        while shown:
            if isinstance(shown[-1], BaseException):
                raise shown.pop()
            yield shown.pop()

    wrapped = await callback(begin)(llm, *prompt, **kwargs)

    async def pieces() -> AsyncGenerator[Response, None]:
        last: list[Response] = []

        async def end() -> None:
            if last:
                shown.append(last[0])
                await anext(wrapped)
            await anext(wrapped, None)

        try:
            async with aclosing(streams[0]) as stream:
                async for piece in stream:
                    if _is_heard():
                        last.clear()
                        shown.append(piece)
                        await anext(wrapped)
                    else:
                        last[:] = (piece,)
                    yield piece
        except GeneratorExit:
            await end()
            raise
        except BaseException as error:
            shown.append(error)
            await anext(wrapped)  # raises it
            raise
        await end()

    return pieces()


def _is_heard() -> bool:
    """Whether anybody handles events. Asked for each piece: a handler may come at any time."""
    asked = dispatcher
    while True:
        for handler in asked.event_handlers:
            if handler.__class__ is not NullEventHandler:
                return True
        if not asked.propagate:
            return False
        asked = asked.parent
