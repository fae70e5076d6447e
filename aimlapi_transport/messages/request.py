"""Arguments -> the request of /v1/messages. Pure.

Source: https://docs.aimlapi.com/capabilities/anthropic (docs/capabilities/messages.json), https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aimlapi_transport.config.hosts import Preset
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import JsonError, dumps
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import request_headers

DEFAULT_MAX_TOKENS = 1024  # documented; Claude's own API has no default


def messages_request(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    preset: Preset,
    parameters: Mapping[str, Any] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, Any] | None = None,
    client_request_id: str | None = None,
    stream: bool = False,
) -> Request:
    """The request for an answer in Claude's own form.

    Args:
        messages: in Claude's form, at least one; `system` is a parameter.
        parameters: fields of the body; None values are unset.
        extra_body: fields sent as they are, over all others.

    Raises:
        InvalidRequestError: no model, no messages, a role that is none of Claude's, or a host without this endpoint.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("No model: pass the id of a Claude model, for example `claude-sonnet-4-5`.")
    if preset.name != "aimlapi":
        raise InvalidRequestError(f"{preset.title} has no /v1/messages: use `chat`.")
    if not messages:
        raise InvalidRequestError("No messages: pass at least one.")
    for position, message in enumerate(messages):
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in ("user", "assistant"):
            way_out = ": pass it as `system=`" if role == "system" else ""
            raise InvalidRequestError(
                f"`messages[{position}]` has the role {role!r}, which Claude does not take{way_out}."
            )
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    body: dict[str, Any] = {"model": model, "messages": list(messages), "max_tokens": DEFAULT_MAX_TOKENS, **given}
    if stream:
        body["stream"] = True
    body.update(extra_body or {})
    try:
        data = dumps(body)
    except JsonError as error:
        raise InvalidRequestError(f"The request cannot be written as JSON: {error}.") from None
    return Request(
        model=model,
        profile=profile_for(model),
        body=data,
        stream=body.get("stream") is True,
        path="/messages",
        headers=request_headers(extra_headers, client_request_id),
        query=tuple((name, str(value)) for name, value in (extra_query or {}).items()),
        tools=tuple(body.get("tools") or ()),
    )
