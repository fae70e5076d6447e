"""WAV sounds of a text: a tone for each word, and the text itself in the file, for transcripts to read."""

from __future__ import annotations

import functools
import hashlib
import math
import struct
from dataclasses import dataclass

RATE = 8000  # samples a second
WORD_SECONDS = 0.32
_COMMENT = b"ICMT"


@functools.lru_cache(maxsize=32)
def sound(text: str, seconds: float | None = None) -> bytes:
    """A sound of 16 bits, one channel; the same for the same text. A word takes 0.32 seconds, unless `seconds` is set.

    Source: RIFF, with the text in its INFO list (Multimedia Programming Interface and Data Specifications 1.0)
    """
    words = text.split() or ["-"]
    each = round(RATE * (WORD_SECONDS if seconds is None else seconds / len(words)))
    samples = bytearray()
    for word in words:
        step = 2 * math.pi * (220 + hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=2).digest()[0]) / RATE
        quiet = max(each // 6, 1)  # between words
        samples += b"".join(struct.pack("<h", round(9000 * math.sin(step * n))) for n in range(each - quiet))
        samples += bytes(2 * quiet)
    comment = text.encode("utf-8", "replace")
    info = b"INFO" + _chunk(_COMMENT, comment)
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    body = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"LIST", info) + _chunk(b"data", bytes(samples))
    return b"RIFF" + struct.pack("<I", len(body)) + body


@dataclass(frozen=True, slots=True)
class Heard:
    """What is in a sound: its text, and its length in seconds; None where it is not known."""

    text: str
    seconds: float | None


def heard_in(data: bytes) -> Heard:
    """What a transcript says of a file: the text of one of ours, a sentence about any other."""
    if not data.startswith(b"RIFF") or data[8:12] != b"WAVE":
        return Heard(f"This is a sound of {len(data)} bytes.", None)
    text, seconds, rate, at = "", None, 2 * RATE, 12
    while at + 8 <= len(data):
        kind, (length,) = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])
        part = data[at + 8 : at + 8 + length]
        if kind == b"fmt " and len(part) >= 12:
            (rate,) = struct.unpack("<I", part[8:12])
        elif kind == b"data":
            seconds = len(part) / max(rate, 1)
        elif kind == b"LIST" and part[4:8] == _COMMENT:
            (size,) = struct.unpack("<I", part[8:12])
            text = part[12 : 12 + size].decode("utf-8", "replace")
        at += 8 + length + length % 2
    return Heard(text or f"This is a sound of {seconds or 0:.1f} seconds.", seconds)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
