"""`llama_index_aimlapi`'s embedding under the name LlamaIndex's own integrations have. Nothing is defined here."""

from llama_index_aimlapi.embeddings import AIMLAPIEmbedding

__all__ = ["AIMLAPIEmbedding"]
