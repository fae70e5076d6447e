"""Streams with LlamaIndex's callbacks and events around them, ended in order however they are left."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, closing
from typing import Any, TypeVar

from llama_index.core.llms.llm import LLM

from aimlapi_transport.wire import Json

Response = TypeVar("Response")

Left = Sequence[bool]
"""Empty while somebody still reads a stream. Asked by the innermost generator: one more around it would cost 5 %."""


def observed(
    callback: Callable[..., Any],
    llm: LLM,
    start: Callable[[Any, Json, Left], Generator[Response, None, None]],
    *prompt: Any,
    **kwargs: Any,
) -> Generator[Response, None, None]:
    """The stream that `start` begins, with LlamaIndex's callbacks and events around it.

    Their wrapper leaves our stream to the garbage collector when it is closed early; a handler that keeps the event
    keeps the connection with it. So both are closed here. And it calls a stream left early a failure, of which
    nothing is counted: here it ends, with what came.
    """
    streams: list[Generator[Response, None, None]] = []
    left: list[bool] = []

    def begin(_: LLM, prompt: Any, **kwargs: Any) -> Generator[Response, None, None]:
        streams.append(start(prompt, kwargs, left))
        return streams[0]

    chunks = callback(begin)(llm, *prompt, **kwargs)

    def closed_in_order() -> Generator[Response, None, None]:
        with closing(streams[0]), closing(chunks):
            for chunk in chunks:
                try:
                    yield chunk
                except GeneratorExit:
                    left.append(True)
                    next(chunks, None)
                    raise

    return closed_in_order()


async def aobserved(
    callback: Callable[..., Any],
    llm: LLM,
    start: Callable[[Any, Json, Left], AsyncGenerator[Response, None]],
    *prompt: Any,
    **kwargs: Any,
) -> AsyncGenerator[Response, None]:
    """As `observed`, for asyncio."""
    streams: list[AsyncGenerator[Response, None]] = []
    left: list[bool] = []

    async def begin(_: LLM, prompt: Any, **kwargs: Any) -> AsyncGenerator[Response, None]:
        streams.append(start(prompt, kwargs, left))
        return streams[0]

    chunks = await callback(begin)(llm, *prompt, **kwargs)

    async def closed_in_order() -> AsyncGenerator[Response, None]:
        async with aclosing(streams[0]), aclosing(chunks):
            async for chunk in chunks:
                try:
                    yield chunk
                except GeneratorExit:
                    left.append(True)
                    await anext(chunks, None)
                    raise

    return closed_in_order()
