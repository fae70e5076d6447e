"""The table of the exceptions of `openai` in docs/errors-and-retries.md; needs the extra `bench`, which installs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aimlapi_emulator import EmulatorServer, emulator
from aimlapi_transport import AIMLAPIError, Client

openai = pytest.importorskip("openai", reason="comes with the extra `bench`")

PAGE = Path(__file__).parents[2] / "docs" / "errors-and-retries.md"
MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with emulator() as running:
        yield running


def rows() -> dict[str, list[str]]:
    """The names of ours for each class of `openai`."""
    section = PAGE.read_text(encoding="utf-8").partition("## The exceptions of openai")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `(\w+)`[^|]*\| ([^|]*) \|", section, re.M)
    return {theirs: re.findall(r"`(\w+)`", ours) for theirs, ours in found if theirs != "openai"}


@pytest.mark.parametrize(
    ("fault", "theirs"),
    [
        ("fault-401", "AuthenticationError"),
        ("fault-403", "PermissionDeniedError"),
        ("fault-404", "NotFoundError"),
        ("fault-400", "BadRequestError"),
        ("fault-context-length", "BadRequestError"),
        ("fault-422", "UnprocessableEntityError"),
        ("fault-429-always", "RateLimitError"),
        ("fault-429-quota", "RateLimitError"),
        ("fault-503-always", "InternalServerError"),
        ("fault-connection-reset", "APIConnectionError"),
        ("fault-stall", "APITimeoutError"),
    ],
)
def test_a_failure_has_the_classes_of_its_row(fault: str, theirs: str, server: EmulatorServer) -> None:
    sdk = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0, timeout=0.2)
    with pytest.raises(getattr(openai, theirs)) as their_error:
        sdk.chat.completions.create(model=fault, messages=MESSAGES)
    assert type(their_error.value).__name__ == theirs
    client = Client(base_url=server.base_url, api_key="any", max_retries=0, timeout=0.2)
    with pytest.raises(AIMLAPIError) as our_error:
        client.chat(fault, MESSAGES)
    assert type(our_error.value).__name__ in rows()[theirs]


def test_every_class_of_the_table_exists() -> None:
    from langchain_core.exceptions import OutputParserException

    from langchain_aimlapi import errors as of_langchain
    from llama_index_aimlapi import errors as of_llama_index

    for theirs, ours in rows().items():
        assert hasattr(openai, theirs)
        for name in ours:
            known = hasattr(of_langchain, name) or hasattr(of_llama_index, name)
            assert known or name in ("status_code", OutputParserException.__name__), name
