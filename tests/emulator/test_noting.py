"""What is kept of a reply, and how it is read."""

from __future__ import annotations

import pytest

from aimlapi_emulator.inspector.replies import read_reply
from aimlapi_emulator.server.noting import _Hidden


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


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"[]", b"1", b'{"choices": 1}', b"data: {}\n\ndata: x\n\n", b'{"error": null}']
)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", ""])
def test_odd_replies_are_read(data: bytes, kind: str) -> None:
    assert read_reply(data, 200, kind).error is None
