"""`profile`: what the packaged facts say, in LangChain's words; and what it says no to is sent with one warning."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
from langchain_core.language_models import ModelProfile
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool

from aimlapi_transport.client import UnlistedParameterWarning
from aimlapi_transport.config.model_families import _survey
from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError
from tests.langchain.host import Host, whole

BLIND, SEEING = "deepseek/deepseek-chat", "openai/gpt-4o"
IMAGE = {"type": "image", "url": "https://h/i.png"}
AUDIO = {"type": "audio", "base64": "AA==", "mime_type": "audio/wav"}
MARK = {"cache_control": {"type": "ephemeral"}}


def test_a_profile() -> None:
    assert ChatAIMLAPI(model=SEEING).profile == {
        "name": SEEING,
        "max_input_tokens": 128_000,
        "text_inputs": True,
        "image_inputs": True,
        "image_url_inputs": True,
        "pdf_inputs": True,
        "audio_inputs": False,
        "video_inputs": False,
        "text_outputs": True,
        "audio_outputs": False,
        "tool_calling": True,
        "tool_choice": True,
        "structured_output": True,
        "attachment": True,
        "temperature": True,
    }


def test_every_known_id_has_one_of_the_declared_keys_and_types() -> None:
    hints = {name: str(kind) for name, kind in ModelProfile.__annotations__.items()}
    seen = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in _survey()[1]:
            profile = ChatAIMLAPI(model=model).profile
            assert profile is not None, model
            for key, value in profile.items():
                assert type(value).__name__ in hints[key], (model, key)
            seen.update(profile)
    assert {"max_input_tokens", "reasoning_output", "reasoning_effort_levels"} <= seen


def test_what_is_not_documented_is_not_said() -> None:
    """Another endpoint's schema lists audio for Claude: neither yes nor no. Unknown ids have no profile at all."""
    claude = ChatAIMLAPI(model="anthropic/claude-opus-4-6").profile
    assert claude is not None
    assert (claude["image_inputs"], claude["max_input_tokens"], "audio_inputs" in claude) == (True, 200000, False)
    assert ChatAIMLAPI(model="some/new-model").profile is None
    assert ChatAIMLAPI(model=SEEING, preset="powertokens").profile is None
    assert ChatAIMLAPI(model=SEEING, base_url="https://www.anyfast.ai/v1").profile is None


def test_the_users_profile_wins_and_each_instance_has_its_own() -> None:
    assert ChatAIMLAPI(model=SEEING, profile={"max_input_tokens": 5}).profile == {"max_input_tokens": 5}
    one, other = ChatAIMLAPI(model=SEEING), ChatAIMLAPI(model=SEEING)
    assert one.profile is not None
    one.profile["max_input_tokens"] = 7
    assert other.profile != one.profile == copy.deepcopy(one).profile == pickle.loads(pickle.dumps(one)).profile
    with pytest.warns(UserWarning, match="unknown keys: \\['max_dreams'\\]"):
        ChatAIMLAPI(model=SEEING, profile={"max_dreams": 1})


def test_another_model_brings_its_own_profile() -> None:
    """By a copy, by a configurable field, and in a call."""
    host = Host(whole({"content": "x"}))
    model = host.model(model=BLIND)
    seeing = ChatAIMLAPI(model=SEEING).profile
    assert model.model_copy(update={"model_name": SEEING}).profile == seeing
    assert ChatAIMLAPI(model=SEEING, profile=model.profile).profile == seeing
    mine = host.model(model=BLIND, profile={"image_inputs": True})
    assert mine.model_copy(update={"model_name": SEEING}).profile == {"image_inputs": True}
    chosen = model.configurable_fields(model_name=ConfigurableField("m"))
    chosen.with_config(configurable={"m": SEEING}).invoke([HumanMessage([IMAGE])])
    model.invoke([HumanMessage([IMAGE])], model=SEEING)
    with pytest.raises(InvalidRequestError, match="image_url"):
        host.model(model=BLIND, strict_parameters=True).invoke([HumanMessage([IMAGE])])
    with pytest.raises(InvalidRequestError, match="image_url"):
        host.model(model=SEEING, strict_parameters=True).invoke([HumanMessage([IMAGE])], model=BLIND)
    assert [body["model"] for body in host.bodies] == [SEEING, SEEING]


