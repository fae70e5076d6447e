"""LangChain chat model and embeddings for AI/ML API, PowerTokens and AnyFast.

from langchain_aimlapi import ChatAIMLAPI
ChatAIMLAPI(model="openai/gpt-4o").invoke("Hello")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_transport.version import __version__

if TYPE_CHECKING:
    from langchain_aimlapi.chat_models import ChatAIMLAPI as ChatAIMLAPI
    from langchain_aimlapi.embeddings import AIMLAPIEmbeddings as AIMLAPIEmbeddings
    from langchain_aimlapi.usage import AIMLAPIUsageCallbackHandler as AIMLAPIUsageCallbackHandler
    from langchain_aimlapi.usage import get_aimlapi_usage_callback as get_aimlapi_usage_callback

_WHERE = {
    "AIMLAPIEmbeddings": "embeddings",
    "AIMLAPIUsageCallbackHandler": "usage",
    "ChatAIMLAPI": "chat_models",
    "get_aimlapi_usage_callback": "usage",
}

__all__ = [
    "AIMLAPIEmbeddings",
    "AIMLAPIUsageCallbackHandler",
    "ChatAIMLAPI",
    "__version__",
    "get_aimlapi_usage_callback",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f"langchain_aimlapi.{_WHERE[name]}")
    except ModuleNotFoundError as error:
        if error.name != "langchain_core":
            raise
        needed = f"{name} needs LangChain: run `pip install 'aimlapi-integrations[langchain]'`."
        raise ModuleNotFoundError(needed, name=error.name) from error
    return getattr(module, name)
