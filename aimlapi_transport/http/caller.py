"""What a client brings to every call: settings, connections, how its I/O is done, and when it tries again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import httpx

from aimlapi_transport.config.retry import RetryBudget
from aimlapi_transport.config.settings import Secret, Settings, SettingsArguments
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.http._compat import AsyncBody, Body
from aimlapi_transport.http.error_mapping import without_traceback
from aimlapi_transport.http.pool import Closable, PoolHandle
from aimlapi_transport.http.sender import AsyncSender, Sender
from aimlapi_transport.http.timeouts import TimeLimits
from aimlapi_transport.http.user_client import retry_budget_for

T = TypeVar("T")
T_Http = TypeVar("T_Http", httpx.Client, httpx.AsyncClient)


class Caller(Closable, Settings, Generic[T_Http]):
    """The base of both clients. What it awaits blocks for `Client`, which runs it by `run_blocking`."""

    _sender: type[Sender] | type[AsyncSender]
    _body: type[Body] | type[AsyncBody]

    def __init__(self, http_client: T_Http | None, pool_handle: PoolHandle | None, config: SettingsArguments) -> None:
        super().__init__(**config)
        self._http_client: T_Http | None = http_client
        self._pool_handle = pool_handle or PoolHandle()

    @abstractmethod
    async def _read_key(self) -> Secret:
        """The key to send, read for each try."""

    @abstractmethod
    async def _pause(self, seconds: float) -> None:
        """Waits before another try."""

    def _retry_budget(self) -> RetryBudget:
        own = self._http_client
        return self._pool_handle.pool(self.route).retry_budget if own is None else retry_budget_for(own)

    def _retry_delay(self, attempt: int, error: AIMLAPIError, time_limits: TimeLimits) -> float | None:
        """Seconds to wait before the next try; None to give up."""
        delay = self.retry.delay(attempt, error)
        if delay is None or not time_limits.allows(delay) or not self._retry_budget().take():
            return None
        return delay

    async def _with_retries(
        self,
        once: Callable[[], Awaitable[T]],
        time_limits: TimeLimits,
        again: Callable[[AIMLAPIError], bool] = lambda error: True,
    ) -> T:
        """The answer of one try, or of another where a retry may help.

        Args:
            again: whether an error is one after which another try does no harm.
        """
        attempt = 1
        while True:
            try:
                answer = await once()
            except AIMLAPIError as error:
                delay = self._retry_delay(attempt, error, time_limits) if again(error) else None
                if delay is None:
                    raise without_traceback(error) from None
            else:
                self._retry_budget().give_back(attempt - 1)
                return answer
            await self._pause(delay)
            attempt += 1
