"""Bytes of an event stream, cut anywhere -> its events. Pure and incremental: feed, feed, ..., close.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
Beyond the standard: an event whose closing blank line is missing at the end of the stream is still returned,
because some gateways leave it out and its text would be lost.
"""

from __future__ import annotations

from aimlapi_transport.config.limits import DEFAULT
from aimlapi_transport.errors import BadResponseError

Event = tuple[bytes, bytes]
"""An event's name (empty where none was sent) and its data."""

_BOM = b"\xef\xbb\xbf"


class EventDecoder:
    """Splits a byte stream into events.

    Lines end in LF, CRLF or CR; U+2028 and its like inside the data are text. Comments, unknown fields,
    `id:` and `retry:` are ignored, a byte order mark is dropped, several `data:` lines are joined by LF.

    Args:
        max_bytes: of one event.
    """

    __slots__ = ("_after_cr", "_data", "_max_bytes", "_name", "_pending", "_size", "_started")

    def __init__(self, max_bytes: int = DEFAULT.event) -> None:
        self._max_bytes = max_bytes
        self._pending = bytearray()  # the beginning of a line
        self._name = b""
        self._data: list[bytes] = []  # of the event that is not all here
        self._size = 0  # bytes that came of it
        self._after_cr = False  # the last byte was a CR: a LF that follows belongs to it
        self._started = False

    def feed(self, data: bytes) -> list[Event]:
        """The events these bytes complete. Linear in the bytes, however they are cut.

        Raises:
            BadResponseError: an event is longer than the limit.
        """
        if not self._started:
            data = bytes(self._pending) + data
            self._started = len(data) >= len(_BOM) or not _BOM.startswith(data)
            self._pending.clear()
            data = data.removeprefix(_BOM)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        self._size += len(data)
        events: list[Event] = []
        if b"\n" in data:
            if self._pending:
                data = bytes(self._pending) + data
                self._pending.clear()
            lines = data.split(b"\n")
            data = lines.pop()
            for line in lines:
                if line:
                    field, _, value = line.partition(b":")
                    if field == b"data":
                        self._data.append(value.removeprefix(b" "))
                    elif field == b"event":
                        self._name = value.removeprefix(b" ")
                else:
                    if self._data:
                        events.append((self._name, b"\n".join(self._data)))
                    self._name, self._data, self._size = b"", [], len(data)
        self._pending += data
        if self._size > self._max_bytes:
            raise BadResponseError(f"An event of the stream is longer than the limit of {self._max_bytes:,} bytes.")
        return events

    def close(self) -> list[Event]:
        """The event left open when the stream ended, if any."""
        return self.feed(b"\n\n")

    def _with_lf(self, data: bytes) -> bytes:
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
