"""The reply of one exchange, read as an answer: delta by delta, or whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aimlapi_transport.chat.reader import ReplyParser, ReplyReader
from aimlapi_transport.errors import AIMLAPIError, APIConnectionError, APITimeoutError, BadResponseError
from aimlapi_transport.http.error_mapping import is_broken, to_aimlapi_error

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Completion, Delta
    from aimlapi_transport.config.limits import Limits
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.request import Request


class AnswerReader:
    """Reads an exchange that is open."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._reader = reader_of(exchange)
        self._is_streamed = exchange.request.stream
        self._failure: AIMLAPIError | None = None
        self._is_read = False

    async def deltas(self) -> list[Delta]:
        """What the next piece of the reply adds; empty at the end, when the connection is in order again.

        Raises:
            AIMLAPIError: the reply broke off, or reports a failure; what came before it has been returned.
        """
        if self._failure is not None:
            raise self._failure
        if self._is_read:  # the answer is handed out: what happens to the rest does not matter
            await self.exchange.drain()
            return []
        deltas: list[Delta] = []
        try:
            while not deltas and not self._is_read:
                await self._read_into(deltas)
        except AIMLAPIError as error:
            if not deltas:
                raise
            self._failure = error
        return deltas

    async def _read_into(self, deltas: list[Delta]) -> None:
        """Adds what one piece of the reply gives; what comes before a failure counts."""
        reader = self._reader
        try:
            piece = await self.exchange.read()
            for delta in reader.feed(piece) if piece else ():
                deltas.append(delta)  # noqa: PERF402  # one by one: those before a failure count
            self._is_read = reader.is_done or not piece
            if self._is_streamed and reader.count:
                self._is_streamed = False
                self.exchange.limit_silence(self.exchange.time_limits.silence)
        except Exception as error:
            self._is_read = True  # also where the connection breaks after a complete answer
            mapped = self._read_error(error)
            try:
                if mapped is not None:
                    raise mapped from (error.__cause__ if mapped is error else None)
            finally:
                del mapped  # its traceback holds this frame
        if self._is_read:
            deltas += reader.close()

    def _read_error(self, error: Exception) -> Exception | None:
        """The error of ours for one while reading a reply; a stream that broke off is incomplete.

        None where the connection broke or fell silent after a complete answer.
        """
        if is_broken(error):
            limits = self.exchange.time_limits
            error = to_aimlapi_error(error, self.exchange.scrub, limits, has_begun=self._reader.count > 0)
        if isinstance(error, APIConnectionError):
            if self._reader.has_answer:
                return None
            if isinstance(error, APITimeoutError):
                error.partial = self._reader.partial()
            elif self.exchange.request.stream and self._reader.count:
                return self._reader.incomplete(f"The connection broke ({error.message})")
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
        raise BadResponseError("The provider's reply holds no answer.")
    return completion


def reader_of(exchange: Exchange) -> ReplyReader:
    """What reads the body of a reply as deltas."""
    if exchange.status == 204:
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
