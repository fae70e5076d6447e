"""The transport both integrations share: chat completions over httpx, and nothing of any framework.

    from aimlapi_transport import Client
    print(Client().chat("openai/gpt-4o", [{"role": "user", "content": "Hello"}]).text)

Importing this package imports no httpx; the clients do when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_transport.version import __version__

if TYPE_CHECKING:
    from aimlapi_transport.answer import Choice as Choice
    from aimlapi_transport.answer import Completion as Completion
    from aimlapi_transport.answer import Delta as Delta
    from aimlapi_transport.client import AsyncClient as AsyncClient
    from aimlapi_transport.client import Client as Client
    from aimlapi_transport.errors import AIMLAPIError as AIMLAPIError
    from aimlapi_transport.retry import RetryPolicy as RetryPolicy
    from aimlapi_transport.settings import UnlistedParameterWarning as UnlistedParameterWarning
    from aimlapi_transport.tool_calls import ToolCall as ToolCall
    from aimlapi_transport.usage import Cost as Cost
    from aimlapi_transport.usage import Usage as Usage

_WHERE = {
    "AIMLAPIError": "errors",
    "AsyncClient": "client",
    "Choice": "answer",
    "Client": "client",
    "Completion": "answer",
    "Cost": "usage",
    "Delta": "answer",
    "RetryPolicy": "retry",
    "ToolCall": "tool_calls",
    "UnlistedParameterWarning": "settings",
    "Usage": "usage",
}

__all__ = [*sorted(_WHERE), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"aimlapi_transport.{_WHERE[name]}"), name)
