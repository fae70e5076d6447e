"""One try of a call: sends the request, follows redirects, and gives the body of the reply piece by piece."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from aimlapi_transport.config.settings import Secret
from aimlapi_transport.error_bodies import public_headers
from aimlapi_transport.error_replies import error_for
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, InvalidRequestError
from aimlapi_transport.http.error_mapping import is_broken, to_aimlapi_error
from aimlapi_transport.http.request import (
    MAX_REDIRECTS,
    REDIRECTS,
    host_of,
    redirect,
    to_httpx,
)

if TYPE_CHECKING:
    import asyncio

    import httpx

    from aimlapi_transport.config.settings import Settings
    from aimlapi_transport.http.proxies import Proxy
    from aimlapi_transport.http.replies import Reply
    from aimlapi_transport.http.timeouts import TimeLimits
    from aimlapi_transport.request import Request

_log = logging.getLogger(__name__)

# Bytes and seconds: read after the answer's end, so that the connection can be used again.
DRAIN_LIMITS = 64 * 1024, 1.0
ERROR_BODY_LIMITS = 1024 * 1024, 5.0  # bytes and seconds: what is read of the body of an error status


class Exchange:
    """One try. Written for asyncio; with a `Reply` that blocks, nothing it awaits waits for an event loop.

    Args:
        settings: of the client.
        client: of httpx or httpx2: the route's, or the user's own.
        proxy: what it connects through, where that is known.
        reply_type: how the request is sent, and its reply is read.

    Attributes:
        request: what is sent; after a refusal, its fallback.
        scrub: takes the key out of texts of the server.
        status: of the reply, once the exchange is open: one of success, or 304.
        headers: of the reply, names in lower case, without cookies and without the key.
    """

    status: int
    headers: dict[str, str]

    def __init__(
        self,
        settings: Settings,
        client: Any,
        proxy: Proxy | None,
        reply_type: type[Reply],
        key: Secret,
        request: Request,
        time_limits: TimeLimits,
    ) -> None:
        self.request = request
        self.scrub = key.scrub
        self.limits = settings.limits
        self.time_limits = time_limits
        self._base_url = settings.base_url
        self._client = client
        self._proxy = proxy
        self._reply_type = reply_type
        self._key = key
        self._reply: Reply | None = None
        self._has_begun = False

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
        url: httpx.URL | None = None
        try:
            if self._client.is_closed:
                raise InvalidRequestError("The HTTP client you passed is closed: pass one that is open.")
            for _ in range(MAX_REDIRECTS + 1):
                sent = to_httpx(self._client, self._base_url, self.request, self._key, self.time_limits, url)
                reply = self._reply = await self._send(sent)
                response = reply.response
                if response.is_success or (response.status_code == 304 and self.request.method == "GET"):
                    if not reply.can_be_read:
                        name = self.headers["content-encoding"][:80]
                        raise BadResponseError(
                            f"The reply's content-encoding is {name!r}; gzip or deflate, once, was asked for."
                        )
                    return
                if response.status_code in REDIRECTS:
                    url = redirect(response, self.scrub)
                else:
                    url, self.request = None, await self._fallback(reply)
                await reply.close()
                self._reply = None
            raise BadResponseError(f"The provider redirected more than {MAX_REDIRECTS} times.")
        except BaseException as error:
            await self.leave(error)
            raise

    async def _fallback(self, reply: Reply) -> Request:
        """What to send after a refusal; raises its error where there is nothing."""
        body = await self._read_within(reply, *ERROR_BODY_LIMITS) if reply.can_be_read else b""
        if self.request.fallback is None or not is_unknown_response(self.status, body):
            raise error_for(self.status, body, self.headers, scrub=self.scrub)
        return self.request.fallback

    async def _send(self, sent: httpx.Request) -> Reply:
        is_logged = _log.isEnabledFor(logging.DEBUG)
        if is_logged:
            start = time.monotonic()
            address = str(sent.url.copy_with(query=None, userinfo=None, fragment=None))  # a query may hold a secret
            _log.debug("%s %s, %d bytes", sent.method, address, len(self.request.body))
        try:
            reply = await self._reply_type.send(self._client, sent)
        except Exception as error:
            if not is_broken(error):
                raise
            raise to_aimlapi_error(error, self.scrub, self.time_limits, self._proxy) from None
        self.status, self.headers = reply.response.status_code, public_headers(reply.headers, self.scrub)
        if is_logged:
            request_id = self.headers.get("x-inference-id") or self.headers.get("x-request-id")
            seconds = time.monotonic() - start
            _log.debug("%d from %s in %.3f s, request id %s", self.status, address, seconds, request_id)
        return reply

    async def read(self) -> bytes:
        """The next piece of the body; empty at its end.

        Raises:
            AIMLAPIError: it broke off, or came too late.
        """
        assert self._reply is not None, "not open"
        try:
            piece = await self._reply.read()
        except Exception as error:
            if not is_broken(error):
                raise
            raise to_aimlapi_error(error, self.scrub, self.time_limits, has_begun=self._has_begun) from None
        if piece and self.time_limits.end is not None:
            self.time_limits.check()
        return piece

    async def read_all(self) -> bytearray:
        """The whole body.

        Raises:
            AIMLAPIError: it broke off, is too long, or came too late.
        """
        whole = bytearray()
        while piece := await self.read():
            whole += piece
            self.limits.check_reply(len(whole))
        return whole

    def note_begun(self) -> None:
        """The first event of a stream has come: those that follow are waited for as long as they may take."""
        assert self._reply is not None, "not open"
        self._has_begun = True
        self._reply.limit_silence(self.time_limits.until_end(self.time_limits.silence))

    async def leave(self, error: BaseException | None) -> None:
        """Closes what is open: in order, or at once where the caller was cancelled. An error learns of its call.

        What follows an answer is read first, so that its connection can be used again.
        """
        reply = self._reply
        if isinstance(error, AIMLAPIError):
            host = host_of(self._base_url)
            error.model = self.scrub(self.request.model) or None
            error.host = self.scrub(host) if host else None
            if reply is not None:
                error.headers = self.headers
                sent_id, other_id = self.headers.get("x-inference-id"), self.headers.get("x-request-id")
                error.request_id = sent_id or error.request_id or other_id
        if error is not None and not isinstance(error, Exception):
            self.abandon()
        elif reply is not None:
            try:
                if error is None and reply.trace.is_body_live:
                    await self._read_within(reply, *DRAIN_LIMITS)
                await reply.close()
                self._reply = None
            except Exception as failure:
                if error is None and not is_broken(failure):  # what breaks after an answer does not matter
                    raise
            except BaseException:
                self.abandon()
                raise

    async def _read_within(self, reply: Reply, max_bytes: int, seconds: float) -> bytes:
        """What comes of a body in so many bytes and seconds, before the deadline, and before it breaks.

        A server that keeps the connection open must not keep the caller waiting for the whole `timeout`.
        """
        data = bytearray()
        seconds = self.time_limits.until_end(seconds)
        end = time.monotonic() + seconds
        reply.limit_silence(seconds)
        try:
            while len(data) <= max_bytes and time.monotonic() <= end and (piece := await reply.read()):
                data += piece
        except Exception as error:
            if not is_broken(error):
                raise
        return bytes(data)

    def abandon(self) -> asyncio.Task[None] | None:
        """Gives the reply up; see `Reply.abandon`."""
        return None if self._reply is None else self._reply.abandon()


def is_unknown_response(status: int, body: bytes) -> bool:
    """Whether a refusal says that the provider does not know the response a request continues."""
    return status == 404 or (status in (400, 422) and b"previous_response" in body)
