"""What the packaged facts say of a model, as LangChain's `profile`; and messages held to what it says.

A key stands only where the provider's documents decide it: `False` means that they list what the model takes,
and this is not in it. To tell more of a model, add a line to `_told`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import ModelProfile

if TYPE_CHECKING:  # imported by the first instance, or the first call
    from aimlapi_transport.profiles import ModelFacts
    from aimlapi_transport.wire import Json

DECLARED = ModelProfile.__optional_keys__ | ModelProfile.__required_keys__
"""The keys this LangChain knows."""

_EFFORTS = ["low", "medium", "high"]  # all that any of the provider's schemas lists

# Content parts of the wire -> the key that says whether a model takes them.
_KEYS = {"image_url": "image_inputs", "file": "pdf_inputs", "input_audio": "audio_inputs", "video_url": "video_inputs"}


def model_profile(model: str) -> ModelProfile | None:
    """What the documents say of this id, None where they do not name it. A copy: change it as you like."""
    told = _profile(model)
    return None if told is None else cast(ModelProfile, dict(told))


def is_of_another(profile: Any, model: str) -> bool:
    """Whether this is the profile of another id, which came along when the model was changed."""
    name = profile.get("name") if isinstance(profile, dict) else None
    return isinstance(name, str) and name != model and profile == _profile(name)


@lru_cache(maxsize=1024)
def _profile(model: str) -> Json | None:
    from aimlapi_transport.profiles import facts_for

    facts = facts_for(model)
    if facts is None:
        return None
    told = {name: value for name, value in _told(facts, model).items() if value is not None}
    return {name: value for name, value in told.items() if name in DECLARED}


def _told(facts: ModelFacts, model: str) -> Json:
    from aimlapi_transport.profiles import profile_for

    parameters = facts.parameters
    images = _takes(facts, ("image_url", "image"), "image_input", "vision_image")
    files = _takes(facts, ("file", "document"), "file_input")
    tools = _claimed(facts, "tools")
    thinks = "reasoning" in facts.capabilities or profile_for(model).inline_think or None
    return {
        "name": model,
        "max_input_tokens": facts.context_length,
        "text_inputs": True,
        "image_inputs": images,
        "image_url_inputs": True if "image_url" in facts.parts else images and None,
        "pdf_inputs": files,
        "audio_inputs": _takes(facts, ("input_audio",), "audio_input"),
        "video_inputs": _takes(facts, ("video_url",), "video_input", "vision_video"),
        "reasoning_output": thinks,
        "reasoning_effort_levels": _EFFORTS if thinks and "reasoning_effort" in (parameters or ()) else None,
        "text_outputs": True,
        "audio_outputs": _claimed(facts, "audio_output"),
        "tool_calling": tools,
        "tool_choice": None if parameters is None else bool(tools) and "tool_choice" in parameters,
        "structured_output": _claimed(facts, "structured_output"),
        "attachment": True if images or files else None if images is None or files is None else False,
        "temperature": None if parameters is None else "temperature" in parameters,
    }


def _takes(facts: ModelFacts, parts: Sequence[str], claim: str, *capabilities: str) -> bool | None:
    if any(part in facts.parts for part in parts) or any(name in facts.capabilities for name in capabilities):
        return True
    # A schema of another endpoint claims it, or there is none to ask: unknown.
    return None if claim in facts.claims or not facts.parts else False


def _claimed(facts: ModelFacts, claim: str) -> bool | None:
    if claim in facts.claims or claim in facts.capabilities:
        return True
    return None if facts.parameters is None else False


def fitted(messages: list[Json], model: str, profile: ModelProfile | None) -> list[Json]:
    """The messages as they are, where the model takes all of their parts.

    Raises:
        InvalidRequestError: a part that the profile says the model does not take.
    """
    for position, message in enumerate(messages):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            kind = part.get("type")
            if kind in _KEYS:
                _check(part, kind, f"messages[{position}]", model, cast("Json", profile or {}))
    return messages


def _check(part: Json, kind: str, where: str, model: str, profile: Json) -> None:
    from aimlapi_transport.profiles import profile_for
    from langchain_aimlapi.errors import InvalidRequestError

    if profile.get(_KEYS[kind]) is False:
        taken = ["text", *(other for other, key in _KEYS.items() if profile.get(key))]
        raise InvalidRequestError(
            f"{where} has a part of type `{kind}`: the documents of {model} list {', '.join(taken)}. "
            f'If they are wrong, pass `profile={{"{_KEYS[kind]}": True}}`.'
        )
    if kind == "input_audio" and profile_for(model).family == "openai":
        data = part["input_audio"].get("data")
        if isinstance(data, str) and data.startswith(("http://", "https://")):
            raise InvalidRequestError(
                f"{where} has audio at an address ({data[:80]!r}): {model} takes base64 data, as wav or mp3."
            )


@lru_cache(maxsize=1024)
def takes_cache_marks(model: str) -> bool:
    """Whether `cache_control` may stand on a part or a tool: Anthropic's models and those routed to many hosts.

    Elsewhere it is no field of the schema, and the provider caches by itself.
    """
    from aimlapi_transport.profiles import facts_for, profile_for

    facts = facts_for(model)
    listed = facts.parameters if facts else None
    return listed is None or "provider" in listed or profile_for(model).family == "anthropic"


def without_cache_marks(messages: list[Json], tools: list[Json] | None) -> tuple[list[Json], list[Json] | None]:
    """The same without `cache_control`, which says how to bill an answer and not what to answer."""
    return [_unmarked_message(message) for message in messages], tools and [_unmarked(tool) for tool in tools]


def _unmarked_message(message: Json) -> Json:
    content = message.get("content")
    if not isinstance(content, list) or not any("cache_control" in part for part in content):
        return message
    parts = [_unmarked(part) for part in content]
    if message["role"] != "user" and all(part["type"] == "text" for part in parts):
        return {**message, "content": "".join(part["text"] for part in parts)}
    return {**message, "content": parts}


def _unmarked(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "cache_control"}
