"""What a model accepts and sends: an ordered table of families, and the packaged facts about known ids.

The first row with a fitting prefix wins. To teach it a family, add a row above the broader one, with its source.
A family says how to spell a request and read a reply; the facts (`models.json`) say what one id's schema lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from aimlapi_transport.config.hosts import Limit

Replay = Literal["never", "tool_loop", "always"]

# Source: https://docs.aimlapi.com/api-references/text-models-llm (the request schemas of 444 chat models)
_LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "temperature": (0, 2),
        "top_p": (0.01, 1),
        "seed": (1, None),
        "n": (1, None),
        "max_tokens": (1, None),
        "max_completion_tokens": (1, None),
        "presence_penalty": (-2, 2),
        "frequency_penalty": (-2, 2),
        "top_logprobs": (0, 20),
        "top_a": (0, 1),
        "min_p": (0, 1),
    }
)


class Profile(NamedTuple):
    """How one family of models wants to be asked and how it answers.

    Attributes:
        family: the family's name, as the facts use it.
        prefixes: lower-case starts of the id, or of the part behind its last slash.
        output_limit: the only spelling of the output limit; None takes either as given.
        system_role, developer_role: the role each is sent as.
        limits: ranges that differ from the common ones.
        max_stop: how many stop sequences at most.
        inline_think: whether the family is known for reasoning as `<think>...</think>` at the start of its text: then
            that goes back to it in this form, too. (At the start of a text it is read as reasoning of any model.)
        parse_think: whether it is read so: False where the user switched it off.
        replay: which earlier assistant messages carry their reasoning back: none, those after the last
            user message (a tool loop), or all.
        forced_thinking: whether a call may be forced while the model thinks.
        source: where it was read.
    """

    family: str
    prefixes: tuple[str, ...]
    output_limit: str | None = None
    system_role: Literal["system", "user"] = "system"
    developer_role: Literal["developer", "system", "user"] = "system"
    limits: Mapping[str, Limit] = MappingProxyType({})
    max_stop: int = 4
    inline_think: bool = False
    parse_think: bool = True
    replay: Replay = "tool_loop"
    forced_thinking: bool = True
    source: str = ""

    def limit(self, name: str) -> Limit | None:
        """The range of a numeric parameter, None where it has none."""
        return self.limits.get(name) or _LIMITS.get(name)


PROFILES: tuple[Profile, ...] = (
    Profile(
        family="openai",
        prefixes=("o1-mini", "o1-preview"),
        output_limit="max_completion_tokens",
        system_role="user",
        developer_role="user",
        source="text-models-llm/openai/o1-mini: roles user and assistant only",
    ),
    Profile(
        family="openai",
        prefixes=("gpt-5-2", "gpt-5-5", "gpt-5.6", "gpt-4o-search", "gpt-4o-mini-search"),
        output_limit="max_tokens",
        developer_role="developer",
        source="text-models-llm/openai: their schemas have no max_completion_tokens",
    ),
    Profile(
        family="openai",
        prefixes=("o1", "o3", "o4", "gpt-5"),
        output_limit="max_completion_tokens",
        developer_role="developer",
        source="text-models-llm/openai: reasoning models count their reasoning inside the limit",
    ),
    Profile(
        family="openai",
        prefixes=("chatgpt-4o",),
        source="text-models-llm/openai/chatgpt-4o-latest: no developer role",
    ),
    Profile(family="openai", prefixes=("gpt-", "chatgpt-", "openai/"), developer_role="developer"),
    Profile(
        family="anthropic",
        prefixes=("claude", "anthropic/"),
        limits={"temperature": (0, 1), "top_p": (0, 1)},
        forced_thinking=False,
        source="text-models-llm/anthropic: temperature 0..1; no forced call beside thinking: "
        "https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
    ),
    Profile(
        family="google-gemma",
        prefixes=("gemma-3-4b", "gemma-3-12b", "gemma-3n"),
        system_role="user",
        developer_role="user",
        source="text-models-llm/google/gemma-3n-4b: no system role",
    ),
    Profile(family="google-gemma", prefixes=("gemma", "google/gemma")),
    Profile(family="google-gemini", prefixes=("gemini", "google/gemini")),
    Profile(
        family="minimax",
        prefixes=("minimax-m1", "minimax/m1", "minimax/m2", "minimax-m2", "minimax-text-01"),
        output_limit="max_tokens",
        limits={"temperature": (0, 1)},
        inline_think=True,
        replay="always",
        source="text-models-llm/minimax: temperature 0..1, reasoning inline; the model expects its <think> back",
    ),
    Profile(
        family="minimax",
        prefixes=("minimax", "abab"),
        output_limit="max_tokens",
        inline_think=True,
        replay="always",
        source="text-models-llm/minimax/m2-5: reasoning inline",
    ),
    Profile(
        family="alibaba-qwen",
        prefixes=("qwq", "qwen3-235b"),
        inline_think=True,
        source="text-models-llm/alibaba-cloud/qwq-32b: reasoning inline",
    ),
    Profile(
        family="alibaba-qwen",
        prefixes=("qwen3-omni-30b-a3b-captioner",),
        system_role="user",
        developer_role="user",
        source="text-models-llm/alibaba-cloud/qwen3-omni-30b-a3b-captioner: user role only",
    ),
    Profile(family="alibaba-qwen", prefixes=("qwen", "alibaba/", "alibaba-cloud/")),
    Profile(
        family="zhipu",
        prefixes=("glm-4.5", "glm-4-5"),
        inline_think=True,
        source="text-models-llm/zhipu/glm-4.5: a lone </think> may end the text",
    ),
    Profile(family="zhipu", prefixes=("glm", "zhipu/", "z-ai/")),
    Profile(family="nvidia", prefixes=("nvidia/", "nemotron"), output_limit="max_tokens"),
    Profile(family="perplexity", prefixes=("sonar", "perplexity/"), output_limit="max_tokens"),
    Profile(family="meituan", prefixes=("longcat", "meituan/"), limits={"temperature": (0, 1)}),
    Profile(
        family="bagoodex",
        prefixes=("bagoodex",),
        system_role="user",
        developer_role="user",
        source="text-models-llm/bagoodex: no system role",
    ),
    Profile(family="deepseek", prefixes=("deepseek",)),
    Profile(family="xai", prefixes=("grok", "x-ai/"), developer_role="developer"),
)

_DEFAULT = Profile(family="other", prefixes=("",))


@lru_cache(maxsize=1024)
def profile_for(model: str) -> Profile:
    """The family of a model id: never raises, unknown ids get the conservative default."""
    whole = model.lower()
    name = whole.rpartition("/")[2]
    for row in PROFILES:
        if whole.startswith(row.prefixes) or name.startswith(row.prefixes):
            return row
    return _DEFAULT


class ModelFacts(NamedTuple):
    """What the provider's documents say about one id.

    Attributes:
        parameters: the body fields its chat schema names (incomplete: see WIRE facts); None where it has none.
        limits: ranges its schema names, by parameter.
        parts: content part types of a user message.
        endpoints: the paths that serve it.
        context_length: tokens of input and output together; None where not documented.
        capabilities: claimed by the documents: "tools", "vision_image", "reasoning", ...
        claims: what its schema accepts: "structured_output", "image_input", ...
    """

    id: str
    family: str
    parameters: frozenset[str] | None
    limits: Mapping[str, Limit]
    parts: tuple[str, ...]
    endpoints: tuple[str, ...]
    context_length: int | None
    capabilities: tuple[str, ...]
    claims: tuple[str, ...]


def claims(facts: ModelFacts | None, ability: str) -> bool | None:
    """Whether the documents of a model say that it takes "tools", "structured_output" and the like.

    None where they do not decide it: they do not name the model, or have no chat schema for it.
    """
    if facts is None:
        return None
    if ability in facts.claims or ability in facts.capabilities:
        return True
    return None if facts.parameters is None else False


# A content part's type -> the types that say it in other schemas, what schemas of other endpoints claim, and
# the documents' words for what the model can do.
_PART_NAMES: Mapping[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = MappingProxyType(
    {
        "image_url": (("image_url", "image"), "image_input", ("vision_image",)),
        "file": (("file", "document"), "file_input", ()),
        "input_audio": (("input_audio",), "audio_input", ()),
        "video_url": (("video_url",), "video_input", ("vision_video",)),
    }
)

MEDIA_PARTS = tuple(_PART_NAMES)
"""The types of the content parts that carry anything but text."""


def lists_part(facts: ModelFacts, kind: str) -> bool | None:
    """Whether the documents of a model list a content part of this type; None where they do not decide it.

    The documents are as incomplete for parts as they are for parameters: False is no proof that the model refuses it.
    """
    names, claim, capabilities = _PART_NAMES.get(kind, ((kind,), "", ()))
    if any(name in facts.parts for name in names) or any(name in facts.capabilities for name in capabilities):
        return True
    # A schema of another endpoint claims it, or there is none to ask: unknown.
    return None if claim in facts.claims or not facts.parts else False


def listed_parts(facts: ModelFacts) -> list[str]:
    """The types of the content parts that the documents of a model list, text first."""
    return ["text", *(kind for kind in _PART_NAMES if lists_part(facts, kind))]


@lru_cache(maxsize=1024)
def facts_for(model: str) -> ModelFacts | None:
    """The packaged facts about an id or one of its aliases; None where the documents do not name it.

    Ids are compared to the letter: `gpt-5-4-pro` and `gpt-5.4-pro` are two models.
    """
    survey, names = _survey()
    key = names.get(model)
    if key is None:
        return None
    row = survey["models"][key]
    parameters = row.get("parameters")
    limits = survey["limit_sets"][row["limits"]] if "limits" in row else {}
    return ModelFacts(
        id=key,
        family=row["family"],
        parameters=None if parameters is None else frozenset(survey["parameter_sets"][parameters]),
        limits={
            name: (limit.get("minimum"), limit.get("maximum"))
            for name, limit in limits.items()
            if isinstance(limit, dict)
        },
        parts=tuple(row.get("parts", ())),
        endpoints=tuple(row.get("endpoints", ())),
        context_length=row.get("context_length"),
        capabilities=tuple(row.get("capabilities", ())),
        claims=tuple(row.get("claims", ())),
    )


def known_models() -> list[str]:
    """The ids and aliases that the packaged facts know."""
    return list(_survey()[1])


@lru_cache(maxsize=1)
def documented_parameters() -> frozenset[str]:
    """The parameters that the documents of any model list."""
    return frozenset(name for names in _survey()[0]["parameter_sets"] for name in names)


@lru_cache(maxsize=1)
def _survey() -> tuple[dict[str, Any], dict[str, str]]:
    import orjson  # with the first call, as all that reads JSON

    survey: dict[str, Any] = orjson.loads(files("aimlapi_transport").joinpath("models.json").read_bytes())
    names: dict[str, str] = {}
    for key, row in survey["models"].items():
        for alias in row.get("aliases", ()):
            names.setdefault(alias, key)
    names.update({key: key for key in survey["models"]})
    return survey, names
