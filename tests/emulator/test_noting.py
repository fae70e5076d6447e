"""What is kept of a reply holds no key."""

from __future__ import annotations

import pytest

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
