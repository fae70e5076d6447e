"""How a body is packed: gzip or deflate, once."""

from __future__ import annotations

import zlib
from typing import Any

PLAIN = ("", "identity")
PACKED = ("gzip", "x-gzip", "deflate")
"""The encodings that we ask for. One alone unpacks a thousandfold at most: in layers, a kilobyte to a terabyte."""


class BrokenEncodingError(Exception):
    """A body is not packed as its header says."""


class Decoder:
    """Unpacks gzip or deflate, cut anywhere."""

    def __init__(self) -> None:
        self._inflate: Any = None
        self._head = b""

    def add(self, data: bytes) -> bytes:
        """What these bytes unpack to.

        Raises:
            BrokenEncodingError: they are no gzip and no deflate.
        """
        try:
            if self._inflate is None:
                data = self._head = self._head + data
                if len(data) < 2:  # the first two bytes say how it is framed
                    return b""
                is_framed = data[:2] == b"\x1f\x8b" or (data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0)
                # gzip, or deflate in zlib's frame; else without a frame, as some servers send it
                self._inflate = zlib.decompressobj(wbits=47 if is_framed else -15)
            unpacked: bytes = self._inflate.decompress(data)
        except zlib.error as error:
            raise BrokenEncodingError(str(error)) from None
        return unpacked

    def flush(self) -> bytes:
        """What is left at the end of the body."""
        try:
            return b"" if self._inflate is None else bytes(self._inflate.flush())
        except zlib.error as error:
            raise BrokenEncodingError(str(error)) from None
