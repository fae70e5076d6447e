"""What is used of httpx and httpcore beyond their documented interface, and what is left where it is not as expected.

Should one of the first tests fail with a new release: `_httpx.connection_of` and `_httpx.abort` know the old shape. Until
they know the new one, async streams left early are closed by httpx's own generators, and connections are not reused
after a stream that was not read to its end.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import zlib
from typing import Any

import httpx
import pytest

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.errors import APIConnectionError, BadResponseError
from aimlapi_transport.http import _compat as _httpx
from aimlapi_transport.http.blocking import run_blocking
from tests.reliability.checks import eventually
from tests.scripted import DONE, answer, chunk, event, reply, scripted, stream
from tests.transport.calls import async_call, async_own_call, outcome, sync_call
from tests.transport.test_client import STREAMED, WHOLE

PIECES = (chunk("He"), chunk("llo"), chunk(finish="stop"), DONE)
LIBRARIES = ["httpx", "httpx2"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_connection_of_a_response_is_known(library: str) -> None:
    found = pytest.importorskip(library)
    with scripted(stream(*PIECES)) as server, found.Client() as http:
        response = http.send(http.build_request("GET", server.base_url), stream=True)
        body = _httpx.Body(response)
        assert body.is_direct
        data = b""
        while piece := run_blocking(body.read()):
            data += piece
        assert (data, run_blocking(body.read())) == (b"".join(PIECES), b"")
        response.close()

    async def run() -> tuple[bool, bool]:
        async with found.AsyncClient() as http:
            response = await http.send(http.build_request("GET", server.base_url), stream=True)
            known = _httpx.AsyncBody(response).is_direct, _httpx.can_abort(response)
            assert _httpx.abort(response)
            await response.aclose()
            return known

    with scripted(stream(*PIECES, end="stall")) as server:
        assert asyncio.run(run()) == (True, True)


@pytest.mark.parametrize("call", [sync_call, async_call, async_own_call])
@pytest.mark.parametrize(
    ("acts", "expected", "streamed"),
    [(*case[1:], False) for case in WHOLE] + [(*case[1:], True) for case in STREAMED],
)
def test_without_it_the_documented_interface_gives_the_same(
    call: Any, acts: Any, expected: Any, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_httpx, "connection_of", lambda response: None)
    monkeypatch.setattr(_httpx, "_transport_of", lambda stream: None)
    assert outcome(call, acts, streamed) == expected


def test_a_stream_whose_connection_is_not_known_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_httpx, "connection_of", lambda response: None)
    monkeypatch.setattr(_httpx, "_transport_of", lambda stream: None)

    async def left(url: str) -> None:
        client = AsyncClient(api_key="k", base_url=url)
        streams = [client.stream_chat("m", [{"role": "user", "content": "Hi"}]) for _ in range(3)]
        for one in streams:
            await anext(one)
        del one
        await streams.pop().aclose()  # and the others are dropped
        streams.clear()
        await asyncio.sleep(0.05)

    endless = stream(*PIECES[:2], *[b": still here\n\n"] * 500, pause=0.01)
    with scripted(endless) as server:
        asyncio.run(left(server.base_url))
        assert eventually(lambda: server.closed == server.connections == 3)


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
    import json

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
