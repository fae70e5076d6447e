"""The transport both integrations share: chat completions over httpx, and nothing of any framework.

    from aimlapi_transport import Client
    print(Client().chat("openai/gpt-4o", [{"role": "user", "content": "Hello"}]).text)

Importing this package imports no httpx; the clients do when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import lazy_names

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Choice as Choice
    from aimlapi_transport.chat.response import Completion as Completion
    from aimlapi_transport.chat.response import Delta as Delta
    from aimlapi_transport.chat.tool_calls import ToolCall as ToolCall
    from aimlapi_transport.chat.usage import Cost as Cost
    from aimlapi_transport.chat.usage import Usage as Usage
    from aimlapi_transport.client import AsyncClient as AsyncClient
    from aimlapi_transport.client import Client as Client
    from aimlapi_transport.config.limits import Limits as Limits
    from aimlapi_transport.config.retry import RetryPolicy as RetryPolicy
    from aimlapi_transport.errors import AIMLAPIError as AIMLAPIError
    from aimlapi_transport.user_warnings import UnlistedParameterWarning as UnlistedParameterWarning
    from aimlapi_transport.version import __version__ as __version__

_WHERE = {
    "AIMLAPIError": "aimlapi_transport.errors",
    "AsyncClient": "aimlapi_transport.client",
    "Choice": "aimlapi_transport.chat.response",
    "Client": "aimlapi_transport.client",
    "Completion": "aimlapi_transport.chat.response",
    "Cost": "aimlapi_transport.chat.usage",
    "Delta": "aimlapi_transport.chat.response",
    "Limits": "aimlapi_transport.config.limits",
    "RetryPolicy": "aimlapi_transport.config.retry",
    "ToolCall": "aimlapi_transport.chat.tool_calls",
    "UnlistedParameterWarning": "aimlapi_transport.user_warnings",
    "Usage": "aimlapi_transport.chat.usage",
    "__version__": "aimlapi_transport.version",
}

__all__ = sorted(_WHERE)

__getattr__, __dir__ = lazy_names(__name__, _WHERE)
