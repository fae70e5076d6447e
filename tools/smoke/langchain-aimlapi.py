"""A call through the chat model, answered by a function; a tool; an embedding that is not sent."""

import httpx

from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from langchain_aimlapi.tools import AIMLAPIToolkit

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
REPLY = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE]}

own = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=REPLY)))
assert ChatAIMLAPI(model="openai/gpt-4o", api_key="k", http_client=own).invoke("Hi").content == "Hello"
assert AIMLAPIToolkit().get_tools()
AIMLAPIEmbeddings(model="voyage-2")
