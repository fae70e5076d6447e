"""A response that is made in the background: asked for again and again until it is there, cancelled when given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from aimlapi_transport.errors import AIMLAPIError, APIConnectionError, APITimeoutError
from aimlapi_transport.request import Request
from aimlapi_transport.responses.routing import PATH

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Completion
    from aimlapi_transport.http.caller import Caller
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.http.timeouts import TimeLimits

Progress = Callable[["Completion"], None]
"""Called with the response each time it was asked for and is not there yet: its status is `native_finish_reason`."""

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.5, 10.0, 1.5  # seconds between two requests
_CANCEL_SECONDS = 5.0


def is_under_way(completion: Completion) -> bool:
    """Whether the response has still to be made."""
    return completion.native_finish_reason in ("queued", "in_progress")


async def finished(
    client: Caller,
    read: Callable[[Exchange], Awaitable[Completion]],
    request: Request,
    completion: Completion,
    time_limits: TimeLimits,
    on_progress: Progress | None,
) -> Completion:
    """The response once it is there.

    Args:
        read: reads a whole answer.

    Raises:
        APITimeoutError: it was not there before the deadline; `partial` is what it was.
        AIMLAPIError: it failed.
    """
    path = f"{PATH}/{quote(str(completion.id), safe='')}"
    again = request._replace(method="GET", path=path, body=b"", stream=False, fallback=None)
    pause = _FIRST_PAUSE
    try:
        while is_under_way(completion):
            if on_progress is not None:
                on_progress(completion)
            if not time_limits.allows(pause):
                raise APITimeoutError(
                    f"The response {completion.id} is still {completion.native_finish_reason} at the deadline.",
                    partial=completion,
                )
            await client._pause(pause)
            completion = await client._call(again, time_limits, read)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
    except BaseException as error:
        if not isinstance(error, AIMLAPIError) or isinstance(error, APIConnectionError):
            await _cancel(client, again)
        raise
    return completion


async def _cancel(client: Caller, request: Request) -> None:
    """Asks the provider once to stop; what it answers does not matter."""

    async def read(exchange: Exchange) -> None:
        await exchange.read_all()

    stop = request._replace(method="POST", path=f"{request.path}/cancel", body=b"{}")
    with suppress(AIMLAPIError):
        await client._call(stop, _CANCEL_SECONDS, read, again=lambda error: False)
