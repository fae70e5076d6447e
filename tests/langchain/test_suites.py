"""LangChain's standard suites of tests, on the emulator. `tests/cassettes/test_langchain_suite.py` plays them without."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.langchain.suites import AudioSuite, ReasoningSuite, ResponsesSuite, SeeingSuite, UnitSuite, no_downloads

__all__ = ["no_downloads"]


@pytest.fixture
def vcr() -> Any:
    """No tape here: `test_stream_time` streams once, from the emulator."""
    return SimpleNamespace(responses=())


@pytest.mark.usefixtures("on_the_emulator")
class TestUnit(UnitSuite):
    pass


@pytest.mark.usefixtures("on_the_emulator")
class TestSeeing(SeeingSuite):
    pass


@pytest.mark.usefixtures("on_the_emulator")
class TestAudio(AudioSuite):
    pass


@pytest.mark.usefixtures("on_the_emulator")
class TestReasoning(ReasoningSuite):
    pass


@pytest.mark.usefixtures("on_the_emulator")
class TestResponses(ResponsesSuite):
    pass


@pytest.mark.usefixtures("on_the_emulator")
class TestResponsesUnit(UnitSuite):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "openai/gpt-5-pro", "use_responses_api": True, "output_version": "v1"}
