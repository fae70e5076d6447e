"""Clients of httpx and httpx2, packed bodies, and what of the libraries is looked at beyond an interface."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import zlib
from typing import Any

import httpx
import pytest

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.errors import APIConnectionError, BadResponseError
from aimlapi_transport.http import _compat as _httpx
from aimlapi_transport.http.blocking import run_blocking
from aimlapi_transport.http.replies import Reply, Trace
from tests.scripted import DONE, answer, chunk, event, reply, scripted, stream

PIECES = (chunk("He"), chunk("llo"), chunk(finish="stop"), DONE)


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw),
        ("identity", bytes),
    ],
)
def test_a_packed_body_is_unpacked_wherever_it_is_cut(encoding: str, pack: Any, size: int, streamed: bool) -> None:
    packed = pack(b"".join(PIECES) if streamed else json.dumps(answer("Hello")).encode())
    cut = [packed[at : at + size] for at in range(0, len(packed), size)]
    with scripted(stream(*cut, content_encoding=encoding, content_type="application/json")) as server:
        client = Client(api_key="k", base_url=server.base_url, max_retries=0)
        if streamed:
            deltas = list(client.stream_chat("m", [{"role": "user", "content": "Hi"}]))
            assert "".join(delta.text for delta in deltas) == "Hello"
        else:
            assert client.chat("m", [{"role": "user", "content": "Hi"}]).text == "Hello"


def test_a_body_that_is_not_packed_as_it_says_is_no_answer() -> None:
    with scripted(reply(body=b"not gzip at all", content_encoding="gzip")) as server:
        client = Client(api_key="k", base_url=server.base_url, max_retries=0)
        with pytest.raises(BadResponseError, match="compression is broken"):
            client.chat("m", [{"role": "user", "content": "Hi"}])


def test_a_body_that_was_read_to_its_end_is_not_read_again() -> None:
    """What may follow an answer is read, for a second at most; behind the end of a body nothing follows."""
    with scripted(stream(*PIECES)) as server, httpx.Client() as http:
        trace = Trace()
        request = http.build_request("POST", f"{server.base_url}/chat/completions", extensions={"trace": trace.note})
        body = Reply(http.send(request, stream=True), trace)
        while run_blocking(body.read()):
            assert trace.is_body_live
            body.limit_silence(1.0)
        assert not trace.is_body_live
        body.limit_silence(2.0)
        assert run_blocking(body.read()) == b""
        run_blocking(body.close())


class _BreaksAtTheEnd(httpx.ByteStream):
    def close(self) -> None:
        raise httpx.ReadError("reset")

    async def aclose(self) -> None:
        raise httpx.ReadError("reset")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_connection_that_breaks_while_it_is_closed_costs_no_answer(how: str, streamed: bool) -> None:
    data = b"".join(PIECES) if streamed else json.dumps(answer("Hello")).encode()
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=_BreaksAtTheEnd(data)))
    messages = [{"role": "user", "content": "Hi"}]

    async def aask() -> str:
        client = AsyncClient(api_key="k", http_client=httpx.AsyncClient(transport=transport))
        if not streamed:
            return (await client.chat("m", messages)).text
        return "".join([delta.text async for delta in client.stream_chat("m", messages)])

    def ask() -> str:
        client = Client(api_key="k", http_client=httpx.Client(transport=transport))
        if not streamed:
            return client.chat("m", messages).text
        return "".join(delta.text for delta in client.stream_chat("m", messages))

    assert (ask() if how == "sync" else asyncio.run(aask())) == "Hello"


def test_httpx2_is_not_imported_unless_somebody_brings_it() -> None:
    import subprocess

    code = (
        "import sys; from aimlapi_transport.client import Client; import httpx\n"
        "Client(api_key='k', http_client=httpx.Client()); print('httpx2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_timeout_of_httpx2_is_one() -> None:
    httpx2 = pytest.importorskip("httpx2")
    with scripted(stream(event({}), end="stall")) as server:
        client = Client(api_key="k", base_url=server.base_url, max_retries=0, timeout=httpx2.Timeout(0.2))
        with pytest.raises(APIConnectionError, match="in time"):
            client.chat("m", [{"role": "user", "content": "Hi"}])


def test_a_class_that_only_looks_like_a_client_is_refused() -> None:
    class Client:
        pass

    assert not _httpx.is_client(Client(), "Client")
    assert not _httpx.is_client(httpx.AsyncClient(), "Client")
    assert _httpx.is_client(httpx.Client(), "Client")
