"""Arguments -> a request for /v1/responses: the only place that shapes its body, and a pure function of its inputs.

Settings keep the names of chat completions; here they get this endpoint's words. Whatever a user set is sent, or
refused by name. To translate another setting, add it to `_translated`.
Source: https://docs.aimlapi.com/api-references/text-models-llm/openai (the /v1/responses schemas)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.message_checks import check_messages
from aimlapi_transport.chat.parameters import set_parameters, stop_sequences, unlisted_parameter
from aimlapi_transport.chat.tool_history import check_history
from aimlapi_transport.chat.tool_names import with_wire_names
from aimlapi_transport.chat.tool_settings import MAX_TOOLS
from aimlapi_transport.chat.validation import ONLY_RESPONSES, SHARED_WITH_RESPONSES, check_value
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import RequestOptions, request_of
from aimlapi_transport.responses.input_items import input_items, unlisted_types
from aimlapi_transport.responses.returned_items import reasons
from aimlapi_transport.responses.routing import PATH

_SEALED = "reasoning.encrypted_content"
LEAST_OUTPUT = 16
"""Tokens: the smallest `max_output_tokens` that the endpoint takes."""

_KNOWN = frozenset((*ONLY_RESPONSES, *SHARED_WITH_RESPONSES))
# What only chat completions take, and what to do instead.
_REFUSED = {
    "seed": "leave it out",
    "logit_bias": "leave it out",
    "presence_penalty": "leave it out",
    "frequency_penalty": "leave it out",
    "modalities": "ask a model under chat completions for audio",
    "audio": "ask a model under chat completions for audio",
    "prediction": "leave it out",
    "functions": "pass `tools`",
    "function_call": "pass `tool_choice`",
    "web_search_options": 'pass the tool `{"type": "web_search"}`',
}


def responses_request(
    model: str, messages: Sequence[Mapping[str, Any]], options: RequestOptions | None = None, **fields: Any
) -> Request:
    """The request for a response.

    With the parameter `use_previous_response_id` only what follows the last reply is sent, with its id (where the
    messages hold no reply, with the id that is its value); where the provider does not know the id, the whole
    conversation is sent (`Request.fallback`).

    Args:
        messages: in the form of chat completions. An assistant message may hold `output_items` (the items of the reply
            it was, sent back in its place), `output_model`, `output_stored` and `response_id`.
        fields: options by their names, over `options`. Parameters are in the words of chat completions or of this
            endpoint.

    Raises:
        InvalidRequestError: a parameter or a part that this endpoint does not take, a call without a result or the
            reverse.
    """
    options = (options or RequestOptions())._replace(**fields)
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("No model: pass the id of a model, for example `openai/gpt-5-pro`.")
    user = set_parameters(options.parameters)
    chains: bool | str = user.pop("use_previous_response_id", False)
    stop = stop_sequences(user.pop("stop", None) or user.pop("stop_sequences", None) or ())
    user.pop("stop_sequences", None)
    body, tools, unlisted = _translated(user, model, options.strict_parameters)
    added = {name: value for name, value in (options.added or {}).items() if value is not None}
    body = {**_translated(added, model, False)[0], **body}
    if chains or body.get("background"):  # the provider has to keep what is asked for later
        body.setdefault("store", True)
    include = body.pop("include", None)
    if include != [] and _SEALED not in (include or ()) and reasons(model) and body.get("store") is not True:
        include = [*(include or ()), _SEALED]  # else the next request could not hold what the model thought
    if include:
        body["include"] = include
    if options.stream:
        body["stream"] = True
    sent, _ = check_messages(messages, profile_for(model), options.preset.rules_for(model), options.preset)
    sent = check_history(
        sent,
        repair=options.repair_history,
        continued=bool(body.get("previous_response_id") or body.get("conversation") or isinstance(chains, str)),
        has_items=True,
    )
    unlisted_parts = unlisted_types(sent)
    if unlisted_parts and options.strict_parameters:
        raise InvalidRequestError(
            f"The documents list no item or part of type `{unlisted_parts[0]}` for /v1/responses ({model}): leave it "
            "out, or leave `strict_parameters` off."
        )
    start, previous = _continuation(sent, body, chains)
    stored = body.get("store") is True
    fields = {"path": PATH, "unlisted": unlisted, "unlisted_parts": unlisted_parts, "tools": tools, "stop": stop}
    if previous is None:
        return _with_body(model, body, sent, options, stored=stored, **fields)
    if "previous_response_id" not in body:  # who does not know the response knows none of its items
        fields["fallback"] = _with_body(model, body, sent, options, stored=False, **fields)
    body["previous_response_id"] = previous
    return _with_body(model, body, sent[start:], options, stored=stored, **fields)


def _with_body(
    model: str, body: Json, messages: list[Json], options: RequestOptions, *, stored: bool, **fields: Any
) -> Request:
    """The request with a body of these parameters and messages.

    Args:
        stored: whether the provider keeps the items of the messages.
        fields: further ones of the request.
    """
    items = input_items(messages, model, stored=stored, replay_reasoning=options.replay_reasoning)
    named, tool_names = with_wire_names({"model": model, "input": items, **body})
    sent = {**named, **(options.extra_body or {})}
    return request_of(
        model,
        sent,
        options,
        stream=sent.get("stream") is True,
        is_background=sent.get("background") is True,
        wants_json=_wants_json(sent.get("text")),
        tool_names=tuple(tool_names.items()),
        **fields,
    )


def _continuation(messages: list[Json], body: Json, chains: bool | str) -> tuple[int, str | None]:
    """From which message on to send, and the id of the response before it; None where all are to be sent.

    Where the user set an id, what the messages hold up to the reply of that id is not sent again.
    """
    previous = body.get("previous_response_id")
    if previous is None and not chains:
        return 0, None
    latest = chains if isinstance(chains, str) else None
    for position in range(len(messages) - 1, -1, -1):
        known = messages[position].get("response_id")
        if known and (previous is None or known == previous) and position + 1 < len(messages):
            return position + 1, str(known)
    return 0, previous or latest


def _translated(user: Mapping[str, Any], model: str, strict: bool) -> tuple[Json, tuple[Any, ...], tuple[str, ...]]:
    """Settings in this endpoint's words, the tools in chat's, and the unknown names."""
    body: Json = {}
    text: Json = dict(user.get("text") or {})
    reasoning: Json = {}
    tools: tuple[Any, ...] = ()
    unlisted: list[str] = []
    for name in sorted(user):
        value = user[name]
        check_value(name, value)
        if name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
            if not isinstance(value, int) or isinstance(value, bool) or value < LEAST_OUTPUT:
                raise InvalidRequestError(
                    f"`{name}` is {value!r}: /v1/responses accepts a whole number, at least {LEAST_OUTPUT}."
                )
            body["max_output_tokens"] = value
        elif name == "tools":
            tools = tuple(_list(value))
            body["tools"] = [flat_tool(tool) for tool in tools]
        elif name == "tool_choice":
            body["tool_choice"] = _flat_choice(value)
        elif name == "response_format":
            text["format"] = _flat_format(value)
        elif name == "verbosity":
            text["verbosity"] = value
        elif name == "reasoning_effort":
            reasoning["effort"] = value
        elif name == "reasoning":
            reasoning |= value
        elif name == "logprobs":
            if value:
                body["include"] = [*body.get("include", ()), "message.output_text.logprobs"]
        elif name == "include":
            body["include"] = [*body.get("include", ()), *_list(value)]
        elif name in ("text", "input", "stream", "n", "stream_options"):
            if name == "n" and value != 1:
                raise InvalidRequestError(f"`n` is {value!r}: /v1/responses gives one answer.")
            if name == "stream_options" and (rest := {k: v for k, v in value.items() if k != "include_usage"}):
                body[name] = rest  # token counts come by themselves
        elif name in _REFUSED:
            raise InvalidRequestError(f"`{name}` is not a parameter of /v1/responses ({model}): {_REFUSED[name]}.")
        else:
            if name not in _KNOWN:
                if strict:
                    raise unlisted_parameter(name, "The documented parameters of /v1/responses")
                unlisted.append(name)
            body[name] = value
    if text:
        body["text"] = text
    if reasoning:
        body["reasoning"] = reasoning
    return body, tools, tuple(unlisted)


def _wants_json(text: Any) -> bool:
    """Whether the `text` of a body asks for JSON."""
    format_ = text.get("format") if isinstance(text, Mapping) else None
    return isinstance(format_, Mapping) and format_.get("type") in ("json_schema", "json_object")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise InvalidRequestError(f"{str(value)[:80]!r} is not a list: pass a list.")
    if len(value) > MAX_TOOLS:
        raise InvalidRequestError(f"A list has {len(value)} entries: at most {MAX_TOOLS} are accepted.")
    return list(value)


def flat_tool(tool: Any) -> Any:
    """A tool in this endpoint's form: what chat completions nest stands at the top, `strict` and `parameters` too."""
    if not isinstance(tool, Mapping):
        raise InvalidRequestError(f"A tool is of type {type(tool).__name__}: pass an object.")
    kind = tool.get("type", "function" if "function" in tool or "name" in tool else None)
    inner = tool.get(kind) if kind in ("function", "custom") else None
    beside = {name: value for name, value in tool.items() if name not in ("type", kind, "cache_control")}
    flat = {"type": kind, **inner, **beside} if isinstance(inner, Mapping) else dict(tool)
    if kind == "function":
        flat = {"type": kind, **flat}
        if not flat.get("parameters"):
            flat["parameters"] = {"type": "object", "properties": {}}
        flat["strict"] = bool(flat.get("strict"))
    elif kind == "custom":
        form = flat.get("format")
        if isinstance(form, Mapping) and isinstance(form.get("grammar"), Mapping):
            flat["format"] = {"type": "grammar", **form["grammar"]}
    elif kind == "code_interpreter":
        flat.setdefault("container", {"type": "auto"})
    return flat


def _flat_choice(choice: Any) -> Any:
    if choice == "any":
        return "required"
    if not isinstance(choice, Mapping):
        return choice
    kind = choice.get("type")
    inner = choice.get(kind) if isinstance(kind, str) else None
    flat = {"type": kind, **inner} if isinstance(inner, Mapping) else dict(choice)
    if kind == "allowed_tools" and isinstance(flat.get("tools"), list):
        flat["tools"] = [_flat_choice(tool) for tool in flat["tools"]]
    return flat


def _flat_format(form: Any) -> Any:
    inner = form.get("json_schema") if isinstance(form, Mapping) else None
    if not isinstance(inner, Mapping):
        return form
    flat = {"type": "json_schema", **{name: value for name, value in inner.items() if value is not None}}
    flat.setdefault("name", "answer")
    flat.setdefault("schema", {"type": "object"})
    return flat
