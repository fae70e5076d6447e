"""LangChain's standard suites of tests, on the emulator. `tests/cassettes/test_langchain_suite.py` plays them without."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from aimlapi_emulator import EmulatorServer, emulator
from tests.langchain.suites import AudioSuite, ReasoningSuite, SeeingSuite, UnitSuite, no_downloads

__all__ = ["no_downloads"]


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with emulator() as running:
        yield running


@pytest.fixture
def _on_the_emulator(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")


@pytest.fixture
def vcr() -> Any:
    """No tape here: `test_stream_time` streams once, from the emulator."""
    return SimpleNamespace(responses=())


@pytest.mark.usefixtures("_on_the_emulator")
class TestUnit(UnitSuite):
    pass


@pytest.mark.usefixtures("_on_the_emulator")
class TestSeeing(SeeingSuite):
    pass


@pytest.mark.usefixtures("_on_the_emulator")
class TestAudio(AudioSuite):
    pass


@pytest.mark.usefixtures("_on_the_emulator")
class TestReasoning(ReasoningSuite):
    pass
