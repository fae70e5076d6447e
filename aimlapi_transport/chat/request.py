"""Arguments -> Request: the only place that shapes a chat body, and a pure function of its inputs.

Whatever a user set is sent, spelled as the model wants it, or refused here by name; what a framework
added by itself is left out where it is not accepted. Nothing is dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.media_parts import with_media_behind_results
from aimlapi_transport.chat.message_checks import check_messages, unlisted_part_types
from aimlapi_transport.chat.reasoning_replay import replayed
from aimlapi_transport.chat.tool_history import check_history
from aimlapi_transport.chat.tool_names import with_wire_names
from aimlapi_transport.chat.validation import check_value
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.hosts import AIMLAPI, HostRules, Limit, Preset
from aimlapi_transport.config.model_families import (
    ModelFacts,
    Profile,
    facts_for,
    profile_for,
)
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import JsonError, dumps
from aimlapi_transport.request import Request as Request

# Two names of one setting: sent under the name the model's schema has.
_TWINS = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
    "stop": "stop_sequences",
    "stop_sequences": "stop",
}
MOST_TOOLS = 128  # documented by AI/ML API and by PowerTokens
_STOPS = ("stop", "stop_sequences")
OUTPUT_FIELDS = ("output_items", "output_model", "output_stored", "response_id")
"""What an assistant message says of the reply of /v1/responses it was: its items, the model, whether the provider kept
it, and its id. No endpoint takes them as they are."""
_ITEM_FIELDS = ("item_id", "namespace", "async")  # of a call, from its output item
ONLY_RESPONSES = (
    *("include", "previous_response_id", "truncation", "background", "conversation", "context_management"),
    *("max_tool_calls", "use_previous_response_id", "instructions"),
)
"""Parameters that have a meaning under /v1/responses alone."""
# Source: https://docs.aimlapi.com/capabilities/request-tracing-and-cost
_CLIENT_REQUEST_ID = r"[A-Za-z0-9._:-]{1,128}"
REQUEST_ID_HEADER = "X-Client-Request-Id"


def chat_request(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    parameters: Mapping[str, Any] | None = None,
    added: Mapping[str, Any] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, Any] | None = None,
    client_request_id: str | None = None,
    stream: bool = False,
    preset: Preset = AIMLAPI,
    strict_parameters: bool = False,
    replay_reasoning: bool | None = None,
    takes: Mapping[str, bool] | None = None,
    parse_think: bool = True,
    repair_history: bool = False,
) -> Request:
    """The request for a chat completion.

    Args:
        model: an id of the host's catalogue, sent as it is.
        messages: in the wire's form (`wire.Message`), at least one.
        parameters: body fields the user set; None values are unset.
        added: body fields a framework set by itself: left out where the host or the model does not list them.
        extra_body: body fields sent as they are, over all others, never checked.
        client_request_id: your own id of this request, 1 to 128 of `A-Za-z0-9._:-`; comes back in the reply.
        strict_parameters: raise, instead of sending, what the model's documents do not list: parameters and content
            parts; and instead of weakening a tool choice that the host does not take.
        takes: whether the model takes content parts of a type, over what its documents say.
        replay_reasoning: send earlier reasoning back (True), or never (False); None as the family wants it.
        repair_history: leave results of tools without a call out, and answer calls without a result; both are errors
            by default.
        parse_think: read `<think>...</think>` at the start of the answer as reasoning; False leaves it in the text.

    Raises:
        InvalidRequestError: no messages, an unknown role, content that cannot be carried, a value outside
            its documented range, or a parameter the host documents to refuse. It names what is accepted.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("No model: pass the id of a model, for example `openai/gpt-4o`.")
    profile = profile_for(model)
    rules = preset.rules_for(model)
    facts = facts_for(model) if preset.lists_models else None
    sent = check_messages(messages, profile, rules, preset)
    unlisted_parts: tuple[str, ...] = ()
    if any(len(message) > 2 or message.get("content").__class__ is not str for message in sent):  # more than texts
        sent = check_history(sent, repair=repair_history)
        sent = [_for_chat(message) if "output_items" in message else message for message in sent]
        unlisted_parts = unlisted_part_types(sent, model, facts, takes or {}, strict_parameters)
        sent = with_media_behind_results(replayed(sent, profile, replay_reasoning))
    body: Json = {"model": model, "messages": sent}
    user = set_parameters(parameters or {})
    for name in ONLY_RESPONSES:
        if user.pop(name, None):
            raise InvalidRequestError(
                f"`{name}` belongs to /v1/responses, and {model} is asked under chat completions: leave it out, or "
                "pass `use_responses_api=True` where the model is served there."
            )
    weakened: tuple[str, str, str] | None = None
    if "tool_choice" in user:
        user["tool_choice"], weakened = _choice(user, model, profile, rules, preset, strict_parameters)
    user, unlisted = _checked(user, model, profile, rules, facts, preset, strict_parameters)
    extra = {
        name: value
        for name, value in (added or {}).items()
        if value is not None
        and name not in user
        and _is_listed(name, rules, facts)
        and (name != "tool_choice" or not (_refused_choice(value, rules) or (_forces(value) and _thinks(user))))
    }
    for name, value in sorted({**extra, **user}.items()):
        body[name] = value
    if stream or rules.sends_stream:
        body["stream"] = stream
    tools = body.get("tools", ())
    body, tool_names = with_wire_names(body)
    if extra_body:
        body.update(extra_body)
        tools = extra_body.get("tools", tools)
    try:
        data = dumps(body)
    except JsonError as error:
        raise InvalidRequestError(f"The request cannot be written as JSON: {error}.") from None
    return Request(
        model=model,
        profile=profile if parse_think else profile._replace(parse_think=False),
        body=data,
        stream=body.get("stream") is True,
        headers=request_headers(extra_headers, client_request_id),
        query=tuple((name, str(value)) for name, value in (extra_query or {}).items()),
        unlisted=unlisted,
        unlisted_parts=unlisted_parts,
        weakened=weakened,
        tools=tuple(tools) if isinstance(tools, (list, tuple)) else (),
        tool_names=tuple(tool_names.items()),
        choices=body["n"] if isinstance(body.get("n"), int) else 1,
    )


