"""Which messages and content parts a host and a model take. Pure.

To check another field of a message, add it to `_message`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.media_parts import corrected_part
from aimlapi_transport.chat.reasoning_replay import CARRIERS
from aimlapi_transport.chat.wire_types import ROLES, Json
from aimlapi_transport.config.hosts import HostRules, Preset
from aimlapi_transport.config.model_families import MEDIA_PARTS, ModelFacts, Profile, listed_parts, lists_part
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.surrogates import whole_escapes

# The fields of an assistant message of which one has to be there.
_ASSISTANT_FIELDS = ("content", "tool_calls", "function_call", "refusal", "audio", "output_items", *CARRIERS)


def check_messages(
    messages: Sequence[Any], profile: Profile, rules: HostRules, preset: Preset
) -> tuple[list[Json], bool]:
    """The messages with the roles that the model takes, and whether each is a text and nothing else.

    Raises:
        InvalidRequestError: a message that the host refuses, by its index.
    """
    if not messages:
        raise InvalidRequestError("No messages: pass at least one.")
    if not isinstance(messages, Iterable) or isinstance(messages, (str, bytes, Mapping)):
        raise InvalidRequestError(
            f"`messages` is {str(messages)[:80]!r}: pass a list of objects with `role` and `content`."
        )
    sent: list[Json] = []
    are_texts = True
    for position, message in enumerate(messages):
        # a fast path: most messages of a long history are a text of the user or the model
        is_text = message.__class__ is dict and len(message) == 2 and message.get("content").__class__ is str
        if not (is_text and message.get("role") in ("user", "assistant")):
            message = _message(message, f"messages[{position}]", profile, rules, preset)
            are_texts = are_texts and is_text
        sent.append(message)
    if rules.needs_question and all(message["role"] in ("system", "assistant") for message in sent):
        raise InvalidRequestError(
            f"{preset.title} needs at least one message that is neither system nor assistant for this model."
        )
    return sent, are_texts


def unlisted_part_types(
    messages: Sequence[Json], model: str, facts: ModelFacts | None, support: Mapping[str, bool] | None, strict: bool
) -> tuple[str, ...]:
    """The types of content parts that the documents, or the user, do not list for the model, each once.

    Args:
        support: what the user says that the model takes, by type, over the documents.

    Raises:
        InvalidRequestError: there is one, and `strict` is on.
    """
    support = support or {}
    if facts is None and not support:
        return ()
    unlisted: list[str] = []
    known = {"text"}
    for position, message in enumerate(messages):
        content = message.get("content")
        if content.__class__ is not list:
            continue
        for part in content:
            kind = part["type"]
            # The documents' lists are of what a user says; of a model's own parts they decide on media alone.
            if kind in known or (message["role"] == "assistant" and kind not in MEDIA_PARTS):
                continue
            known.add(kind)
            listed = support.get(kind)
            if listed is None and facts is not None:
                listed = lists_part(facts, kind)
            if listed is False:
                if strict:
                    of = "" if facts is None else f": the documents of {model} list {', '.join(listed_parts(facts))}"
                    raise InvalidRequestError(
                        f"messages[{position}] has a part of type `{kind}`{of}. "
                        "If they are wrong, leave `strict_parameters` off."
                    )
                unlisted.append(kind)
    return tuple(unlisted)


def _message(message: Any, where: str, profile: Profile, rules: HostRules, preset: Preset) -> Json:
    if not isinstance(message, Mapping):
        raise InvalidRequestError(
            f"{where} is of type {type(message).__name__}: pass an object with `role` and `content`."
        )
    role = message.get("role")
    if role not in ROLES:
        raise InvalidRequestError(f"{where} has the unknown role {role!r}: pass one of {', '.join(ROLES)}.")
    content = message.get("content")
    sent = dict(message)
    if isinstance(content, list) and content:
        sent["content"] = [_part(part, where, profile, rules, preset) for part in content]
    elif content is None or content == []:
        fields = _ASSISTANT_FIELDS if role == "assistant" else ()
        if content == [] or all(message.get(name) is None for name in fields):
            raise InvalidRequestError(f"{where} ({role}) has no content: pass a string.")
    elif not isinstance(content, str):
        raise InvalidRequestError(
            f"{where} has content of type {type(content).__name__}: pass a string or a list of parts."
        )
    if role == "tool" and not message.get("tool_call_id"):
        raise InvalidRequestError(f"{where} is a tool result without a `tool_call_id`: name the call it answers.")
    if isinstance(sent.get("images"), list):
        sent["images"] = [corrected_part(part) if "type" in part else part for part in sent["images"]]
    if role == "assistant":
        if sent.get("tool_calls"):
            sent["tool_calls"] = [_tool_call(call, where) for call in sent["tool_calls"]]
        if not isinstance(sent.get("function_call") or {}, Mapping):
            raise InvalidRequestError(
                f"{where} has an invalid `function_call`, {str(sent['function_call'])[:120]}: pass an object."
            )
    elif role == "system":
        sent["role"] = profile.system_role
    elif role == "developer":
        sent["role"] = profile.developer_role
    return sent


def _part(part: Any, where: str, profile: Profile, rules: HostRules, preset: Preset) -> Mapping[str, Any]:
    """A content part that the host takes, labelled as what it is."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(kind, str):
        raise InvalidRequestError(f"{where} has a content part without a `type`, {str(part)[:80]!r}: add it.")
    if kind == "text" and not isinstance(part.get("text"), str):
        raise InvalidRequestError(f"{where} has a text part without a `text`: add it, as a string.")
    if kind == "input_audio" and profile.family == "openai":
        _check_audio(part, where)
    if rules.parts is not None and kind not in rules.parts:
        raise InvalidRequestError(
            f"{where} has a part of type `{kind}`: {preset.title} accepts {', '.join(sorted(rules.parts))}."
        )
    return corrected_part(part)


def _tool_call(call: Any, where: str) -> Any:
    """A call with a name, whose arguments spell no half of a character."""
    kind = "custom" if isinstance(call, Mapping) and "custom" in call else "function"
    inner = call.get(kind, {"name": kind}) if isinstance(call, Mapping) else None  # a vendor's call may have neither
    if not isinstance(inner, Mapping):
        raise InvalidRequestError(
            f"{where} has an invalid tool call, {str(call)[:120]}: pass an object with a `function`."
        )
    name, arguments = inner.get("name"), inner.get("arguments")
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequestError(f"{where} has a tool call without a name, {str(dict(call))[:120]}: name its tool.")
    if not isinstance(arguments, str) or (whole := whole_escapes(arguments)) == arguments:
        return call
    return {**call, kind: {**inner, "arguments": whole}}


def _check_audio(part: Mapping[str, Any], where: str) -> None:
    audio = part.get("input_audio")
    data = audio.get("data") if isinstance(audio, Mapping) else None
    if isinstance(data, str) and data.startswith(("http://", "https://")):
        raise InvalidRequestError(
            f"{where} has audio at an address ({data[:80]!r}): OpenAI's models take base64 data, as wav or mp3."
        )
