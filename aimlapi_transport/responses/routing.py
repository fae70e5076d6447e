"""Whether a call goes to /v1/responses or to /v1/chat/completions. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from aimlapi_transport.chat.validation import ONLY_RESPONSES
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
    choice: bool | None,
    model: str,
    parameters: Mapping[str, Any],
    preset: Preset,
    *,
    is_provider: bool = False,
    wants_items: bool = False,
) -> bool:
    """Whether the call goes to /v1/responses.

    Args:
        choice: what the user said; None for what the packaged facts say: a model that is served only there goes there,
            one that is served under both, or that they do not know, where something is asked for that this endpoint
            has. A model that is known to be served under chat completions only stays there.
        parameters: body fields the user set, in the words of either endpoint.
        is_provider: whether the address is the preset's own, and no proxy of yours that may serve other models. There
            `reasoning={"effort": ...}` and custom tools are chat completions', too.
        wants_items: whether the reply is to be returned as the items of this endpoint.

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
    if here != chat:
        return here
    if wants_items or any(map(parameters.get, (*ONLY_RESPONSES, "text"))):
        return True
    tools, reasoning = parameters.get("tools"), parameters.get("reasoning")
    kinds = _tool_types(tools) if isinstance(tools, (list, tuple)) else []
    set_keys = {name for name, value in reasoning.items() if value} if isinstance(reasoning, Mapping) else set()
    if is_provider:
        return "summary" in set_keys or any(map(is_built_in, kinds))
    asks_for_it = bool(kinds) or (bool(set_keys) and not set_keys & _REASONING_OF_CHAT)
    return asks_for_it or (not here and _is_served_there_by_openai(model))


def is_known_there(model: str, preset: Preset) -> bool:
    """Whether the packaged facts say that the model is served under /v1/responses."""
    facts = facts_for(model) if preset.lists_models else None
    return facts is not None and _endpoints(facts.endpoints)[0]


# Words of `reasoning` that only chat completions have.
_REASONING_OF_CHAT = frozenset(("max_tokens", "exclude", "enabled"))


def _is_served_there_by_openai(model: str) -> bool:
    """Whether OpenAI serves a model of this name under /v1/responses only: its codex and pro models.

    Its own names have no vendor before them: gateways that put one there serve these models under chat completions.
    """
    return (
        re.fullmatch(r"gpt-5[^/]*codex[^/]*|codex[^/]*|(gpt-5(\.\d+)?|o\d)-pro(-\d{4}-\d\d-\d\d)?", model) is not None
    )


@lru_cache(maxsize=64)
def _endpoints(paths: Collection[str]) -> tuple[bool, bool]:
    """Whether /v1/responses is among the paths, and whether chat completions are."""
    return any(path.endswith(PATH) for path in paths), any(path.endswith("/chat/completions") for path in paths)


def _tool_types(tools: Sequence[Any]) -> list[str]:
    """The types of the tools that this endpoint may know.

    Left out are functions, tools with their value under the type's name, as chat completions nest them, Anthropic's own
    (`web_search_20250305`) and a gateway's (`openrouter:web_search`).
    """
    return [
        kind
        for tool in tools
        if isinstance(tool, Mapping) and isinstance(kind := tool.get("type"), str)
        if kind == "custom" or not {kind, "function"} & tool.keys()
        if kind != "function" and not _OF_OTHERS.search(kind)
    ]


_OF_OTHERS = re.compile(r"_\d{8}$|:")