def _for_chat(message: Json) -> Json:
    """A reply of /v1/responses as chat completions take it: its text, its calls and its reasoning."""
    sent = {name: value for name, value in message.items() if name not in (*OUTPUT_FIELDS, "encrypted_content")}
    if not sent.get("tool_calls"):
        sent["content"] = sent.get("content") or ""  # it may have held nothing but calls of the provider's own tools
    else:
        sent["tool_calls"] = [
            {name: value for name, value in call.items() if name not in _ITEM_FIELDS} for call in sent["tool_calls"]
        ]
    return sent


def _checked(
    user: Json,
    model: str,
    profile: Profile,
    rules: HostRules,
    facts: ModelFacts | None,
    preset: Preset,
    strict: bool,
) -> tuple[Json, tuple[str, ...]]:
    """What the user set, spelled for the model, and the names its schema does not list."""
    checked: Json = {}
    unlisted: list[str] = []
    for given, value in user.items():
        name = _spelled(given, user, profile, rules, facts)
        if name in _STOPS:
            value = _stop(value, name, profile, rules, preset)
            if not value:
                continue
        if rules.parameters is not None and name not in rules.parameters:
            accepted = ", ".join(sorted(rules.parameters - {"model", "messages", "stream"}))
            raise InvalidRequestError(f"{preset.title} does not accept `{given}` for {model}. It accepts: {accepted}.")
        if name == "tools":
            value = _tools(value, rules, facts, preset)
        if name == "tool_choice" and (problem := _refused_choice(value, rules)):
            raise InvalidRequestError(f"{preset.title} does not accept {problem} for {model}.")
        limit = rules.limits.get(name) or (facts and facts.limits.get(name)) or profile.limit(name)
        if limit:
            _check_range(name, value, limit, model)
        check_value(given, value)
        if facts and facts.parameters is not None and name not in facts.parameters:
            if strict:
                raise InvalidRequestError(
                    f"The documented parameters of {model} do not include `{given}`. They are: "
                    f"{', '.join(sorted(facts.parameters))}. Pass it in `extra_body`, or leave `strict_parameters` off."
                )
            unlisted.append(given)
        checked[name] = value
    return checked, tuple(unlisted)


