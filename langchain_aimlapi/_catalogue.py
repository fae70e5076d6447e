"""The live catalogue for a ChatAIMLAPI: its models, a model's profile, and what a call will cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.messages.utils import convert_to_messages
from langchain_core.prompt_values import PromptValue

from aimlapi_transport.client import Client
from langchain_aimlapi._profile import DECLARED
from langchain_aimlapi._request import to_request
from langchain_aimlapi.error_translation import translated
from langchain_aimlapi.errors import InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.service.catalogue import Model
    from langchain_aimlapi._settings import ChatSettings

_INPUTS = {"image": "image_inputs", "audio": "audio_inputs", "video": "video_inputs", "pdf": "pdf_inputs"}
_CAPABILITIES = {
    "tools": "tool_calling",
    "structured_output": "structured_output",
    "vision": "image_inputs",
    "file_input": "pdf_inputs",
}


def listed(base_url: str | None, filters: dict[str, Any]) -> list[Model]:
    """The models of the catalogue."""
    with translated():
        return Client(base_url=base_url).models(**filters)


def estimated_cost(
    model: ChatSettings, prompt: LanguageModelInput, output_tokens: int | None, call: dict[str, Any]
) -> float | None:
    """What a call will cost that is asked this."""
    if not isinstance(prompt, PromptValue | Sequence):
        raise InvalidRequestError(
            f"`input` is of type {type(prompt).__name__}: pass a string, messages or a prompt value."
        )
    messages = convert_to_messages([prompt] if isinstance(prompt, str) else prompt)
    with translated():
        client = model._client()
        request = to_request(model, client, messages, None, call, stream=False)
        cost = client.estimate_cost(request, output_tokens=output_tokens)
        return None if cost is None else float(cost)


def refreshed(model: ChatSettings) -> ModelProfile:
    """The profile, with what the catalogue says where the profile says nothing."""
    with translated():
        listed_model = model._client().model(model.model_name)
    profile: dict[str, Any] = {"name": model.model_name, "text_inputs": True, "text_outputs": True}
    profile |= {"max_input_tokens": listed_model.context_length, "max_output_tokens": listed_model.output_limit}
    if listed_model.input_modalities:
        profile |= {key: kind in listed_model.input_modalities for kind, key in _INPUTS.items() if kind != "pdf"}
        profile |= {f"{kind}_outputs": kind in listed_model.output_modalities for kind in ("image", "audio")}
    if listed_model.capabilities:
        profile |= {
            key: word in listed_model.capabilities or profile.get(key, False) for word, key in _CAPABILITIES.items()
        }
    known = {key: value for key, value in profile.items() if value is not None and key in DECLARED}
    return cast(ModelProfile, {**known, **(model.profile or {})})
