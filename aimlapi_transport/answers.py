"""The reply of one exchange, read as an answer: delta by delta, or whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aimlapi_transport.chat.reader import ReplyParser, ReplyReader
from aimlapi_transport.errors import APIConnectionError, APITimeoutError, BadResponseError
from aimlapi_transport.http.error_mapping import CONNECTION_FAILED, is_broken, to_aimlapi_error

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Completion, Delta
    from aimlapi_transport.config.limits import Limits
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.request import Request


class AnswerReader:
    """Reads an exchange that is open."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._reply = exchange.reply
        self._time_limits = exchange.time_limits
        self._reader = reader_of(exchange)
        self._awaits_event = exchange.request.stream
        self._is_read = False  # all that counts of the reply
        self._is_closed = False

    async def deltas(self) -> list[Delta]:
        """What the next piece of the reply adds; empty at the end, when the connection is in order again.

        Raises:
            AIMLAPIError: the reply broke off, or reports a failure; what came before it has been returned.
        """
        reader = self._reader
        while not self._is_read:
            try:
                piece = await self._reply.read()
                deltas = reader.feed(piece) if piece else []
                self._is_read = reader.is_done or not piece
                if self._awaits_event and reader.count:
                    self._awaits_event = False
                    self._reply.limit_silence(self._time_limits.until_end(self._time_limits.silence))
                if deltas:
                    return deltas
            except Exception as error:
                self._is_read = True
                self._raise_read_error(error)
        if not self._is_closed:
            self._is_closed = True
            return reader.close()
        await self._exchange.drain()  # the answer is handed out: what happens to the rest does not matter
        return []

    def _raise_read_error(self, error: Exception) -> None:
        """Raises the error of ours for one while reading, but not where it came after a complete answer."""
        mapped = self._read_error(error)
        try:
            if mapped is not None:
                raise mapped from (error.__cause__ if mapped is error else None)
        finally:
            del mapped, error  # its traceback holds this frame

    def _read_error(self, error: Exception) -> Exception | None:
        """The error of ours for one while reading a reply; a stream that broke off is incomplete.

        None where the connection broke or fell silent after a complete answer.
        """
        if is_broken(error):
            limits = self._time_limits
            error = to_aimlapi_error(error, self._exchange.scrub, limits, has_begun=self._reader.count > 0)
        if isinstance(error, APIConnectionError):
            if self._reader.has_answer:
                return None
            if isinstance(error, APITimeoutError):
                error.partial = self._reader.partial()
            elif self._exchange.request.stream and self._reader.count:
                cause = error.message.removeprefix(CONNECTION_FAILED).rstrip(".")
                return self._reader.incomplete(f"The connection broke ({cause})")
        return error


async def read_answer(exchange: Exchange) -> Completion:
    """The whole answer.

    Raises:
        AIMLAPIError: it is none, or it is not whole.
    """
    completion = None
    answer = AnswerReader(exchange)
    while deltas := await answer.deltas():
        completion = deltas[-1].completion
    if completion is None:
        raise BadResponseError("The provider's reply contains no answer.")
    return completion


def reader_of(exchange: Exchange) -> ReplyReader:
    """What reads the body of a reply as deltas."""
    if exchange.reply.response.status_code == 204:
        raise BadResponseError("The provider answered 204, without content.", status_code=204)
    request, headers, time_limits = exchange.request, exchange.headers(), exchange.time_limits
    return ReplyReader(
        request.profile,
        headers=headers,
        scrub=exchange.scrub,
        first_silence=time_limits.first_silence,
        silence=time_limits.silence,
        limits=exchange.limits,
        parser=_parser(request, headers, exchange.scrub, exchange.limits),
        tool_names=request.tool_names,
        check=None if time_limits.end is None else time_limits.check,
    )


def _parser(
    request: Request, headers: dict[str, str], scrub: Callable[[str], str], limits: Limits
) -> ReplyParser | None:
    """What reads the events of this endpoint, None for chat completions."""
    if request.path == "/messages":
        from aimlapi_transport.messages.reader import MessagesReader

        return MessagesReader(headers=headers, scrub=scrub, max_choices=limits.choices)
    if not request.path.startswith("/responses"):
        return None
    from aimlapi_transport.responses.reader import ResponsesReader

    return ResponsesReader(
        headers=headers,
        scrub=scrub,
        max_choices=limits.choices,
        stop=request.stop,
        answer_only=request.wants_json,
    )
