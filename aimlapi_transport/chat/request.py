"""A model, messages and options -> the request for a chat completion: a pure function, which alone shapes its body.

Whatever a user set is sent, spelled as the model wants it, or refused by name; what a framework added by itself is left
out where it is not accepted. Nothing is dropped without an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.media_parts import with_media_behind_results
from aimlapi_transport.chat.message_checks import check_messages, unlisted_part_types
from aimlapi_transport.chat.parameters import chat_parameters
from aimlapi_transport.chat.reasoning_replay import replayed
from aimlapi_transport.chat.tool_history import check_history
from aimlapi_transport.chat.tool_names import TOOL_FIELDS, with_wire_names
from aimlapi_transport.chat.tool_settings import Target
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import facts_for, profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.request import Request as Request
from aimlapi_transport.request_options import RequestOptions, request_of

OUTPUT_FIELDS = ("output_items", "output_model", "output_stored", "response_id")
"""What an assistant message says of the reply of /v1/responses it was: its items, the model, whether the provider kept
it, and its id. No endpoint takes them as they are."""
_ITEM_FIELDS = ("item_id", "namespace", "async")  # of a call, from its output item


def chat_request(
    model: str, messages: Sequence[Mapping[str, Any]], options: RequestOptions | None = None, **fields: Any
) -> Request:
    """The request for a chat completion.

    Args:
        model: an id of the host's catalogue, sent as it is.
        messages: in the API's format, at least one.
        fields: options by their names, over `options`.

    Raises:
        InvalidRequestError: no messages, an unknown role, content that cannot be carried, a value outside
            its documented range, or a parameter the host documents to refuse. It names what is accepted.
    """
    options = (options or RequestOptions())._replace(**fields)
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("No model: pass the id of a model, for example `openai/gpt-4o`.")
    preset = options.preset
    facts = facts_for(model) if preset.lists_models else None
    target = Target(
        model=model,
        profile=profile_for(model),
        rules=preset.rules_for(model),
        facts=facts,
        preset=preset,
        is_strict=options.strict_parameters,
        listed=facts.parameters if facts else None,
    )
    unlisted_parts: tuple[str, ...] = ()
    sent, are_texts = check_messages(messages, target.profile, target.rules, preset)
    if not are_texts:
        sent = check_history(sent, repair=options.repair_history)
        sent = [_without_items(message) if "output_items" in message else message for message in sent]
        unlisted_parts = unlisted_part_types(sent, model, facts, options.part_support, options.strict_parameters)
        sent = replayed(sent, target.profile, options.replay_reasoning)
        sent = with_media_behind_results(sent)
    parameters = chat_parameters(options.parameters, options.added, target)
    body: Json = {"model": model, "messages": sent, **dict(sorted(parameters.body.items()))}
    if options.stream or target.rules.sends_stream:
        body["stream"] = options.stream
    extra_body = options.extra_body or {}
    tools = extra_body.get("tools", body.get("tools"))
    tool_names: dict[str, str] = {}
    if not are_texts or not TOOL_FIELDS.isdisjoint(body):
        body, tool_names = with_wire_names(body)
    body.update(extra_body)
    return request_of(
        model,
        body,
        options,
        profile=target.profile if options.parse_think else target.profile._replace(parse_think=False),
        stream=body.get("stream") is True,
        unlisted=parameters.unlisted,
        unlisted_parts=unlisted_parts,
        tool_choice_downgrade=parameters.tool_choice_downgrade,
        tools=tuple(tools) if isinstance(tools, (list, tuple)) else (),
        tool_names=tuple(tool_names.items()),
        choices=body["n"] if isinstance(body.get("n"), int) else 1,
    )


def _without_items(message: Json) -> Json:
    """A reply of /v1/responses as chat completions take it: its text, its calls and its reasoning."""
    sent = {name: value for name, value in message.items() if name not in (*OUTPUT_FIELDS, "encrypted_content")}
    if not sent.get("tool_calls"):
        sent["content"] = sent.get("content") or ""  # it may have held nothing but calls of the provider's own tools
    else:
        sent["tool_calls"] = [
            {name: value for name, value in call.items() if name not in _ITEM_FIELDS} for call in sent["tool_calls"]
        ]
    return sent
