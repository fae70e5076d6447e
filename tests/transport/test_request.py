"""A request body is a pure function of its inputs, spelled as the model and the host accept it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.chat.request import Request, chat_request
from aimlapi_transport.config.hosts import AIMLAPI, ANYFAST, POWERTOKENS, Preset
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.request_builder import build_request
from aimlapi_transport.request_options import RequestOptions

HI = [{"role": "user", "content": "Hi"}]
GPT, CLAUDE, MINIMAX, GLM, QWEN, DEEPSEEK = (
    "openai/gpt-4o",
    "anthropic/claude-opus-4.1",
    "minimax/m2",
    "glm-4.7-flash",
    "qwen3-max",
    "deepseek/deepseek-chat",
)


def body(model: str = "some/new-model", messages: Any = HI, preset: Preset = AIMLAPI, **options: Any) -> dict[str, Any]:
    sent: dict[str, Any] = orjson.loads(chat_request(model, messages, preset=preset, **options).body)
    return sent


def extra(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if name not in ("model", "messages")}


NAMES = st.sampled_from(["temperature", "top_p", "seed", "stop", "max_tokens", "enable_search"])


@given(st.dictionaries(NAMES, st.just(1) | st.just(2)).filter(lambda d: "stop" not in d), st.randoms())
def test_the_same_arguments_give_the_same_bytes(parameters: dict[str, int], random: Any) -> None:
    """In whatever order they are written, so a cassette can match on the body."""
    parameters = dict.fromkeys(parameters, 1)
    items = list(parameters.items())
    random.shuffle(items)
    assert chat_request("m", HI, parameters=parameters).body == chat_request("m", HI, parameters=dict(items)).body


def test_nothing_is_sent_that_nobody_set() -> None:
    assert chat_request("m", HI, parameters={"temperature": None}).body == (
        b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
    )


@pytest.mark.parametrize(
    ("preset", "model", "given", "sent"),
    [
        # the output limit: one setting, two names
        (AIMLAPI, "some/new-model", {"max_tokens": 5}, {"max_tokens": 5}),
        (AIMLAPI, "some/new-model", {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        (AIMLAPI, GPT, {"max_tokens": 5}, {"max_tokens": 5}),
        (AIMLAPI, GPT, {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        (AIMLAPI, "openai/o3-2025-04-16", {"max_tokens": 5}, {"max_completion_tokens": 5}),
        (AIMLAPI, "openai/gpt-5-2", {"max_completion_tokens": 5}, {"max_tokens": 5}),
        (AIMLAPI, MINIMAX, {"max_completion_tokens": 5}, {"max_tokens": 5}),
        (AIMLAPI, "perplexity/sonar", {"max_completion_tokens": 5}, {"max_tokens": 5}),
        (AIMLAPI, GPT, {"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 5, "max_completion_tokens": 6}),
        (ANYFAST, "qwen3.6-flash", {"max_tokens": 5}, {"max_completion_tokens": 5}),
        (POWERTOKENS, QWEN, {"max_completion_tokens": 5}, {"max_tokens": 5}),
        # stop sequences
        (AIMLAPI, GPT, {"stop": "x"}, {"stop": "x"}),
        (AIMLAPI, GPT, {"stop": ["x", "y"]}, {"stop": ["x", "y"]}),
        (AIMLAPI, GPT, {"stop": ("x", "y")}, {"stop": ["x", "y"]}),
        (AIMLAPI, GPT, {"stop": []}, {}),
        (AIMLAPI, CLAUDE, {"stop": "x"}, {"stop_sequences": ["x"]}),
        (ANYFAST, "qwen3.6-flash", {"stop": "x"}, {"stop": ["x"]}),
        (POWERTOKENS, GLM, {"stop": "x"}, {"stop": ["x"], "stream": False}),
        # Zhipu streams unless told not to
        (POWERTOKENS, GLM, {}, {"stream": False}),
        (POWERTOKENS, GLM, {"tool_choice": "auto"}, {"stream": False, "tool_choice": "auto"}),
        (POWERTOKENS, QWEN, {"tool_choice": "required"}, {"tool_choice": "required"}),
    ],
)
def test_settings_are_spelled_for_the_model(preset: Preset, model: str, given: Any, sent: Any) -> None:
    assert extra(body(model, preset=preset, parameters=given)) == sent


@pytest.mark.parametrize(
    ("preset", "model", "parameters", "says"),
    [
        (ANYFAST, "qwen3.6-flash", {"seed": 1}, ["AnyFast", "`seed`", "enable_thinking"]),
        (ANYFAST, "qwen3.6-flash", {"tools": [{}]}, ["AnyFast", "`tools`"]),
        (ANYFAST, "qwen3.6-flash", {"max_tokens": 70000}, ["`max_completion_tokens`", "70000", "1 to 65536"]),
        (POWERTOKENS, QWEN, {"n": 2}, ["PowerTokens", "`n`", "enable_search"]),
        (POWERTOKENS, GLM, {"tool_choice": "none"}, ["PowerTokens", "`tool_choice`", "auto"]),
        (POWERTOKENS, GLM, {"stop": ["a", "b"]}, ["`stop` has 2", "at most 1"]),
        (POWERTOKENS, GLM, {"temperature": 1.5}, ["`temperature` is 1.5", "0 to 1"]),
        (POWERTOKENS, GLM, {"seed": 7}, ["`seed`", "thinking"]),
        (AIMLAPI, GPT, {"temperature": 3}, ["`temperature` is 3", "0 to 2"]),
        (AIMLAPI, CLAUDE, {"temperature": 1.5}, ["`temperature` is 1.5", "0 to 1"]),
        (AIMLAPI, "anthropic/claude-of-tomorrow", {"temperature": 1.5}, ["0 to 1"]),
        (AIMLAPI, GPT, {"temperature": "hot"}, ["'hot'", "a number"]),
        (AIMLAPI, GPT, {"seed": 0}, ["`seed` is 0", "at least 1"]),
        (AIMLAPI, GPT, {"top_p": 0}, ["`top_p`", "0.01 to 1"]),
        (AIMLAPI, GPT, {"max_tokens": -1}, ["`max_tokens`", "at least 1"]),
        (AIMLAPI, GPT, {"stop": list("abcde")}, ["`stop` has 5", "at most 4"]),
        (AIMLAPI, GPT, {"stop": 3}, ["`stop` is 3"]),
        (POWERTOKENS, GLM, {"tools": [{"type": "web_search"}]}, ["`tools`", "web_search", "function"]),
        (AIMLAPI, GPT, {"tools": 3}, ["`tools` is 3", "a list"]),
        (AIMLAPI, GPT, {"tools": [{"type": "function"}] * 129}, ["129 tools", "128"]),
        (AIMLAPI, GPT, {"user": object()}, ["JSON"]),
        (AIMLAPI, GPT, {"logit_bias": {"a": 500}}, ["`logit_bias` is {'a': 500}", "-100 to 100"]),
        (AIMLAPI, GPT, {"logit_bias": 3}, ["`logit_bias` is 3", "an object"]),
        (AIMLAPI, GPT, {"reasoning_effort": "huge"}, ["`reasoning_effort` is 'huge'", "low, medium or high"]),
        (AIMLAPI, GPT, {"verbosity": 3}, ["`verbosity` is 3", "low, medium or high"]),
        (AIMLAPI, GPT, {"n": 1.5}, ["`n` is 1.5", "a whole number"]),
        (AIMLAPI, GPT, {"logprobs": "x"}, ["`logprobs` is 'x'", "True or False"]),
        (AIMLAPI, GPT, {"thinking": "enabled"}, ["`thinking` is 'enabled'", "an object"]),
        (AIMLAPI, GPT, {"modalities": "text"}, ["`modalities` is 'text'", "a list"]),
    ],
)
def test_what_is_refused_names_itself_and_what_is_accepted(
    preset: Preset, model: str, parameters: Any, says: list[str]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        body(model, preset=preset, parameters=parameters)
    assert all(word in caught.value.message for word in says), caught.value.message
    assert caught.value.status_code is None


@pytest.mark.parametrize(
    ("preset", "model", "added"),
    [
        (ANYFAST, "qwen3.6-flash", {"stream_options": {"include_usage": True}}),
        (POWERTOKENS, QWEN, {"parallel_tool_calls": False}),
        (POWERTOKENS, GLM, {"tool_choice": "required"}),
        (AIMLAPI, CLAUDE, {"stream_options": {"include_usage": True}}),
    ],
)
def test_what_a_framework_added_is_left_out_where_it_is_not_accepted(preset: Preset, model: str, added: Any) -> None:
    assert set(extra(body(model, preset=preset, added=added))) <= {"stream"}


def test_what_a_framework_added_is_sent_elsewhere_and_never_over_the_users_word() -> None:
    added = {"stream_options": {"include_usage": True}}
    assert extra(body(GPT, added=added)) == added
    assert extra(body("some/new-model", added=added)) == added
    own = {"stream_options": {"include_usage": False}}
    assert extra(body(GPT, added=added, parameters=own)) == own


def test_a_parameter_the_schema_does_not_name_is_sent_and_noted() -> None:
    request = chat_request(MINIMAX, HI, parameters={"top_k": 3, "temperature": 0.5})
    assert orjson.loads(request.body)["top_k"] == 3
    assert request.unlisted == ("top_k",)
    assert chat_request("some/new-model", HI, parameters={"top_k": 3}).unlisted == ()


def test_strict_parameters_raise_instead() -> None:
    with pytest.raises(InvalidRequestError, match=r"`top_k`.*temperature.*extra_body"):
        chat_request(MINIMAX, HI, parameters={"top_k": 3}, strict_parameters=True)


NAMED = {"type": "function", "function": {"name": "f"}}
THINKING = {"thinking": {"type": "enabled"}}


@pytest.mark.parametrize(
    ("preset", "model", "parameters", "sent"),
    [
        (POWERTOKENS, GLM, {"tool_choice": "required"}, "auto"),
        (POWERTOKENS, GLM, {"tool_choice": NAMED}, "auto"),
        (POWERTOKENS, QWEN, {"tool_choice": NAMED}, "required"),
        (AIMLAPI, CLAUDE, {"tool_choice": "required", **THINKING}, "auto"),
        (AIMLAPI, CLAUDE, {"tool_choice": NAMED, **THINKING}, "auto"),
    ],
)
def test_a_forced_call_is_asked_for_as_far_as_it_is_taken(
    preset: Preset, model: str, parameters: Any, sent: str
) -> None:
    """Claude is not forced while it thinks. Strict parameters raise."""
    request = chat_request(model, HI, parameters=parameters, preset=preset)
    assert orjson.loads(request.body)["tool_choice"] == sent
    assert request.tool_choice_downgrade is not None
    with pytest.raises(InvalidRequestError, match="tool_choice"):
        chat_request(model, HI, parameters=parameters, preset=preset, strict_parameters=True)


@pytest.mark.parametrize("tools", [[], (), None])
@pytest.mark.parametrize(("choice", "sent"), [("auto", {}), ("none", {}), ("required", {"tool_choice": "required"})])
def test_with_an_empty_list_of_tools_what_is_said_of_them_is_left_out(tools: Any, choice: Any, sent: Any) -> None:
    """As an agent has that happens to have none: servers refuse the list."""
    given = {"tools": tools, "tool_choice": choice, "parallel_tool_calls": False, "seed": 1}
    assert extra(body("openai/gpt-4o", parameters=given)) == {"seed": 1, **sent}


@pytest.mark.parametrize("choice", ["auto", "none", "required", NAMED])
def test_a_choice_that_is_taken_is_sent_as_it_is(choice: Any) -> None:
    request = chat_request("some/new-model", HI, parameters={"tool_choice": choice}, strict_parameters=True)
    assert (orjson.loads(request.body)["tool_choice"], request.tool_choice_downgrade) == (choice, None)


VIDEO = {"type": "video_url", "video_url": {"url": "https://h/v.mp4", "fps": 2}, "later": None}
GEMINI = "google/gemini-2.5-flash"


@pytest.mark.parametrize("part", [VIDEO, {"type": "document_url", "document_url": "https://h/d.pdf"}])
def test_a_part_the_documents_do_not_list_is_sent_whole_and_noted(part: Any) -> None:
    said = [{"role": "user", "content": [{"type": "text", "text": "Hi", "mark": 1}, part]}]
    request = chat_request(GEMINI, said)
    assert orjson.loads(request.body)["messages"] == said
    assert request.unlisted_parts == (part["type"],)
    assert chat_request("some/new-model", said).unlisted_parts == ()
    assert chat_request(GEMINI, said, part_support={part["type"]: True}, strict_parameters=True).unlisted_parts == ()
    with pytest.raises(InvalidRequestError, match=f"`{part['type']}`: the documents of {GEMINI} list text, image_url"):
        chat_request(GEMINI, said, strict_parameters=True)
    with pytest.raises(InvalidRequestError, match="PowerTokens accepts image"):
        chat_request(QWEN, said, preset=POWERTOKENS)


def test_no_audio_at_an_address_goes_to_openais_models() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "https://h/a.wav", "format": "wav"}}
    with pytest.raises(InvalidRequestError, match="audio at an address"):
        chat_request("gpt-4o-audio-preview", [{"role": "user", "content": [audio]}])


def test_a_tool_without_a_type_is_a_function() -> None:
    tool = {"function": {"name": "f", "parameters": {}}}
    assert body("some/new-model", parameters={"tools": [tool]})["tools"] == [tool]
    typed = [{"type": "function", **tool}]
    assert body("openai/gpt-4o", parameters={"tools": [tool]})["tools"] == typed  # its documents want the type
    assert body("openai/gpt-4o", parameters={"tools": [tool["function"]]})["tools"] == typed
    assert body(GLM, preset=POWERTOKENS, parameters={"tools": [tool]})["tools"] == typed


@pytest.mark.parametrize("choice", [None, True, False])
def test_thoughts_among_the_parts_are_content_unless_none_are_to_be_sent(choice: bool | None) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    text = {"type": "text", "text": "Yes"}
    said = [*HI, {"role": "assistant", "content": [thought, text]}, *HI]
    sent = orjson.loads(chat_request("some/new-model", said, replay_reasoning=choice).body)["messages"]
    assert sent[1]["content"] == ([text] if choice is False else [thought, text])


@pytest.mark.parametrize("preset", [AIMLAPI, POWERTOKENS, ANYFAST])
def test_extra_body_always_passes(preset: Preset) -> None:
    sent = body(GLM, preset=preset, extra_body={"seed": 0, "anything": {"goes": 1}}, strict_parameters=True)
    assert (sent["seed"], sent["anything"]) == (0, {"goes": 1})


@pytest.mark.parametrize(
    ("model", "role", "sent"),
    [
        (GPT, "developer", "developer"),
        ("alibaba/qwen3-32b", "developer", "system"),
        ("some/new-model", "developer", "system"),
        ("google/gemma-3n-e4b-it", "system", "user"),
        ("openai/o1-mini", "developer", "user"),
        (GPT, "system", "system"),
    ],
)
def test_roles_a_family_lacks(model: str, role: str, sent: str) -> None:
    assert body(model, [{"role": role, "content": "Be brief."}, *HI])["messages"][0]["role"] == sent


@pytest.mark.parametrize(
    ("preset", "messages", "says"),
    [
        (AIMLAPI, [], "No messages"),
        (AIMLAPI, [{"role": "narrator", "content": "x"}], "unknown role 'narrator'"),
        (AIMLAPI, [{"content": "x"}], "unknown role None"),
        (AIMLAPI, ["x"], "messages[0] is of type str"),
        (AIMLAPI, [{"role": "user", "content": 3}], "content of type int"),
        (AIMLAPI, [{"role": "user"}], "(user) has no content"),
        (AIMLAPI, [{"role": "user", "content": [{"text": "x"}]}], "without a `type`"),
        (AIMLAPI, [{"role": "tool", "content": "x"}], "without a `tool_call_id`"),
        (AIMLAPI, [{"role": "user", "content": []}], "has no content"),
        (AIMLAPI, [{"role": "assistant"}], "has no content"),
        (AIMLAPI, [{"role": "assistant", "name": "Ann"}], "has no content"),
        (AIMLAPI, [{"role": "user", "content": [{"type": "text"}]}], "without a `text`"),
        (ANYFAST, [{"role": "user", "content": [{"type": "input_audio"}]}], "image_url, text, video_url"),
        (POWERTOKENS, [{"role": "system", "content": "x"}], "neither system nor assistant"),
    ],
)
def test_messages_that_cannot_be_sent(preset: Preset, messages: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        body(GLM if preset is POWERTOKENS else "m", messages, preset)
    assert says in caught.value.message


MARKED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
MARKED_TOOL = {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}


@pytest.mark.filterwarnings("ignore::aimlapi_transport.client.UnlistedParameterWarning")
@pytest.mark.parametrize("model", [GPT, DEEPSEEK])  # the second takes no marks of caches, which are left out
@pytest.mark.parametrize("tools", [None, [MARKED_TOOL]])
@pytest.mark.parametrize(
    ("messages", "says"),
    [
        (None, "No messages"),
        ("Hi", "`messages` is 'Hi'"),
        (b"Hi", "`messages` is"),
        ({"role": "user"}, "`messages` is"),
        ([None], "messages[0] is of type NoneType"),
        (["cache_control"], "messages[0] is of type str"),
        ([{"role": "user", "content": [None]}], "without a `type`"),
        ([{"role": "user", "content": ["cache_control"]}], "without a `type`"),
        ([{"role": "system", "content": [MARKED, None]}], "without a `type`"),
        ([{"role": "system", "content": [{**MARKED, "text": 3}]}], "without a `text`"),
        ([{"content": [MARKED]}], "unknown role None"),
    ],
)
def test_malformed_messages_are_refused_whatever_is_left_out(model: str, tools: Any, messages: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        build_request(model, messages, RequestOptions(parameters={"tools": tools}))
    assert says in caught.value.message


@pytest.mark.filterwarnings("ignore::aimlapi_transport.client.UnlistedParameterWarning")
def test_marks_of_caches_are_left_out_beside_tools_of_any_form() -> None:
    for tools in ([None], ["cache_control"], [3], (MARKED_TOOL,)):
        sent = build_request(DEEPSEEK, iter(HI), RequestOptions(parameters={"tools": tools}))  # type: ignore[arg-type]  # an iterator, on purpose
        assert orjson.loads(sent.body)["messages"] == HI
    assert b"cache_control" not in sent.body


@pytest.mark.parametrize("model", ["", "  ", None, 3])
def test_a_missing_model_is_named(model: Any) -> None:
    with pytest.raises(InvalidRequestError, match="No model"):
        chat_request(model, HI)


@pytest.mark.parametrize("name", ["abc", "A-z_0.9:x", "x" * 128])
def test_a_request_id_of_ones_own(name: str) -> None:
    assert ("X-Client-Request-Id", name) in chat_request("m", HI, client_request_id=name).headers


@pytest.mark.parametrize("name", ["", "x" * 129, "with space", "ünïcode", "a/b", "a\n"])
def test_a_request_id_the_provider_would_drop_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="X-Client-Request-Id"):
        chat_request("m", HI, client_request_id=name)
    with pytest.raises(InvalidRequestError, match="X-Client-Request-Id"):
        chat_request("m", HI, extra_headers={"x-client-request-id": name})


def test_the_caller_keeps_its_messages() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "x"}]}]
    before = orjson.dumps(messages)
    body("openai/o1-mini", messages, replay_reasoning=True)
    assert orjson.dumps(messages) == before


THOUGHT = {"role": "assistant", "content": "t", "reasoning_content": "why", "tool_calls": []}


def replayed(model: str, choice: bool | None, *, in_loop: bool, **fields: Any) -> dict[str, Any]:
    later = {"role": "tool", "tool_call_id": "a", "content": "x"} if in_loop else HI[0]
    calls = {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    thought = {**THOUGHT, **(calls if in_loop else {}), **fields}
    sent = body(model, [*HI, thought, later], replay_reasoning=choice)
    message: dict[str, Any] = sent["messages"][1]
    return {name: value for name, value in message.items() if name not in ("role", "tool_calls")}


def test_reasoning_goes_back_as_its_family_wants_it() -> None:
    bare, carried = {"content": "t"}, {"content": "t", "reasoning_content": "why"}
    inline = {"content": "<think>\nwhy\n</think>\n\nt"}
    details = {"reasoning_details": [{"type": "reasoning.text", "text": "why", "signature": "S"}]}
    assert replayed("deepseek/deepseek-v4-pro", None, in_loop=True) == carried
    assert replayed("deepseek/deepseek-v4-pro", None, in_loop=False) == bare
    assert replayed("deepseek/deepseek-v4-pro", False, in_loop=True) == bare
    assert replayed("deepseek/deepseek-v4-pro", True, in_loop=False) == carried
    assert replayed(MINIMAX, None, in_loop=False) == inline
    assert replayed(MINIMAX, False, in_loop=False) == bare
    assert replayed("xiaomi/mimo", None, in_loop=True, **details) == {"content": "t", "reasoning": "why", **details}
    signed = {"extra_content": {"google": {"thought_signature": "S"}}}
    assert replayed("google/gemini-3.5-flash", False, in_loop=False, **signed) == {**bare, **signed}


def test_a_request_is_a_value() -> None:
    request = chat_request("m", HI)
    assert isinstance(request, Request)
    with pytest.raises(AttributeError):
        request.body = b""  # type: ignore[misc]  # what is frozen refuses it
    assert request == chat_request("m", HI)
