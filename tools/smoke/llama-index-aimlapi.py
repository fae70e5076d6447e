"""A call through the LLM, answered by a function; the other classes."""

import httpx

from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding
from llama_index_aimlapi.readers import AIMLAPIOCRReader
from llama_index_aimlapi.tools import AIMLAPIToolSpec

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
REPLY = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE]}

own = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=REPLY)))
assert AIMLAPI(model="openai/gpt-4o", api_key="k", http_client=own).complete("Hi").text == "Hello"
AIMLAPIEmbedding(model="voyage-2")
AIMLAPIOCRReader()
assert AIMLAPIToolSpec().to_tool_list()
