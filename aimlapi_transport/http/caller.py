"""What a client brings to every call: settings, connections, how its I/O is done, and when it tries again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aimlapi_transport.config.settings import Secret, Settings, SettingsArguments
from aimlapi_transport.errors import AIMLAPIError, APITimeoutError
from aimlapi_transport.http.error_mapping import without_traceback
from aimlapi_transport.http.exchange import Exchange
from aimlapi_transport.http.pool import Closable, Pool, PoolHandle
from aimlapi_transport.http.replies import AsyncReply, Reply
from aimlapi_transport.http.timeouts import TimeLimits, Timeout
from aimlapi_transport.http.user_client import UserClient
from aimlapi_transport.request import Request

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Caller(Closable, Settings):
    """The base of both clients. What it awaits blocks for `Client`, which runs it by `run_blocking`."""

    _is_async: bool

    def __init__(
        self, http_client: Any, sleep: Callable[[float], Any], pool_handle: PoolHandle | None, config: SettingsArguments
    ) -> None:
        super().__init__(**config)
        self._user_client = None if http_client is None else UserClient(http_client)
        self._sleep = sleep
        self._pool_handle = pool_handle or PoolHandle()

    async def _pause(self, seconds: float) -> None:
        """Waits before another try."""
        if self._is_async:
            await self._sleep(seconds)
        else:
            self._sleep(seconds)

    async def _exchange(self, request: Request, time_limits: TimeLimits) -> Exchange:
        """One try of a request, not begun."""
        key = Secret("")
        if request.needs_key:
            key = await self.aread_key() if self._is_async else self.read_key()
        source = self._source()
        client, reply_type = (source.async_client(), AsyncReply) if self._is_async else (source.client, Reply)
        return Exchange(self, client, source.proxy, reply_type, key, request, time_limits)

    def _source(self) -> Pool | UserClient:
        """Where the httpx client comes from."""
        return self._user_client or self._pool_handle.pool(self.route)

    async def _call(
        self,
        request: Request,
        timeout: Timeout | TimeLimits,
        read: Callable[[Exchange], Awaitable[T]],
        again: Callable[[AIMLAPIError], bool] = lambda error: True,
    ) -> T:
        """What `read` makes of the reply to a request, of one try or of another where a retry may help.

        Args:
            again: whether an error is one after which another try does no harm.
        """
        time_limits = timeout if isinstance(timeout, TimeLimits) else TimeLimits(self, request, timeout)

        async def once() -> T:
            async with await self._exchange(request, time_limits) as exchange:
                return await read(exchange)

        return await self._with_retries(once, time_limits, again)

    async def _with_retries(
        self,
        once: Callable[[], Awaitable[T]],
        time_limits: TimeLimits,
        again: Callable[[AIMLAPIError], bool] = lambda error: True,
    ) -> T:
        """What one try returns, or another where a retry may help. The only loop of retries."""
        attempt = 1
        while True:
            try:
                value = await once()
            except AIMLAPIError as error:
                delay = self.retry.delay(attempt, error) if again(error) else None
                if delay is None or not time_limits.allows(delay) or not self._source().retry_budget.take():
                    raise without_traceback(error) from None
                _log_retry(delay, error, attempt + 1, self.retry.max_retries + 1)
            else:
                self._source().retry_budget.give_back(attempt - 1)
                return value
            await self._pause(delay)
            attempt += 1


def _log_retry(delay: float, error: AIMLAPIError, attempt: int, attempts: int) -> None:
    """Says when and why a request is sent again; not what the error says, where a server may have put anything."""
    if error.status_code is not None:
        reason = str(error.status_code)
    else:
        reason = "a timeout" if isinstance(error, APITimeoutError) else type(error).__name__
    _log.info("retrying in %.3g s after %s, attempt %d of %d", delay, reason, attempt, attempts)
