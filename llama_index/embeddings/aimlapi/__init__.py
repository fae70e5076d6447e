"""`llama_index_aimlapi`'s embedding under the name LlamaIndex's own integrations have. Nothing is defined here."""

from llama_index_aimlapi import AIMLAPIEmbedding

__all__ = ["AIMLAPIEmbedding"]


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__") and name.endswith("__")), *__all__})
