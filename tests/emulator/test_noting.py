"""What is kept of a reply, and how it is read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aimlapi_emulator.inspector.replies import read_reply
from aimlapi_emulator.server.noting import Noting, _Hidden
from aimlapi_emulator.server.request_log import Journal


@pytest.mark.parametrize("secrets", [[b"sk-0123456789"], [b"sk-0123456789", b"sk-0123456789-more"], [b"aaaaaaaaab"]])
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_key_is_cut_wherever_the_pieces_end(secrets: list[bytes], is_whole: bool) -> None:
    reply = b"data: a " + b" aaa ".join(secrets) + b" s sk-0 b"
    expected = reply
    for secret in secrets:
        expected = expected.replace(secret, b"(hidden)")
    for cut in range(len(reply) + 1):
        hidden = _Hidden(secrets)
        pieces = (reply[:cut], reply[cut:]) if is_whole else (reply[:cut],)
        kept = b"".join(hidden.add(piece, is_last=False) for piece in pieces) + hidden.add(b"", is_last=True)
        assert kept == expected or not is_whole
        assert not any(secret[:8] in kept for secret in secrets)


def test_a_reply_that_breaks_off_is_kept_to_its_last_byte() -> None:
    """Also bytes that might have been the start of a key."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"data: 1 sk", "more_body": True})
        raise OSError("gone")

    async def nothing(*_: Any) -> None:
        pass

    journal = Journal(keeps_replies=True)
    headers = [(b"authorization", b"Bearer sk-0123456789")]
    scope = {"type": "http", "method": "POST", "path": "/v1/x", "query_string": b"", "headers": headers}
    with pytest.raises(OSError, match="gone"):
        asyncio.run(Noting(app, journal)(scope, nothing, nothing))
    exchange = journal.kept[0].exchange
    assert exchange is not None and (exchange.error, exchange.status) == ("OSError", 200)
    assert b"".join(piece for _, piece in exchange.pieces) == b"data: 1 sk"


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"[]", b"1", b'{"choices": 1}', b"data: {}\n\ndata: x\n\n", b'{"error": null}']
)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", ""])
def test_odd_replies_are_read(data: bytes, kind: str) -> None:
    assert read_reply(data, 200, kind).error is None
