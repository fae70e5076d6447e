"""Which family a model is of, what is known of it, and which host an address is."""

from __future__ import annotations

import pytest

from aimlapi_transport.chat.request import chat_request
from aimlapi_transport.config.hosts import preset_for
from aimlapi_transport.config.model_families import PROFILES, _survey, facts_for, profile_for

HI = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://api.aimlapi.com/v1", "aimlapi"),
        ("https://api.powertokens.ai/v1", "powertokens"),
        ("https://www.anyfast.ai/v1", "anyfast"),
        ("https://anyfast.ai", "anyfast"),
        ("http://127.0.0.1:8000/v1", "aimlapi"),
        ("https://evil.example/api.powertokens.ai", "aimlapi"),
        (None, "aimlapi"),
    ],
)
def test_the_host_in_the_address_decides_the_preset(address: str | None, name: str) -> None:
    assert preset_for(address).name == name


FAMILIES = {
    "openai/o1-mini": ("openai", "user", "user", False),
    "openai/gpt-5-2": ("openai", "system", "developer", False),
    "o3-mini": ("openai", "system", "developer", False),
    "gpt-4o": ("openai", "system", "developer", False),
    "claude-sonnet-5": ("anthropic", "system", "system", False),
    "google/gemma-3n-e4b-it": ("google-gemma", "user", "user", False),
    "google/gemma-4": ("google-gemma", "system", "system", False),
    "google/gemini-3.5-flash": ("google-gemini", "system", "system", False),
    "MiniMax-Text-01": ("minimax", "system", "system", True),
    "minimax/m2-5-20260218": ("minimax", "system", "system", True),
    "Qwen/QwQ-32B": ("alibaba-qwen", "system", "system", True),
    "qwen3-omni-30b-a3b-captioner": ("alibaba-qwen", "user", "user", False),
    "alibaba/qwen3-32b": ("alibaba-qwen", "system", "system", False),
    "zhipu/glm-4.5-air": ("zhipu", "system", "system", True),
    "zhipu/glm-5": ("zhipu", "system", "system", False),
    "nvidia/nemotron-nano-9b-v2": ("nvidia", "system", "system", False),
    "perplexity/sonar-pro": ("perplexity", "system", "system", False),
    "meituan/longcat-flash-chat": ("meituan", "system", "system", False),
    "bagoodex/bagoodex-search-v1": ("bagoodex", "user", "user", False),
    "deepseek/deepseek-r1": ("deepseek", "system", "system", False),
    "x-ai/grok-4": ("xai", "system", "developer", False),
    "brand/new": ("other", "system", "system", False),
}


def test_the_table_of_families() -> None:
    """The resolved matrix, whole: a row that moves another shows here."""
    resolved = {model: profile_for(model) for model in FAMILIES}
    assert {m: (p.family, p.system_role, p.developer_role, p.inline_think) for m, p in resolved.items()} == FAMILIES


def test_every_family_row_is_reached() -> None:
    """No row stands behind a broader one that takes its ids."""
    for row in PROFILES:
        for prefix in row.prefixes:
            assert profile_for(prefix) is row, prefix


def test_facts_are_looked_up_to_the_letter() -> None:
    hyphen, dot = facts_for("openai/gpt-5-4-pro"), facts_for("openai/gpt-5.4-pro")
    assert hyphen is not None
    assert dot is not None
    assert "/v1/chat/completions" not in hyphen.endpoints
    assert "/v1/chat/completions" in dot.endpoints
    assert facts_for("openai/gpt-of-tomorrow") is None
    assert facts_for("") is None


def test_every_known_id_has_readable_facts() -> None:
    """Also the ids no request schema names."""
    survey, names = _survey()
    assert len(survey["models"]) == 487
    for name in names:
        facts = facts_for(name)
        assert facts is not None
        assert chat_request(name, HI).body
