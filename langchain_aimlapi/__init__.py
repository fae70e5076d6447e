"""LangChain chat model and embeddings for AI/ML API, PowerTokens and AnyFast.

from langchain_aimlapi import ChatAIMLAPI
ChatAIMLAPI(model="openai/gpt-4o").invoke("Hello")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import Framework, lazy_names

if TYPE_CHECKING:
    from aimlapi_transport.version import __version__ as __version__
    from langchain_aimlapi.chat_models import ChatAIMLAPI as ChatAIMLAPI
    from langchain_aimlapi.deprecated import AimlapiEmbeddings as AimlapiEmbeddings
    from langchain_aimlapi.deprecated import AimlapiImageModel as AimlapiImageModel
    from langchain_aimlapi.deprecated import AimlapiLLM as AimlapiLLM
    from langchain_aimlapi.deprecated import AimlapiVideoModel as AimlapiVideoModel
    from langchain_aimlapi.deprecated import ChatAimlapi as ChatAimlapi
    from langchain_aimlapi.embeddings import AIMLAPIEmbeddings as AIMLAPIEmbeddings
    from langchain_aimlapi.factory import init_chat_model as init_chat_model
    from langchain_aimlapi.usage import AIMLAPIUsageCallbackHandler as AIMLAPIUsageCallbackHandler
    from langchain_aimlapi.usage import get_aimlapi_usage_callback as get_aimlapi_usage_callback

_WHERE = {
    "AIMLAPI_HEADERS": "langchain_aimlapi.deprecated",
    "AIMLAPIEmbeddings": "langchain_aimlapi.embeddings",
    "AIMLAPIUsageCallbackHandler": "langchain_aimlapi.usage",
    "ChatAIMLAPI": "langchain_aimlapi.chat_models",
    **dict.fromkeys(
        ("AimlapiEmbeddings", "AimlapiImageModel", "AimlapiLLM", "AimlapiVideoModel", "ChatAimlapi"),
        "langchain_aimlapi.deprecated",
    ),
    "__version__": "aimlapi_transport.version",
    "get_aimlapi_usage_callback": "langchain_aimlapi.usage",
    "init_chat_model": "langchain_aimlapi.factory",
}

__all__ = [
    "AIMLAPIEmbeddings",
    "AIMLAPIUsageCallbackHandler",
    "AimlapiEmbeddings",
    "AimlapiImageModel",
    "AimlapiLLM",
    "AimlapiVideoModel",
    "ChatAIMLAPI",
    "ChatAimlapi",
    "__version__",
    "get_aimlapi_usage_callback",
    "init_chat_model",
]

_FRAMEWORK = Framework("langchain_core", "LangChain", "langchain")
__getattr__, __dir__ = lazy_names(__name__, _WHERE, framework=_FRAMEWORK)
