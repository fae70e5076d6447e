"""The LLM under LlamaIndex's name is the one of the shared package."""

from llama_index.llms.aimlapi import AIMLAPI

import llama_index_aimlapi

assert AIMLAPI is llama_index_aimlapi.AIMLAPI
AIMLAPI(model="openai/gpt-4o")
