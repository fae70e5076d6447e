"""Where requests go: one row per host. To add a host, add a row; its model families' rules go in the row.

A host's rules are what its own documentation says it refuses. The hosts are read from their documents;
nothing here was tried against the live hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

Limit = tuple[float | None, float | None]
"""The smallest and the largest value accepted; None where the documents name no bound."""

_COMMON = ("model", "messages", "stream", "temperature", "top_p", "tools", "tool_choice")


# Rows are named tuples, here and elsewhere: a frozen dataclass would take a millisecond of every import.
class HostRules(NamedTuple):
    """What a host accepts for models whose id starts with one of `models`.

    Attributes:
        models: id prefixes; an empty prefix matches every model.
        parameters: every body field the host lists; None where it lists none to hold us to.
        limits: ranges of numeric parameters.
        tool_choices: the accepted `tool_choice` words; None accepts any, also a named function.
        tools: accepted types of tools; None accepts any.
        parts: accepted content part types; None accepts any.
        max_stop: how many stop sequences at most; None where not documented.
        stop_as_list: whether a single stop sequence must be sent in a list.
        sends_stream: whether `stream: false` must be said, because the host streams by default.
        needs_question: whether one message must be neither system nor assistant.
        source: where it was read.
    """

    models: tuple[str, ...] = ("",)
    parameters: frozenset[str] | None = None
    limits: Mapping[str, Limit] = {}  # no mappingproxy: presets are pickled with the clients that hold them
    tool_choices: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    parts: frozenset[str] | None = None
    max_stop: int | None = None
    stop_as_list: bool = False
    sends_stream: bool = False
    needs_question: bool = False
    source: str = ""


_ANYTHING = HostRules()


class Preset(NamedTuple):
    """A host: its address, the variables that hold its key and address, and what it refuses.

    Attributes:
        lists_models: whether the packaged facts about models (`profiles.facts_for`) describe this host.
        serves_responses: whether it has /v1/responses beside chat completions.
    """

    name: str
    title: str
    base_url: str
    key_variables: tuple[str, ...]
    base_variables: tuple[str, ...]
    rules: tuple[HostRules, ...] = (HostRules(),)
    lists_models: bool = False
    serves_responses: bool = False

    def rules_for(self, model: str) -> HostRules:
        """The first row whose prefix fits the model's id."""
        name = model.lower().rpartition("/")[2]
        for row in self.rules:
            if name.startswith(row.models):
                return row
        return _ANYTHING


AIMLAPI = Preset(
    name="aimlapi",
    title="AI/ML API",
    base_url="https://api.aimlapi.com/v1",
    key_variables=("AIMLAPI_API_KEY", "AIML_API_KEY"),
    base_variables=("AIMLAPI_API_BASE", "AIMLAPI_BASE_URL"),
    lists_models=True,
    serves_responses=True,
)

POWERTOKENS = Preset(
    name="powertokens",
    title="PowerTokens",
    base_url="https://api.powertokens.ai/v1",
    key_variables=("POWERTOKENS_API_KEY",),
    base_variables=("POWERTOKENS_API_BASE", "POWERTOKENS_BASE_URL"),
    rules=(
        HostRules(
            models=("glm",),
            parameters=frozenset((*_COMMON, "thinking", "max_tokens", "stop")),
            limits={"temperature": (0, 1), "top_p": (0.01, 1), "max_tokens": (1, 131072)},
            tool_choices=("auto",),
            tools=("function",),
            parts=frozenset(("text", "image_url")),
            max_stop=1,
            stop_as_list=True,
            sends_stream=True,
            needs_question=True,
            source="PowerTokens API reference, Zhipu chat completions",
        ),
        HostRules(
            parameters=frozenset((*_COMMON, "max_tokens", "stop", "seed", "enable_search", "response_format")),
            limits={"temperature": (0, 2), "top_p": (0, 1), "max_tokens": (1, None)},
            tool_choices=("auto", "none", "required"),
            parts=frozenset(("text", "image_url", "image")),
            stop_as_list=True,
            source="PowerTokens API reference, Ali chat completions",
        ),
    ),
)

ANYFAST = Preset(
    name="anyfast",
    title="AnyFast",
    base_url="https://www.anyfast.ai/v1",
    key_variables=("ANYFAST_API_KEY",),
    base_variables=("ANYFAST_API_BASE", "ANYFAST_BASE_URL"),
    rules=(
        HostRules(
            parameters=frozenset(
                (
                    *("model", "messages", "stream", "temperature", "top_p", "stop", "enable_thinking"),
                    *("max_completion_tokens", "frequency_penalty", "presence_penalty"),
                )
            ),
            limits={
                "temperature": (0, 2),
                "top_p": (0, 1),
                "max_completion_tokens": (1, 65536),
                "frequency_penalty": (-2, 2),
                "presence_penalty": (-2, 2),
            },
            parts=frozenset(("text", "image_url", "video_url")),
            stop_as_list=True,
            source="AnyFast API reference, qwen3.6-flash",
        ),
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({row.name: row for row in (AIMLAPI, POWERTOKENS, ANYFAST)})


@lru_cache(maxsize=64)  # 4 us of each instance and each call
def preset_for(base_url: str | None) -> Preset:
    """The row whose host serves this address; AI/ML API for every other address, such as a proxy of one's own."""
    host = urlsplit(base_url or "").hostname or ""
    domain = host.removeprefix("www.")
    for row in PRESETS.values():
        known = (urlsplit(row.base_url).hostname or "").removeprefix("www.")
        if domain == known:
            return row
    return AIMLAPI
