"""A server that answers a call of the transport."""

from aimlapi_emulator import emulator
from aimlapi_transport import Client

with emulator() as server:
    client = Client(base_url=server.base_url, api_key="k")
    assert client.chat("openai/gpt-4o", [{"role": "user", "content": "What is 6 * 7?"}]).text == "6 * 7 equals 42."
