"""LangChain chat model for AI/ML API, PowerTokens and AnyFast.

from langchain_aimlapi import ChatAIMLAPI
ChatAIMLAPI(model="openai/gpt-4o").invoke("Hello")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_transport.version import __version__

if TYPE_CHECKING:
    from langchain_aimlapi.chat_models import ChatAIMLAPI as ChatAIMLAPI

__all__ = ["ChatAIMLAPI", "__version__"]


def __getattr__(name: str) -> Any:
    if name != "ChatAIMLAPI":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from langchain_aimlapi.chat_models import ChatAIMLAPI

    return ChatAIMLAPI
