"""One try of a call: sends the request, follows redirects, and gives the body of the reply piece by piece."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from aimlapi_transport.config.settings import Secret
from aimlapi_transport.error_replies import error_for
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, InvalidRequestError
from aimlapi_transport.http.error_mapping import is_broken, to_aimlapi_error
from aimlapi_transport.http.request import (
    MAX_REDIRECTS,
    REDIRECTS,
    host_of,
    redirect,
    request_id_of,
    to_httpx,
)

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.http.connection import Connection
    from aimlapi_transport.http.replies import AsyncReply, Reply
    from aimlapi_transport.http.timeouts import TimeLimits
    from aimlapi_transport.request import Request

_log = logging.getLogger(__name__)

DRAIN_LIMITS = (
    64 * 1024,
    1.0,
)  # bytes and seconds: read after the answer's end, so that the connection can be used again
ERROR_BODY_LIMITS = 1024 * 1024, 5.0  # bytes and seconds: what is read of the body of an error status


class Exchange:
    """One try. Written for asyncio; with a `Connection` that blocks, nothing it awaits waits for an event loop.

    Attributes:
        request: what is sent; after a refusal, its fallback.
        scrub: takes the key out of texts of the server.
    """

    def __init__(self, connection: Connection, key: Secret, request: Request, time_limits: TimeLimits) -> None:
        self.request = request
        self.scrub = key.scrub
        self.limits = connection.limits
        self.time_limits = time_limits
        self._connection = connection
        self._key = key
        self._reply: Reply | AsyncReply | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave(error)

    async def open(self) -> None:
        """Sends the request, and reads the head of the reply.

        Raises:
            AIMLAPIError: the reply is none that can be read.
        """
        connection = self._connection
        client = connection.client()
        if client.is_closed:
            raise InvalidRequestError("The HTTP client you passed is closed: pass one that is open.")
        url: httpx.URL | None = None
        for _ in range(MAX_REDIRECTS + 1):
            request = self.request
            sent = to_httpx(client, connection.base_url, request, self._key, self.time_limits, url)
            try:
                reply = self._reply = await self._send(client, sent)
                response = reply.response
                if response.status_code in REDIRECTS:
                    url = redirect(response, self.scrub)
                else:
                    url = None
                    if not response.is_success and not (response.status_code == 304 and request.method == "GET"):
                        body = await self._error_body(reply)
                        if request.fallback is None or not is_unknown_response(response.status_code, body):
                            raise error_for(response.status_code, body, self.headers(), scrub=self.scrub)
                        self.request = request.fallback
                    elif reply.can_be_read:
                        return
                    else:
                        name = self.scrub(response.headers["content-encoding"])[:80]
                        raise BadResponseError(
                            f"The reply's content-encoding is {name!r}; gzip or deflate, once, was asked for."
                        )
            except BaseException as error:
                await self.leave(error)
                raise
            await reply.close()
            self._reply = None
        endless = BadResponseError(f"The provider redirected more than {MAX_REDIRECTS} times.")
        self._locate(endless)
        raise endless

    async def _send(self, client: Any, sent: httpx.Request) -> Reply | AsyncReply:
        is_logged = _log.isEnabledFor(logging.DEBUG)
        if is_logged:
            start = time.monotonic()
            address = str(sent.url.copy_with(query=None, userinfo=None, fragment=None))  # a query may hold a secret
            _log.debug("%s %s, %d bytes", sent.method, address, len(self.request.body))
        try:
            reply = await self._connection.send(client, sent)
        except Exception as error:
            if not is_broken(error):
                raise
            raise to_aimlapi_error(error, self.scrub, self.time_limits, self._connection.source.proxy) from None
        if is_logged:
            response, request_id = reply.response, request_id_of(reply.response, self.scrub)
            seconds = time.monotonic() - start
            _log.debug("%d from %s in %.3f s, request id %s", response.status_code, address, seconds, request_id)
        return reply

    @property
    def reply(self) -> Reply | AsyncReply:
        """The reply to the request, once it is open: of a status of success, or 304. Its errors are httpx's own."""
        assert self._reply is not None, "not open"
        return self._reply

    def headers(self) -> dict[str, str]:
        """The reply's headers, names in lower case; httpx's own mapping guesses the encoding at every look."""
        raw = self.reply.response.headers.raw
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}

    async def read_all(self) -> bytearray:
        """The whole body.

        Raises:
            AIMLAPIError: it broke off, is too long, or came too late.
        """
        whole = bytearray()
        try:
            while piece := await self.reply.read():
                self.time_limits.check()
                whole += piece
                self.limits.check_reply(len(whole))
        except Exception as error:
            if not is_broken(error):
                raise
            raise to_aimlapi_error(error, self.scrub, self.time_limits) from None
        return whole

    async def drain(self) -> None:
        """Reads what follows an answer, so that its connection can be used again."""
        if self.reply.is_live:
            await _read_within(self.reply, *DRAIN_LIMITS)

    async def leave(self, error: BaseException | None) -> None:
        """Closes what is open: in order, or at once where the caller was cancelled."""
        reply = self._reply
        if isinstance(error, AIMLAPIError):
            self._locate(error)
        if reply is None:
            return
        if error is not None and not isinstance(error, Exception):
            reply.abandon()
            return
        try:
            await reply.close()
        except Exception:
            if error is None:
                raise

    def _locate(self, error: AIMLAPIError) -> None:
        """Says in an error which call failed: its model, its host and its request id."""
        host = host_of(self._connection.base_url)
        error.model = self.scrub(self.request.model) or None
        error.host = self.scrub(host) if host else None
        if error.request_id is None and self._reply is not None:
            error.request_id = request_id_of(self._reply.response, self.scrub)

    def abandon(self) -> None:
        """Gives the reply up without waiting."""
        if self._reply is not None:
            self._reply.abandon()

    async def discard(self) -> None:
        """Gives the reply up, and waits until its connection is closed."""
        if self._reply is not None:
            await self._reply.discard()

    async def _error_body(self, reply: Reply | AsyncReply) -> bytes:
        """The body of an error status. It may repeat the key, so no frame of an error's traceback keeps it."""
        return await _read_within(reply, *ERROR_BODY_LIMITS) if reply.can_be_read else b""


async def _read_within(reply: Reply | AsyncReply, max_bytes: int, seconds: float) -> bytes:
    """What comes of a body in so many bytes and seconds, and before it breaks.

    A server that keeps the connection open must not keep the caller waiting for the whole `timeout`.
    """
    data = bytearray()
    end = time.monotonic() + seconds
    reply.limit_silence(seconds)
    try:
        while len(data) <= max_bytes and time.monotonic() <= end and (piece := await reply.read()):
            data += piece
    except Exception as error:
        if not is_broken(error):
            raise
    return bytes(data)


def is_unknown_response(status: int, body: bytes) -> bool:
    """Whether a refusal says that the provider does not know the response a request continues."""
    return status == 404 or (status in (400, 422) and b"previous_response" in body)
