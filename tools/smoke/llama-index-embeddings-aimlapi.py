"""The embedding under LlamaIndex's name is the one of the shared package."""

from llama_index.embeddings.aimlapi import AIMLAPIEmbedding

import llama_index_aimlapi

assert AIMLAPIEmbedding is llama_index_aimlapi.AIMLAPIEmbedding
AIMLAPIEmbedding(model="voyage-2")
