"""The body and the headers of a refused reply -> its message, status and id, for `errors`. Pure.

To read another shape of error body, add its key to `message_and_id`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from aimlapi_transport.json_codec import JsonError, loads

BODY_LIMIT = 16_384
"""Characters of a refused reply's body that are kept for reading."""
_MESSAGE_LIMIT = 1000  # characters; a message may hold an HTML page or a whole prompt
_LONGEST_SECRET = 1000  # bytes


def beginning(data: bytes | bytearray, most: int, scrub: Callable[[str], str]) -> str:
    """At most so many characters of what a server sent. Cut once the key is out: half a key is a secret, too."""
    return scrub(data[: most + _LONGEST_SECRET].decode("utf-8", "replace"))[:most]


def public_headers(headers: Mapping[str, str], scrub: Callable[[str], str]) -> dict[str, str]:
    """A reply's headers without cookies and without the key."""
    return {name.lower(): scrub(value) for name, value in headers.items() if name.lower() != "set-cookie"}


def status_in(source: Any) -> int | None:
    """The HTTP status that a body claims, None where it claims none."""
    if isinstance(source, dict):
        for key in ("statusCode", "status", "code", "status_code"):
            value = source.get(key)
            if isinstance(value, str) and value.isdigit():  # the documentation has it as text, too
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
                return value
    return None


def message_and_id(value: Any, depth: int = 0) -> tuple[str, str | None]:
    """The readable message and the request id inside an error body of any known shape."""
    if isinstance(value, list):
        found = [message_and_id(item, depth + 1) for item in value[:3]] if depth < 4 else []
        return next((pair for pair in found if pair[0]), ("", None))
    if isinstance(value, str):
        return _unwrapped(value), None
    if not isinstance(value, dict) or depth > 4:
        return "", None
    request_id = next((value[k] for k in ("requestId", "request_id") if isinstance(value.get(k), str)), None)
    for key in ("message", "error", "errors", "detail", "msg", "status_msg", "error_description", "title"):
        if value.get(key):
            message, inner_id = message_and_id(value[key], depth + 1)
            if message:
                return message, request_id or inner_id
    return "", request_id


def _unwrapped(message: str) -> str:
    """The upstream's own words where the gateway hands its error on as `400 {"error": ...}`."""
    brace = message.find("{")
    if brace != -1 and message.rstrip().endswith("}"):
        try:
            inner, _ = message_and_id(loads(message[brace:]), 1)
        except JsonError:
            inner = ""
        if inner:
            head = message[:brace].strip()
            return inner if not head or head.isdigit() else f"{head} {inner}"
    return message.strip()


def shortened(message: str) -> str:
    """A message of at most 1000 characters."""
    return message if len(message) <= _MESSAGE_LIMIT else f"{message[:_MESSAGE_LIMIT]}..."


def scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    """A body without secrets."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: scrubbed(item, scrub) for key, item in value.items()}
    if isinstance(value, list):
        return [scrubbed(item, scrub) for item in value]
    return value


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or an HTTP date); None if unreadable.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if not value:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = _seconds_until(value)
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return -1.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - datetime.now(timezone.utc)).total_seconds()
