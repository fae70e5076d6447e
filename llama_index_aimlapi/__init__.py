"""LlamaIndex LLM and embedding for AI/ML API, PowerTokens and AnyFast.

from llama_index_aimlapi import AIMLAPI
print(AIMLAPI(model="openai/gpt-4o").complete("Hello"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_transport.version import __version__

if TYPE_CHECKING:
    from llama_index_aimlapi._answers import StructuredOutputError as StructuredOutputError
    from llama_index_aimlapi._tools import ToolCallError as ToolCallError
    from llama_index_aimlapi.embeddings import AIMLAPIEmbedding as AIMLAPIEmbedding
    from llama_index_aimlapi.llm import AIMLAPI as AIMLAPI
    from llama_index_aimlapi.usage import AIMLAPIUsage as AIMLAPIUsage
    from llama_index_aimlapi.usage import EmbeddingUsageEvent as EmbeddingUsageEvent
    from llama_index_aimlapi.usage import embedding_usage as embedding_usage
    from llama_index_aimlapi.usage import get_aimlapi_usage as get_aimlapi_usage

_WHERE = {
    "AIMLAPI": "llm",
    "AIMLAPIEmbedding": "embeddings",
    "AIMLAPIUsage": "usage",
    "EmbeddingUsageEvent": "usage",
    "StructuredOutputError": "_answers",
    "ToolCallError": "_tools",
    "embedding_usage": "usage",
    "get_aimlapi_usage": "usage",
}

__all__ = [
    "AIMLAPI",
    "AIMLAPIEmbedding",
    "AIMLAPIUsage",
    "EmbeddingUsageEvent",
    "StructuredOutputError",
    "ToolCallError",
    "__version__",
    "embedding_usage",
    "get_aimlapi_usage",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f"llama_index_aimlapi.{_WHERE[name]}")
    except ModuleNotFoundError as error:
        if error.name != "llama_index.core":
            raise
        needed = f"{name} needs LlamaIndex: run `pip install 'aimlapi-integrations[llama-index]'`."
        raise ModuleNotFoundError(needed, name=error.name) from error
    return getattr(module, name)
