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

    __slots__ = ("_after_cr", "_at_line_start", "_max_bytes", "_pending", "_started")

    def __init__(self, max_bytes: int = DEFAULT.event) -> None:
        self._max_bytes = max_bytes
        self._pending = bytearray()
        self._at_line_start = False  # the pending bytes end in LF
        self._after_cr = False  # the last byte was a CR: a LF that follows belongs to it
        self._started = False

    def feed(self, data: bytes) -> list[Event]:
        """The events these bytes complete. Linear in the bytes, however they are cut.

        Raises:
            BadResponseError: an event is longer than the limit.
        """
        if not self._started:
            data = self._taken() + data
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._pending += data
                return []
            self._started = True
            data = data.removeprefix(_BOM)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if not data:
            return []
        if not (b"\n\n" in data or (self._at_line_start and data.startswith(b"\n"))):
            self._pending += data
            if len(self._pending) > self._max_bytes:
                raise BadResponseError(f"An event of the stream is longer than the limit of {self._max_bytes:,} bytes.")
            self._at_line_start = data.endswith(b"\n")
            return []
        if self._pending:
            data = self._taken() + data
        whole, _, rest = data.rpartition(b"\n\n")
        if rest:
            self._pending += rest
        self._at_line_start = rest.endswith(b"\n")
        return [event for block in whole.split(b"\n\n") if (event := _parse(block)) is not None]

    def close(self) -> list[Event]:
        """The event left open when the stream ended, if any."""
        event = _parse(self._taken())
        return [] if event is None else [event]

    def _taken(self) -> bytes:
        """What was pending, which is no more."""
        pending = bytes(self._pending)
        self._pending.clear()
        return pending

    def _with_lf(self, data: bytes) -> bytes:
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _parse(block: bytes) -> Event | None:
    """One event out of its lines, None where it has no data."""
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return (name, b"\n".join(data)) if data else None
