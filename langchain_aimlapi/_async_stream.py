"""A stream's deltas -> LangChain's chunks, for asyncio: an object, so that it can be left at any moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from typing_extensions import Self

from aimlapi_transport.chat.choices import OneChoice
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.stream import AsyncStream
from langchain_aimlapi._responses import StreamReader
from langchain_aimlapi.error_translation import raise_translated


class AsyncChunks(AsyncIterator[ChatGenerationChunk]):
    """The chunks of one answer.

    Args:
        choice: picks the deltas of one of several answers.
        finish: called with the last message and the whole answer.
        begin: awaited before anything is sent; what it raises ends the stream.
    """

    def __init__(
        self,
        stream: AsyncStream,
        choice: OneChoice,
        reader: StreamReader,
        finish: Callable[[BaseMessage, Completion], None],
        begin: Callable[[], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._finish = finish
        self._begin: Callable[[], Awaitable[None]] | None = begin
        self._choice = choice
        self._ready: Iterator[Delta] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatGenerationChunk:
        try:
            if self._begin is not None:
                begin, self._begin = self._begin, None
                try:
                    await begin()
                except BaseException:
                    await self.aclose()
                    raise
            while True:
                for delta in self._ready:
                    chunk = self._reader.chunk(delta)
                    if delta.completion is not None:
                        self._finish(chunk.message, delta.completion)
                    return chunk
                deltas = await self._stream.deltas()
                if not deltas:
                    raise StopAsyncIteration
                self._ready = iter(self._choice.of(deltas))
        except AIMLAPIError as error:
            raise_translated(error)
            raise

    async def aclose(self) -> None:
        """Ends the stream; its connection is broken off where the answer was not read to its end."""
        self._ready = iter(())
        await self._stream.aclose()
