"""A call through a client, answered by a function."""

import httpx

from aimlapi_transport import Client

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
REPLY = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE]}

own = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=REPLY)))
assert Client(api_key="k", http_client=own).chat("m", [{"role": "user", "content": "Hi"}]).text == "Hello"
