"""A model, messages and options -> the request, under chat completions or /v1/responses. No client, no I/O.

A pure function of its inputs, but for the warnings of what it sends that nobody documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.cache_marks import has_marks, takes_marks, without_mark, without_marks
from aimlapi_transport.chat.request import chat_request
from aimlapi_transport.chat.request_warnings import warn_unlisted
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import RequestOptions
from aimlapi_transport.responses.request import responses_request
from aimlapi_transport.responses.routing import is_known_there, uses_responses
from aimlapi_transport.user_warnings import warn_once, warn_unknown_endpoint


def build_request(
    model: str, messages: Sequence[Mapping[str, Any]], options: RequestOptions, *, to_responses: bool | None = None
) -> Request:
    """The request for an answer; see `chat_request` and `responses_request`.

    Args:
        to_responses: whether it goes to /v1/responses, where the caller knows by `uses_responses`.

    Warns:
        UnlistedParameterWarning: once for each model and parameter or type of content part its documents do not list,
            for each tool choice that the host does not take, and for a model that goes to /v1/responses by itself and
            is not known to be served there.
    """
    choice, preset = options.use_responses_api, options.preset
    tools = (options.parameters or {}).get("tools")
    if preset.lists_models and not takes_marks(model) and has_marks(messages, tools):
        warn_left_out(model, "cache_control", is_strict=options.strict_parameters)
        if isinstance(messages, Sequence) and not isinstance(messages, (str, bytes)):
            messages = [without_marks(message) for message in messages]
        if isinstance(tools, (list, tuple)):
            parameters = {**(options.parameters or {}), "tools": [without_mark(tool) for tool in tools]}
            options = options._replace(parameters=parameters)
    if to_responses is None:
        to_responses = uses_responses(choice, model, options.parameters or {}, preset, is_provider=options.is_provider)
    if to_responses:
        if choice is None and not is_known_there(model, preset):
            warn_unknown_endpoint(model)
        request = responses_request(model, messages, options)
        if any(message.get("name") and message.get("role") not in ("tool", "function") for message in messages):
            warn_left_out(model, "name", is_strict=options.strict_parameters)
    else:
        request = chat_request(model, messages, options)
    if request.unlisted or request.unlisted_parts or request.tool_choice_downgrade:
        warn_unlisted(request)
    return request


def warn_left_out(model: str, name: str, *, is_strict: bool) -> None:
    """Says once that a key of messages, parts and tools is not sent, because the model's documents do not list it.

    Raises:
        InvalidRequestError: with `is_strict`.
    """
    if is_strict:
        raise InvalidRequestError(f"`{name}` is not accepted by {model}: leave it out.")
    warn_once(model, name, f"{model} does not accept `{name}`. It is left out")
