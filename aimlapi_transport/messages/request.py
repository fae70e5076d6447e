"""Arguments -> the request of /v1/messages. Pure.

Source: https://docs.aimlapi.com/capabilities/anthropic (docs/capabilities/messages.json), https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import RequestOptions, request_of

DEFAULT_MAX_TOKENS = 1024  # documented; Claude's own API has no default


def messages_request(model: str, messages: Sequence[Mapping[str, Any]], options: RequestOptions) -> Request:
    """The request for an answer in Claude's own form.

    Args:
        messages: in Claude's form, at least one; `system` is a parameter.

    Raises:
        InvalidRequestError: no model, no messages, a role that is none of Claude's, or a host without this endpoint.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("No model: pass the id of a Claude model, for example `claude-sonnet-4-5`.")
    if options.preset.name != "aimlapi":
        raise InvalidRequestError(f"{options.preset.title} has no /v1/messages: use `chat`.")
    if not messages:
        raise InvalidRequestError("No messages: pass at least one.")
    for position, message in enumerate(messages):
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in ("user", "assistant"):
            way_out = ": pass it as `system=`" if role == "system" else ""
            raise InvalidRequestError(
                f"`messages[{position}]` has the role {role!r}, which Claude does not take{way_out}."
            )
    parameters = {name: value for name, value in (options.parameters or {}).items() if value is not None}
    body: dict[str, Any] = {"model": model, "messages": list(messages), "max_tokens": DEFAULT_MAX_TOKENS, **parameters}
    if options.stream:
        body["stream"] = True
    body.update(options.extra_body or {})
    stream, tools = body.get("stream") is True, tuple(body.get("tools") or ())
    return request_of(model, body, options, path="/messages", stream=stream, tools=tools)
