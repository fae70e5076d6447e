"""LangChain's standard tests of tools, for each of ours."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from langchain_aimlapi import tools
from tests.media.test_langchain_tools import Host

EXAMPLES: dict[str, dict[str, Any]] = {
    "AIMLAPIImageTool": {"prompt": "A cat"},
    "AIMLAPIImageEditTool": {"prompt": "A hat", "image": "https://h/cat.png"},
    "AIMLAPIVideoTool": {"prompt": "A cat"},
    "AIMLAPISpeechTool": {"text": "Hello"},
    "AIMLAPITranscriptTool": {"audio": "https://h/a.mp3"},
    "AIMLAPIMusicTool": {"prompt": "A song"},
    "AIMLAPIVideoSubmitTool": {"prompt": "A cat"},
    "AIMLAPIMusicSubmitTool": {"prompt": "A song"},
    "AIMLAPIGenerationStatusTool": {"reference": "video:google/veo3:g:1"},
}


def test_every_tool_is_tested() -> None:
    assert set(EXAMPLES) == {name for name in tools.__all__ if name.endswith("Tool")}


class _OneTool:
    @pytest.fixture(autouse=True, params=sorted(EXAMPLES))
    def name_of_tool(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param

    @property
    def tool_constructor(self) -> type[BaseTool]:
        cls: type[BaseTool] = getattr(tools, self.name)
        return cls

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        return Host().settings

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return EXAMPLES[self.name]

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"AIMLAPI_API_KEY": "from-the-environment"}, {}, {"openai_api_key": "from-the-environment"}


class TestUnits(_OneTool, ToolsUnitTests):
    pass


class TestIntegration(_OneTool, ToolsIntegrationTests):
    pass