CALLING = AIMessage("", tool_calls=[{"id": "a", "name": "add", "args": {}}])


@pytest.mark.parametrize(
    ("model", "message", "says"),
    [
        (BLIND, HumanMessage([IMAGE]), "messages[0] has a part of type `image_url`: the documents of deepseek/deepseek-chat list text, file."),
        (BLIND, [CALLING, ToolMessage([IMAGE], tool_call_id="a")], "`image_url`"),
        (SEEING, HumanMessage([AUDIO]), "messages[0] has a part of type `input_audio`: the documents of openai/gpt-4o list text, image_url, file."),
        (SEEING, HumanMessage([{"type": "video", "url": "https://h/v.mp4"}]), "`video_url`"),
        ("gpt-4o-audio-preview", HumanMessage([{"type": "audio", "url": "https://h/a.wav"}]), "audio at an address ('https://h/a.wav')"),
    ],
)  # fmt: skip
def test_what_the_profile_says_no_to_is_sent_with_one_warning_and_strictly_refused_by_name(
    model: str, message: Any, says: str, fresh_warnings: None
) -> None:
    messages = message if isinstance(message, list) else [message]
    host = Host(whole({"content": "x"}))
    with pytest.raises(InvalidRequestError) as caught:
        host.model(model=model, strict_parameters=True).invoke(messages)
    assert says in caught.value.message
    assert host.bodies == []
    if "address" in says:
        return
    with pytest.warns(UnlistedParameterWarning, match=says.split("`")[1]) as told:
        for _ in range(2):
            host.model(model=model).invoke(messages)
    assert len(told) == 1
    kinds = [
        part["type"] for m in host.bodies[0]["messages"] if isinstance(m["content"], list) for part in m["content"]
    ]
    assert says.split("`")[1] in kinds
    taking = host.model(
        model=model,
        profile={"image_inputs": True, "audio_inputs": True, "video_inputs": True},
        strict_parameters=True,
    )
    taking.invoke(messages)  # the user knows better


@pytest.fixture
def fresh_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())


@pytest.mark.filterwarnings("error")
def test_a_model_nobody_knows_takes_everything() -> None:
    host = Host(whole({"content": "x"}))
    for block in (IMAGE, AUDIO, {"type": "audio", "url": "https://h/a.wav"}, {"type": "video", "url": "https://h/v"}):
        host.model(model="some/new-model").invoke([HumanMessage([block])])
    assert len(host.bodies) == 4


@tool(extras=MARK)
def add(x: int, y: int) -> int:
    """Adds two numbers."""
    return x + y


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4.1", "some/new-model", SEEING, "google/gemini-2.0-flash"])
def test_cache_marks_go_to_those_who_take_them(model: str) -> None:
    taken = model != "google/gemini-2.0-flash"
    host = Host(whole({"content": "x"}))
    text = {"type": "text", "text": "Hi", **MARK}
    anthropic = {"name": "dig", "description": "Digs.", "input_schema": {"type": "object", "properties": {}}, **MARK}
    messages = [SystemMessage([text]), HumanMessage([text]), CALLING, ToolMessage([text], tool_call_id="a")]
    asked = host.model(model=model).bind_tools([add, anthropic])
    if taken:
        asked.invoke(messages)
    else:
        with pytest.warns(UnlistedParameterWarning, match=r"does not accept `cache_control`. It is left out"):
            asked.invoke(messages)
        strict = host.model(model=model, strict_parameters=True)
        with pytest.raises(InvalidRequestError, match="`cache_control` is not accepted"):
            strict.invoke(messages)
    (body,) = host.bodies
    plain = {"type": "text", "text": "Hi"}
    assert [message["content"] for message in body["messages"]] == (
        [[text], [text], None, [text]] if taken else ["Hi", [plain], None, "Hi"]
    )
    assert [tool.get("cache_control") for tool in body["tools"]] == (
        [MARK["cache_control"]] * 2 if taken else [None] * 2
    )
