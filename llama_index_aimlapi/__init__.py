"""LlamaIndex LLM for AI/ML API, PowerTokens and AnyFast.

from llama_index_aimlapi import AIMLAPI
print(AIMLAPI(model="openai/gpt-4o").complete("Hello"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_transport.version import __version__

if TYPE_CHECKING:
    from llama_index_aimlapi._answers import StructuredOutputError as StructuredOutputError
    from llama_index_aimlapi._tools import ToolCallError as ToolCallError
    from llama_index_aimlapi.llm import AIMLAPI as AIMLAPI

_WHERE = {"AIMLAPI": "llm", "StructuredOutputError": "_answers", "ToolCallError": "_tools"}

__all__ = ["AIMLAPI", "StructuredOutputError", "ToolCallError", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"llama_index_aimlapi.{_WHERE[name]}"), name)
