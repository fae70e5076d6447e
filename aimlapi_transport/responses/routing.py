"""Whether a call goes to /v1/responses or to /v1/chat/completions. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from aimlapi_transport.chat.request import ONLY_RESPONSES
from aimlapi_transport.config.hosts import Preset
from aimlapi_transport.config.model_families import facts_for
from aimlapi_transport.errors import InvalidRequestError

PATH = "/responses"

# Types of tools that the provider runs itself, in whatever version (`web_search_preview_2025_03_11`).
BUILT_IN_TOOLS = (
    *("web_search", "file_search", "code_interpreter", "image_generation", "mcp", "computer", "computer_use"),
    *("local_shell", "shell", "apply_patch", "tool_search", "namespace"),
)


def is_built_in(kind: Any) -> bool:
    """Whether a tool of this type is one that the provider runs."""
    return isinstance(kind, str) and kind.startswith(BUILT_IN_TOOLS)


def uses_responses(
    choice: bool | None, model: str, parameters: Mapping[str, Any], preset: Preset, *, is_provider: bool = False
) -> bool:
    """Whether the call goes to /v1/responses.

    Args:
        choice: what the user said; None for what the packaged facts say: a model that is served only there goes there,
            one that is served under both where something is asked for that only this endpoint has.
        parameters: body fields the user set, in the words of either endpoint.
        is_provider: whether the address is the preset's own, and no proxy of yours that may serve other models.

    Raises:
        InvalidRequestError: the endpoint is asked for where it is known not to be.
    """
    if choice is False:
        return False
    if not preset.serves_responses:
        if choice:
            raise InvalidRequestError(
                f"`use_responses_api` is True: {preset.title} serves {model} under chat completions only."
            )
        return False
    facts = facts_for(model) if preset.lists_models else None
    here, chat = (False, False) if facts is None else _endpoints(facts.endpoints)
    if choice:
        if is_provider and chat and not here:
            raise InvalidRequestError(
                f"`use_responses_api` is True: {preset.title} serves {model} under chat completions only."
            )
        return True
    if here and not chat:
        return True
    if chat and not here:
        return False
    if facts is None:  # nobody says where it is served: only what has no other meaning decides
        return any(map(parameters.get, ONLY_RESPONSES))
    return _asks_for_more(parameters)


@lru_cache(maxsize=64)
def _endpoints(paths: Collection[str]) -> tuple[bool, bool]:
    """Whether /v1/responses is among the paths, and whether chat completions are."""
    return any(path.endswith(PATH) for path in paths), any(path.endswith("/chat/completions") for path in paths)


def _asks_for_more(parameters: Mapping[str, Any]) -> bool:
    reasoning = parameters.get("reasoning")
    if isinstance(reasoning, Mapping) and reasoning.get("summary"):
        return True
    if any(map(parameters.get, ONLY_RESPONSES)):
        return True
    tools = parameters.get("tools")
    return isinstance(tools, (list, tuple)) and any(
        isinstance(tool, Mapping) and is_built_in(tool.get("type")) for tool in tools
    )
