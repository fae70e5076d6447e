"""What a spoken answer sounds like: a tenth of a second of silence, as a valid WAV."""

from __future__ import annotations

import base64
import struct

RATE = 24_000  # samples per second, 16 bit, one channel: what the provider's audio models send


def wav(seconds: float = 0.1) -> str:
    """A base64 WAV of silence."""
    samples = b"\x00\x00" * int(RATE * seconds)
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return base64.b64encode(head + struct.pack("<4sI", b"data", len(samples)) + samples).decode()