def set_parameters(parameters: Mapping[str, Any]) -> Json:
    """What the user set: no None values, and nothing about tools that says nothing where their list is empty.

    Servers refuse an empty list: https://github.com/langchain-ai/langchain/issues/37184
    """
    user = {name: value for name, value in parameters.items() if value is not None}
    if "tools" in parameters and parameters["tools"] in (None, [], ()):
        for name in ("tools", "parallel_tool_calls"):
            user.pop(name, None)
        if user.get("tool_choice") in ("auto", "none"):
            del user["tool_choice"]
    return user


def _is_listed(name: str, rules: HostRules, facts: ModelFacts | None) -> bool:
    if rules.parameters is not None:
        return name in rules.parameters
    return not (facts and facts.parameters is not None) or name in facts.parameters


def _spelled(name: str, user: Json, profile: Profile, rules: HostRules, facts: ModelFacts | None) -> str:
    """The name under which this model takes a setting that has two."""
    twin: str | None = _TWINS.get(name)
    if twin is None or twin in user:
        return name
    if rules.parameters is not None:
        return twin if name not in rules.parameters and twin in rules.parameters else name
    listed = facts.parameters if facts and facts.parameters is not None else None
    if profile.output_limit == twin and (listed is None or twin in listed):
        return twin
    if listed is not None and name not in listed and twin in listed:
        return twin
    return name


def _stop(value: Any, name: str, profile: Profile, rules: HostRules, preset: Preset) -> str | list[str]:
    sequences = [value] if isinstance(value, str) else value
    if not isinstance(sequences, (list, tuple)) or not all(isinstance(item, str) and item for item in sequences):
        raise InvalidRequestError(f"`stop` is {value!r}: pass a text, or a list of texts, none of them empty.")
    most = rules.max_stop if rules.max_stop is not None else profile.max_stop
    if len(sequences) > most:
        raise InvalidRequestError(
            f"`stop` has {len(sequences)} sequences: {preset.title} accepts at most {most} for this model."
        )
    as_list = rules.stop_as_list or name == "stop_sequences" or not isinstance(value, str)
    return list(sequences) if as_list else str(value)


def _tools(tools: Any, rules: HostRules, facts: ModelFacts | None, preset: Preset) -> list[Any]:
    """The tools as they are; a function without a type gets one where the host or the model's schema wants it."""
    if not isinstance(tools, (list, tuple)):
        raise InvalidRequestError(f"`tools` is {tools!r}: pass a list of tool definitions.")
    is_typed = rules.tools is not None or facts is not None
    sent = [_nested_tool(tool, is_typed) if isinstance(tool, Mapping) else tool for tool in tools]
    for tool in sent:
        kind = tool.get("type") if isinstance(tool, Mapping) else None
        if rules.tools is not None and kind not in rules.tools:
            raise InvalidRequestError(
                f"`tools` has one of type {kind!r}: {preset.title} accepts {', '.join(rules.tools)}."
            )
    if len(sent) > MOST_TOOLS:
        raise InvalidRequestError(f"`tools` has {len(sent)} tools: at most {MOST_TOOLS} are accepted.")
    return sent


