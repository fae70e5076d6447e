"""What the packaged facts say of a model, as LangChain's `profile`.

A key stands only where the provider's documents decide it: `False` means that they list what the model takes,
and this is not in it. They are incomplete: what they do not list is sent all the same, with one warning.
To add a key of the profile, add a line to `_from_facts`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import ModelProfile

from aimlapi_transport import config

if TYPE_CHECKING:
    from aimlapi_transport.chat.wire_types import Json
    from aimlapi_transport.config.model_families import ModelFacts

DECLARED = ModelProfile.__optional_keys__ | ModelProfile.__required_keys__
"""The keys this LangChain knows."""

_EFFORTS = ["low", "medium", "high"]  # all that any of the provider's schemas lists

# Content parts of the wire -> the key that says whether a model takes them.
_KEYS = {"image_url": "image_inputs", "file": "pdf_inputs", "input_audio": "audio_inputs", "video_url": "video_inputs"}


def model_profile(model: str) -> ModelProfile | None:
    """What the documents say of this id, None where they do not name it. A copy: change it as you like."""
    known = _profile(model)
    return None if known is None else cast(ModelProfile, dict(known))


def belongs_to_other_model(profile: Any, model: str) -> bool:
    """Whether this is the profile of another id, which came along when the model was changed."""
    name = profile.get("name") if isinstance(profile, dict) else None
    return isinstance(name, str) and name != model and profile == _profile(name)


@lru_cache(maxsize=1024)
def _profile(model: str) -> Json | None:
    facts = config.model_families.facts_for(model)
    if facts is None:
        return None
    known = {name: value for name, value in _from_facts(facts, model).items() if value is not None}
    return {name: value for name, value in known.items() if name in DECLARED}


def _from_facts(facts: ModelFacts, model: str) -> Json:
    claims, lists_part = config.model_families.claims, config.model_families.lists_part
    parameters = facts.parameters
    images = lists_part(facts, "image_url")
    files = lists_part(facts, "file")
    tools = claims(facts, "tools")
    thinks = "reasoning" in facts.capabilities or config.model_families.profile_for(model).inline_think or None
    return {
        "name": model,
        "max_input_tokens": facts.context_length,
        "text_inputs": True,
        "image_inputs": images,
        "image_url_inputs": True if "image_url" in facts.parts else images and None,
        "pdf_inputs": files,
        "audio_inputs": lists_part(facts, "input_audio"),
        "video_inputs": lists_part(facts, "video_url"),
        "reasoning_output": thinks,
        "reasoning_effort_levels": _EFFORTS if thinks and "reasoning_effort" in (parameters or ()) else None,
        "text_outputs": True,
        "audio_outputs": claims(facts, "audio_output"),
        "tool_calling": tools,
        "tool_choice": None if parameters is None else bool(tools) and "tool_choice" in parameters,
        "structured_output": claims(facts, "structured_output"),
        "attachment": True if images or files else None if images is None or files is None else False,
        "temperature": None if parameters is None else "temperature" in parameters,
    }


def parts_taken(profile: ModelProfile | None) -> dict[str, bool]:
    """What a profile decides of the API's content parts, by their type: yours may say other than the documents."""
    known = cast("Json", profile or {})
    return {kind: known[key] for kind, key in _KEYS.items() if isinstance(known.get(key), bool)}
