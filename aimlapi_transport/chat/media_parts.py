"""Media in messages: labels that their bytes bear out, and media of results of tools where a host takes them. Pure.

To correct the label of another content part, add a row to `_DATA_FIELDS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import MEDIA_PARTS
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media_types import data_start, data_url, first_bytes, from_name, media_type_of, normalize

# Types of content parts -> the field, inside the one of the part's name, that may hold a data URL.
_DATA_FIELDS = {"image_url": "url", "video_url": "url", "audio_url": "url", "file": "file_data"}
_FLAT_FIELDS = {"input_image": "image_url", "input_file": "file_data"}  # the same under /v1/responses
# Formats of `input_audio` that are not the MIME subtype.
_FORMATS = {"mpeg": "mp3", "mp4": "m4a"}
_MOVED = frozenset((*MEDIA_PARTS, "audio_url", "input_image", "input_file"))
_SCHEME = re.compile(r"[A-Za-z][\w+.-]+:")  # not the letter of a drive
_LONGEST_PATH = 300  # characters
IN_NEXT_MESSAGE = "The result of this call follows in the next user message."
"""What the message of a result says that holds media alone."""


def audio_format(label: str | None, data: str, default: str = "wav") -> str:
    """The `format` of `input_audio`: what the bytes, else the label, say, in the API's word.

    Args:
        label: a MIME type or a format, such as `audio/mpeg` or `mp3`.
        data: base64, a data URL, or an address.
    """
    start = data_start(data)
    if not label and start is not None:
        label = data[len("data:") : start].partition(";")[0]
    labelled = normalize(label or "").removeprefix("audio/")
    media_type = media_type_of(f"audio/{labelled}" if labelled else None, first_bytes(data)) or ""
    subtype = media_type.rpartition("/")[2]
    return labelled if subtype == labelled == "mp4" else _FORMATS.get(subtype, subtype) or default


def corrected_part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A content part whose data is labelled as what it is; the same one where nothing is to be corrected.

    Raises:
        InvalidRequestError: it names a file of this machine, which a provider cannot read.
    """
    kind = part["type"]
    _check_address(part, kind)
    if kind in _DATA_FIELDS:
        inner, field = part.get(kind), _DATA_FIELDS[kind]
        if isinstance(inner, str):
            return {**part, kind: data_url(inner)} if _is_data(inner) else part
        if isinstance(inner, Mapping) and _is_data(inner.get(field)):
            return {**part, kind: {**inner, field: data_url(inner[field])}}
    elif kind in _FLAT_FIELDS and _is_data(part.get(_FLAT_FIELDS[kind])):
        return {**part, _FLAT_FIELDS[kind]: data_url(part[_FLAT_FIELDS[kind]])}
    elif kind == "input_audio" and isinstance(audio := part.get(kind), Mapping) and audio.get("format"):
        corrected = audio_format(str(audio["format"]), str(audio.get("data")))
        if corrected != str(audio["format"]).removeprefix("audio/"):
            return {**part, kind: {**audio, "format": corrected}}
    return part


def _check_address(part: Mapping[str, Any], kind: str) -> None:
    if kind in _FLAT_FIELDS:
        value = part.get(_FLAT_FIELDS[kind])
    elif kind in _DATA_FIELDS or kind == "input_audio":
        value = part.get(kind)
        value = value.get(_DATA_FIELDS.get(kind, "data")) if isinstance(value, Mapping) else value
    else:
        return
    if not isinstance(value, str) or len(value) > _LONGEST_PATH or (_SCHEME.match(value) and value[:5] != "file:"):
        return
    if value[:5] == "file:" or from_name(value) is not None:  # ids of files, and base64, have no ending
        raise InvalidRequestError(
            f"`{kind}` is {value!r}, a file of this machine: pass a URL, or what is in it as a data URL "
            "(`data:image/png;base64,...`) or as base64 in the framework's block of an image, sound or file."
        )


def _is_data(value: Any) -> bool:
    return isinstance(value, str) and data_start(value) is not None


def with_media_behind_results(messages: Sequence[Json]) -> list[Json]:
    """The messages, where results of tools are text: their media come in one user message behind all of a turn.

    Chat completions take a text, or parts of text, for a result, and nothing between a call and its results.
    """
    sent: list[Json] = []
    names: dict[str, str] = {}
    media: list[Json] = []
    for message in messages:
        if message["role"] not in ("tool", "function"):
            if media:
                sent.append({"role": "user", "content": media})
                media = []
            for call in message.get("tool_calls") or ():
                names[str(call.get("id"))] = str((call.get("custom") or call.get("function") or {}).get("name"))
        elif isinstance(message["content"], list):
            moved = [part for part in message["content"] if part["type"] in _MOVED]
            if moved:
                call_id = str(message.get("tool_call_id") or message.get("name"))
                label = f" (`{names[call_id]}`)" if call_id in names else ""
                media += [{"type": "text", "text": f"From the result of the call {call_id}{label}:"}, *moved]
                message = {**message, "content": _text_of([p for p in message["content"] if p not in moved])}
        sent.append(message)
    return [*sent, {"role": "user", "content": media}] if media else sent


def _text_of(parts: list[Json]) -> str | list[Json]:
    """What a result says beside its media."""
    if any(part.keys() != {"type", "text"} for part in parts):
        return parts
    return "\n".join(part["text"] for part in parts) or IN_NEXT_MESSAGE
