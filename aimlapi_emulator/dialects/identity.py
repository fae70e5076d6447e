"""Which ids, times and random-looking fields a reply has: all derived from the request, none from a clock.

A format names its random parts: `chatcmpl-{b62:29}`, `gen-{created}-{b62:20}`, `{uuid}`, `{hex:32}`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import orjson

EPOCH = 1767225600  # 2026-01-01T00:00:00Z: every reply was made at this second
TIMESTAMP = "2026-01-01T00:00:00.000Z"
_ALPHABETS = {
    "b62": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "b36": "abcdefghijklmnopqrstuvwxyz0123456789",
    "hex": "0123456789abcdef",
    "num": "0123456789",
}


class Identity:
    """Random-looking values drawn from one seed; each label gives its own, always the same one."""

    def __init__(self, *seed: str) -> None:
        self._seed = hashlib.sha256("\x00".join(seed).encode()).digest()

    def bytes(self, label: str, count: int) -> bytes:
        return hashlib.shake_128(self._seed + label.encode()).digest(count)

    def number(self, label: str, below: int) -> int:
        return int.from_bytes(self.bytes(label, 8), "big") % below

    def letters(self, label: str, alphabet: str, count: int) -> str:
        signs = _ALPHABETS[alphabet]
        return "".join(signs[byte % len(signs)] for byte in self.bytes(label, count))

    def uuid(self, label: str) -> str:
        digits = self.letters(label, "hex", 32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def base64(self, label: str, count: int) -> str:
        return base64.b64encode(self.bytes(label, count)).decode()

    def made(self, form: str, label: str = "id") -> str:
        """A format with its random parts filled in."""

        def fill(match: re.Match[str]) -> str:
            kind, _, size = match.group(1).partition(":")
            if kind == "created":
                return str(EPOCH)
            if kind == "uuid":
                return self.uuid(label)
            return self.letters(f"{label}{match.start()}", kind, int(size))

        return re.sub(r"\{(\w+(?::\d+)?)\}", fill, form)


def fingerprint(body: Any, raw: bytes = b"") -> str:
    """The same for two requests that say the same, whatever the order of their keys."""
    try:
        canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, RecursionError):
        canonical = raw
    return hashlib.sha256(canonical).hexdigest()