def _nested_tool(tool: Mapping[str, Any], is_typed: bool) -> Mapping[str, Any]:
    """A function tool as chat completions have it, also where it is written flat, as /v1/responses has it."""
    if isinstance(tool.get("function"), Mapping):
        return {"type": "function", **tool} if is_typed else tool
    if tool.get("type", "function") != "function" or "name" not in tool:
        return tool
    inner = {name: value for name, value in tool.items() if name not in ("type", "cache_control")}
    marks = {"cache_control": tool["cache_control"]} if "cache_control" in tool else {}
    return {"type": "function", "function": inner, **marks}


def _choice(
    user: Json, model: str, profile: Profile, rules: HostRules, preset: Preset, strict: bool
) -> tuple[Any, tuple[str, str, str] | None]:
    """The tool choice to send, and the warning where it is weaker than the one that was asked for.

    A required call, or one of a named tool, becomes the nearest that is taken: a required call, else the model's own
    choice. `none` has nothing near it: it is refused with the parameters.
    """
    choice = user["tool_choice"]
    if not _forces(choice) or (rules.parameters is not None and "tool_choice" not in rules.parameters):
        return choice, None
    if _refused_choice(choice, rules):
        reason = f"{preset.title} accepts {', '.join(rules.tool_choices or ())} for {model}"
        nearest: tuple[str, ...] = ("required", "auto")
    elif _thinks(user) and not profile.forced_thinking:
        reason, nearest = f"{model} cannot be made to call a tool while `thinking` is on", ("auto",)
    else:
        return choice, None
    sent = next((word for word in nearest if _refused_choice(word, rules) is None), None)
    if strict or sent is None:
        raise InvalidRequestError(
            f"{preset.title} does not accept `tool_choice` {choice!r} for {model}: {reason}."
            + (f" Pass {sent!r}, or leave `strict_parameters` off to send that." if sent else "")
        )
    name = (choice.get("function") or {}).get("name") if isinstance(choice, Mapping) else choice
    return sent, (str(name or choice), sent, reason)


def _forces(choice: Any) -> bool:
    """Whether a tool choice leaves the model no other way than to call."""
    return isinstance(choice, Mapping) or (isinstance(choice, str) and choice not in ("auto", "none"))


def _thinks(user: Json) -> bool:
    thinking = user.get("thinking")
    return isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive")


def _refused_choice(choice: Any, rules: HostRules) -> str | None:
    """What of a tool choice the host refuses, None where it takes it."""
    if rules.tool_choices is None or (isinstance(choice, str) and choice in rules.tool_choices):
        return None
    return f"`tool_choice` {choice!r} (it accepts {', '.join(rules.tool_choices)})"


def _check_range(name: str, value: Any, limit: Limit, model: str) -> None:
    low, high = limit
    if low is None and high is None:
        return
    if low is not None and high is not None:
        accepted = f"a number from {low:g} to {high:g}"
    else:
        accepted = f"a number, at least {low:g}" if low is not None else f"a number, at most {high:g}"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or (low is not None and not value >= low) or (high is not None and not value <= high):
        raise InvalidRequestError(f"`{name}` is {value!r}: {model} accepts {accepted}.")


def request_headers(extra: Mapping[str, str] | None, client_request_id: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of a request beyond the client's own. Raises InvalidRequestError for what no header carries."""
    headers = [(str(name), str(value)) for name, value in (extra or {}).items()]
    if client_request_id is not None:
        headers.append((REQUEST_ID_HEADER, str(client_request_id)))
    for name, value in headers:
        if name.lower() == REQUEST_ID_HEADER.lower() and not re.fullmatch(_CLIENT_REQUEST_ID, value):
            raise InvalidRequestError(
                f"{REQUEST_ID_HEADER} is {value!r}: the provider takes 1 to 128 characters of A-Za-z0-9._:-"
                " and ignores any other."
            )
        if not (name + value).isascii() or not (name + value).isprintable() or not name.strip():
            raise InvalidRequestError(f"The header {name!r} holds a character no header carries: use printable ASCII.")
    return tuple(headers)
