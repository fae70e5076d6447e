"""LlamaIndex LLM and embedding for AI/ML API, PowerTokens and AnyFast.

from llama_index_aimlapi import AIMLAPI
print(AIMLAPI(model="openai/gpt-4o").complete("Hello"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import Framework, lazy_names

if TYPE_CHECKING:
    from aimlapi_transport.version import __version__ as __version__
    from llama_index_aimlapi.embeddings import AIMLAPIEmbedding as AIMLAPIEmbedding
    from llama_index_aimlapi.errors import StructuredOutputError as StructuredOutputError
    from llama_index_aimlapi.errors import ToolCallError as ToolCallError
    from llama_index_aimlapi.llm import AIMLAPI as AIMLAPI
    from llama_index_aimlapi.usage import AIMLAPIUsage as AIMLAPIUsage
    from llama_index_aimlapi.usage import EmbeddingUsageEvent as EmbeddingUsageEvent
    from llama_index_aimlapi.usage import embedding_usage as embedding_usage
    from llama_index_aimlapi.usage import get_aimlapi_usage as get_aimlapi_usage

_WHERE = {
    "AIMLAPI": "llama_index_aimlapi.llm",
    "AIMLAPIEmbedding": "llama_index_aimlapi.embeddings",
    "AIMLAPIUsage": "llama_index_aimlapi.usage",
    "EmbeddingUsageEvent": "llama_index_aimlapi.usage",
    "StructuredOutputError": "llama_index_aimlapi.errors",
    "ToolCallError": "llama_index_aimlapi.errors",
    "__version__": "aimlapi_transport.version",
    "embedding_usage": "llama_index_aimlapi.usage",
    "get_aimlapi_usage": "llama_index_aimlapi.usage",
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

_FRAMEWORK = Framework("llama_index.core", "LlamaIndex", "llama-index")
__getattr__, __dir__ = lazy_names(__name__, _WHERE, framework=_FRAMEWORK)
