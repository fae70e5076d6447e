"""The reply of one exchange, read as an answer: delta by delta, or whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aimlapi_transport.chat.reader import ReplyParser, ReplyReader
from aimlapi_transport.errors import AIMLAPIError, APIConnectionError, APITimeoutError, BadResponseError
from aimlapi_transport.http.error_mapping import CONNECTION_FAILED

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Completion, Delta
    from aimlapi_transport.config.limits import Limits
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.request import Request


class AnswerReader:
    """Reads an exchange that is open, and leaves it at the end of the answer."""

    def __init__(self, exchange: Exchange) -> None:
        request, headers, time_limits = exchange.request, exchange.headers, exchange.time_limits
        self._exchange = exchange
        self._reader = ReplyReader(
            request.profile,
            headers=headers,
            scrub=exchange.scrub,
            first_silence=time_limits.first_silence,
            silence=time_limits.silence,
            limits=exchange.limits,
            parser=_parser(request, headers, exchange.scrub, exchange.limits),
            tool_names=request.tool_names,
        )
        self._is_read = False  # all that counts of the reply
        self._is_closed = False

    async def deltas(self) -> list[Delta]:
        """What the next piece of the reply adds; empty at the end, when the connection is in order again.

        Raises:
            AIMLAPIError: the reply broke off, or reports a failure; what came before it has been returned.
        """
        reader, exchange = self._reader, self._exchange
        try:
            while not self._is_read:
                awaits_event = not reader.count and exchange.request.stream
                try:
                    piece = await exchange.read()
                    deltas = reader.feed(piece) if piece else []
                except APIConnectionError as error:
                    if not reader.has_answer:
                        raise self._broken_off(error) from None
                    piece, deltas = b"", []  # after a whole answer, what becomes of the connection does not matter
                self._is_read = reader.is_done or not piece
                if awaits_event and reader.count:
                    exchange.note_begun()
                if deltas:
                    return deltas
            if not self._is_closed:
                self._is_closed = True
                if exchange.status == 204:
                    raise BadResponseError("The provider answered 204, without content.", status_code=204)
                return reader.close()
        except AIMLAPIError as error:
            await exchange.leave(error)
            raise
        await exchange.leave(None)
        return []

    def _broken_off(self, error: APIConnectionError) -> AIMLAPIError:
        """The error with what had come; a stream that broke off is incomplete."""
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
