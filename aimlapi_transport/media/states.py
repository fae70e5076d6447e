"""What a reply says of a generation: its id, how far it is, what went wrong, what it costs. Pure.

Source: https://docs.aimlapi.com/api-references/video-models; recorded replies use more words than the schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aimlapi_transport.chat.usage import Cost, cost_from
from aimlapi_transport.error_bodies import status_in
from aimlapi_transport.media.payloads import Json, as_object, as_reply, is_blank
from aimlapi_transport.media.reply_files import FIELDS
from aimlapi_transport.media.values import DONE, FAILED, UNDER_WAY

_DONE = ("completed", "succeeded", "complete", "success", "done", "finished")
_FAILED = ("error", "failed", "failure", "cancelled", "canceled", "expired", "rejected")
_UNDER_WAY = ("queued", "generating", "waiting", "active", "pending", "processing", "running", "in_progress", "created")
_ID_FIELDS = ("generation_id", "id")
_ANSWERS = (
    *FIELDS,
    *("url", "image_url", "video_url", "audio_url", "image_urls", "video_urls", "audio_urls"),
    *("results", "text", "transcript", "transcription", "pages"),
)


def read_state(payload: Any) -> tuple[str, str | None]:
    """The state of a generation (`done`, `failed`, `under_way`), and the provider's own word for it.

    An unknown word means that the generation goes on; a reply without one is `done` if it has an answer.
    """
    body = as_reply(payload)
    word = next((body[name] for name in ("status", "state") if isinstance(body.get(name), str)), None)
    plain = (word or "").lower().replace(" ", "_").replace("-", "_")
    if plain in _FAILED or _inner_error(body) is not None:
        return FAILED, word
    if plain in _DONE or (not plain and any(_holds_text(body.get(name)) for name in _ANSWERS)):
        return DONE, word
    if plain not in _UNDER_WAY and payload_error(body) is not None:
        return FAILED, word
    return UNDER_WAY, word


def payload_error(payload: Any) -> Any:
    """What a reply's body says went wrong; None where it reports no error."""
    body = as_reply(payload)
    for name in ("error", "errors"):
        if not is_blank(body.get(name)):
            return body[name]
    if as_object(body.get("base_resp")).get("status_code"):  # MiniMax; 0 is success
        return body["base_resp"]
    return body if status_in(body) is not None else _inner_error(body)


def _inner_error(body: Json) -> Any:
    """What the answer itself says went wrong: AssemblyAI's has a state and an error of its own."""
    for name in ("result", "output"):
        inner = as_object(body.get(name))
        if str(inner.get("status")).lower() in _FAILED or inner.keys() == {"error"}:
            return inner.get("error") or inner
    return None


def read_id(payload: Any) -> str | None:
    """The id of a generation."""
    ids = (as_reply(payload).get(name) for name in _ID_FIELDS)
    return next((str(value) for value in ids if value and not isinstance(value, (bool, dict, list))), None)


def read_cost(payload: Any, headers: Mapping[str, str]) -> Cost | None:
    """What a reply states that it cost: in `meta.usage`, in `usage`, in either of the answer, or in its headers."""
    body = as_object(payload)
    bodies = (body, *(as_object(body.get(name)) for name in ("data", "result", "output")))
    sources = (source for each in bodies for source in (each.get("meta"), each, {"usage": each.get("meta")}))
    return next(filter(None, map(cost_from, sources)), None) or cost_from(headers)


def _holds_text(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_text(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_text(item) for item in value)
    return isinstance(value, str) and bool(value)
