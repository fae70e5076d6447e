"""Requests for /v1/responses: the conversation as items, settings in the endpoint's words, and where a call goes."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import orjson
import pytest

from aimlapi_transport import Client
from aimlapi_transport.chat.request import Request, chat_request
from aimlapi_transport.config.hosts import AIMLAPI, POWERTOKENS
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.responses.request import responses_request
from aimlapi_transport.responses.routing import uses_responses
from aimlapi_transport.user_warnings import UnlistedParameterWarning

Json = dict[str, Any]
GPT = "openai/gpt-5-pro"
PLAIN = "openai/gpt-4o"
CHAT_ONLY = "anthropic/claude-sonnet-4.5"
HI = [{"role": "user", "content": "Hi"}]
SEALED = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "sealed"}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "phase": "final_answer",
    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}}
WIRE_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}


def body(messages: Any = HI, model: str = GPT, **parameters: Any) -> Json:
    sent: Json = orjson.loads(responses_request(model, messages, parameters=parameters).body)
    return sent


def reply(*items: Json, text: str = "", calls: Any = (), model: str = GPT) -> Json:
    message: Json = {"role": "assistant", "content": text or None, "output_items": [*items], "output_model": model}
    return {**message, "response_id": "r1", **({"tool_calls": [*calls]} if calls else {})}


def test_messages_become_items() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}
    sent = body(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Always."},
            {"role": "user", "content": [{"type": "text", "text": "What?"}, picture, file]},
            {"role": "assistant", "content": "This.", "tool_calls": [WIRE_CALL]},
            RESULT,
        ]
    )
    assert sent["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Always."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What?"},
                {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
            ],
        },
        {"role": "assistant", "content": "This."},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
    ]


def test_items_go_back_in_their_order_without_ids_where_nothing_is_stored() -> None:
    sent = body([*HI, reply(SEALED, SEARCH, SAID, CALL, text="Hello", calls=[WIRE_CALL]), RESULT])
    assert sent["input"][1:] == [
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
        {"type": "web_search_call", "status": "completed", "action": {"type": "search"}},
        {"role": "assistant", "content": "Hello", "phase": "final_answer"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
    ]


def test_items_go_back_untouched_where_they_are_stored() -> None:
    kept = (SEALED, SEARCH, SAID, CALL, {"id": "x", "type": "hologram", "data": 1})
    sent = body([*HI, reply(*kept, text="Hello", calls=[WIRE_CALL]), RESULT], store=True)
    assert sent["input"][1:-1] == [*kept]
    assert "include" not in sent


def test_items_the_provider_did_not_keep_go_without_ids() -> None:
    sent = body([*HI, {**reply(SEALED, SAID, text="Hello"), "output_stored": False}, *HI], store=True)
    assert all("id" not in item for item in sent["input"])


def test_what_was_edited_goes_back_edited() -> None:
    edited = {**WIRE_CALL, "function": {"name": "f", "arguments": '{"a": 2}'}}
    sent = body([*HI, reply(SEALED, SAID, CALL, text="Goodbye", calls=[edited]), RESULT])
    assert sent["input"][1:-1] == [
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
        {"role": "assistant", "content": "Goodbye"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 2}'},
    ]


def test_other_spaces_in_arguments_are_no_edit() -> None:
    spaced = {**WIRE_CALL, "function": {"name": "f", "arguments": '{"a":1}'}}
    assert body([*HI, reply(CALL, calls=[spaced]), RESULT])["input"][1]["arguments"] == '{"a": 1}'


def test_reasoning_never_goes_without_what_followed_it() -> None:
    assert body([*HI, reply(SEALED, CALL), *HI])["input"] == [*HI, *HI]  # the call was taken out
    assert body([*HI, reply(SEALED), *HI])["input"] == [*HI, *HI]


def test_reasoning_goes_back_only_where_it_is_understood() -> None:
    conversation = [*HI, reply(SEALED, SEARCH, SAID, text="Hello"), *HI]
    kinds = [item.get("type") for item in body(conversation)["input"]]
    assert kinds == [None, "reasoning", "web_search_call", None, None]
    assert body(conversation, model=PLAIN)["input"][1]["type"] == "web_search_call"  # this one does not reason
    assert body(conversation, model="x-ai/grok-4-3")["input"] == [
        *HI,
        {"role": "assistant", "content": "Hello", "phase": "final_answer"},
        *HI,
    ]
    without = orjson.loads(responses_request(GPT, conversation, replay_reasoning=False).body)
    assert "reasoning" not in [item.get("type") for item in without["input"]]


def test_reasoning_text_goes_back_to_families_that_take_it() -> None:
    thought = {"id": "rs_1", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}
    model = "deepseek/deepseek-v4"
    sent = body([*HI, reply(thought, SAID, text="Hello", model=model), *HI], model=model)
    assert sent["input"][1] == {name: value for name, value in thought.items() if name != "id"}


def test_a_refusal_goes_back_as_one() -> None:
    sent = body([*HI, {"role": "assistant", "content": None, "refusal": "No"}, *HI])
    assert sent["input"][1] == {"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]}


def test_calls_of_other_kinds_are_answered_in_their_own_words() -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "run", "input": "x"}}
    sent = body([*HI, {"role": "assistant", "content": None, "tool_calls": [custom]}, RESULT])
    assert sent["input"][1:] == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "42"},
    ]
    shell = {"id": "s1", "type": "local_shell_call", "call_id": "c1", "action": {"command": ["ls"]}}
    assert body([*HI, reply(shell), RESULT])["input"][2]["type"] == "local_shell_call_output"
    screen = {"id": "s1", "type": "computer_call", "call_id": "c1", "action": {}}
    shot = {**RESULT, "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}
    assert body([*HI, reply(screen), shot])["input"][2]["output"] == {
        "type": "computer_screenshot",
        "image_url": "data:image/png;base64,AA==",
    }


def test_consent_is_an_item_of_its_own() -> None:
    request = {"id": "mcpr_1", "type": "mcp_approval_request", "name": "ask", "arguments": "{}", "server_label": "s"}
    consent = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    sent = body([*HI, reply(request), {"role": "user", "content": [consent]}])
    assert sent["input"] == [*HI, request, consent]  # with the id it is named by


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([*HI, {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]}, *HI], r"messages\[1\] calls `f`"),
        ([*HI, RESULT], r"messages\[1\] is the result of a call 'c1' that no message"),
        ([{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}], "video_url"),
        ([*HI, {"role": "assistant", "content": "x", "audio": {"id": "a"}}, *HI], "contains audio"),
    ],
)
def test_what_the_endpoint_would_refuse_is_named_before(messages: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        body(messages)


def test_settings_get_the_words_of_the_endpoint() -> None:
    function = {"name": "f", "description": "F.", "parameters": {"type": "object", "properties": {}}}
    schema = {"name": "Answer", "schema": {"type": "object"}, "strict": True}
    sent = body(
        max_tokens=100,
        reasoning_effort="low",
        reasoning={"summary": "auto"},
        verbosity="low",
        tools=[{"type": "function", "function": function}, {"type": "web_search"}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_format={"type": "json_schema", "json_schema": schema},
        parallel_tool_calls=False,
        temperature=0.5,
        metadata={"a": "b"},
    )
    assert {name: value for name, value in sent.items() if name not in ("model", "input")} == {
        "max_output_tokens": 100,
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", **schema}},
        "tools": [{"type": "function", **function, "strict": False}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "metadata": {"a": "b"},
        "include": ["reasoning.encrypted_content"],
    }


def test_custom_tools_are_flat_too() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}}
    tool = {"type": "custom", "custom": {"name": "run", "format": grammar}}
    assert body(tools=[tool])["tools"] == [
        {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"}}
    ]


def test_sealed_reasoning_is_asked_for_where_nothing_is_stored() -> None:
    assert body()["include"] == ["reasoning.encrypted_content"]
    assert "include" not in body(model=PLAIN)
    assert "include" not in body(store=True)
    assert "include" not in body(include=[])  # you said so
    assert body(include=["code_interpreter_call.outputs"])["include"] == [
        "code_interpreter_call.outputs",
        "reasoning.encrypted_content",
    ]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("stop", 7, "`stop` is 7: pass a string"),
        ("seed", 1, "`seed`"),
        ("n", 2, "one answer"),
        ("max_tokens", 5, "at least 16"),
        ("modalities", ["audio"], "`modalities`"),
        ("tools", ["f"], "A tool is of type str"),
    ],
)
def test_what_only_chat_completions_take_is_refused(name: str, value: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        body(**{name: value})


def test_what_only_this_endpoint_takes_is_refused_elsewhere() -> None:
    with pytest.raises(InvalidRequestError, match="`truncation` belongs to /v1/responses"):
        chat_request(PLAIN, HI, parameters={"truncation": "auto"})


def test_stop_sequences_are_for_who_reads_the_answer() -> None:
    request = responses_request(GPT, HI, parameters={"stop": "x"})
    assert request.stop == ("x",)
    assert "stop" not in orjson.loads(request.body)


def test_unknown_parameters_are_sent_and_named() -> None:
    request = responses_request(GPT, HI, parameters={"new_thing": 1})
    assert request.unlisted == ("new_thing",)
    assert orjson.loads(request.body)["new_thing"] == 1
    with pytest.raises(InvalidRequestError, match="new_thing"):
        responses_request(GPT, HI, parameters={"new_thing": 1}, strict_parameters=True)


def continued(request: Request) -> tuple[Any, int]:
    sent = orjson.loads(request.body)
    return sent.get("previous_response_id"), len(sent["input"])


def test_only_what_follows_the_last_reply_is_sent_with_its_id() -> None:
    conversation = [*HI, reply(SAID, text="Hello"), *HI]
    request = responses_request(GPT, conversation, parameters={"use_previous_response_id": True})
    assert continued(request) == ("r1", 1)
    assert orjson.loads(request.body)["store"] is True
    assert request.fallback is not None and continued(request.fallback) == (None, 3)
    alone = responses_request(GPT, HI, parameters={"use_previous_response_id": True})
    assert continued(alone) == (None, 1) and alone.fallback is None


def test_history_is_not_sent_beside_the_id_that_holds_it() -> None:
    conversation = [*HI, reply(SAID, text="Hello"), *HI]
    request = responses_request(GPT, conversation, parameters={"previous_response_id": "r1"})
    assert continued(request) == ("r1", 1) and request.fallback is None
    assert continued(responses_request(GPT, conversation, parameters={"previous_response_id": "r0"})) == ("r0", 3)


def test_results_may_answer_calls_of_the_response_before() -> None:
    request = responses_request(GPT, [RESULT], parameters={"previous_response_id": "r0"})
    assert orjson.loads(request.body)["input"] == [{"type": "function_call_output", "call_id": "c1", "output": "42"}]


def test_a_reply_goes_to_chat_completions_as_a_message() -> None:
    call = {**WIRE_CALL, "item_id": "fc_1", "namespace": "tools"}
    earlier = {**reply(SEALED, SAID, CALL, text="Hello", calls=[call]), "encrypted_content": "sealed"}
    sent = orjson.loads(chat_request(PLAIN, [*HI, earlier, RESULT]).body)
    assert sent["messages"][1] == {"role": "assistant", "content": "Hello", "tool_calls": [WIRE_CALL]}


WEB_SEARCH: Json = {"type": "web_search_preview"}
CUSTOM: Json = {"type": "custom", "name": "run"}
NOBODY = "nobody/knows-this"


@pytest.mark.parametrize(
    ("choice", "model", "parameters", "expected"),
    [
        (None, GPT, {}, True),  # served only there
        (None, "openai/gpt-5-1-codex", {}, True),
        (None, PLAIN, {}, False),
        (None, PLAIN, {"tools": [WEB_SEARCH]}, True),
        (None, PLAIN, {"tools": [{"type": "function", "function": {"name": "f"}}]}, False),
        (None, PLAIN, {"reasoning": {"summary": "auto"}}, True),
        (None, PLAIN, {"include": ["x"]}, True),
        (None, PLAIN, {"previous_response_id": "r1"}, True),
        (None, PLAIN, {"text": {"verbosity": "low"}}, True),
        (None, CHAT_ONLY, {"tools": [{"type": "web_search_20250305"}], "reasoning": {"summary": "auto"}}, False),
        (None, NOBODY, {}, False),
        (None, NOBODY, {"background": True}, True),
        (None, NOBODY, {"tools": [WEB_SEARCH]}, True),
        (None, NOBODY, {"reasoning": {"summary": "auto"}}, True),
        (False, GPT, {}, False),
        (True, PLAIN, {}, True),
    ],
)
@pytest.mark.parametrize("is_provider", [True, False])
def test_where_a_call_goes(
    choice: bool | None, model: str, parameters: Json, expected: bool, is_provider: bool
) -> None:
    assert uses_responses(choice, model, parameters, AIMLAPI, is_provider=is_provider) is expected


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        *((model, {"reasoning": {"effort": "low"}}) for model in (PLAIN, NOBODY)),
        *((model, {"tools": [CUSTOM]}) for model in (PLAIN, NOBODY)),
        (NOBODY, {"tools": [{"type": "a_tool_of_next_year"}]}),
        ("gpt-5.2-codex", {}),
        ("gpt-5.6-pro", {}),
    ],
)
def test_elsewhere_what_openai_s_endpoint_has_goes_there(model: str, parameters: Json) -> None:
    """At the provider chat completions have it, too, or nobody knows the model."""
    assert uses_responses(None, model, parameters, AIMLAPI) is True
    assert uses_responses(None, model, parameters, AIMLAPI, is_provider=True) is False


def test_words_of_chat_completions_stay_there() -> None:
    for reasoning in ({"max_tokens": 100}, {"effort": "low", "exclude": True}, {"enabled": False}, {}):
        assert uses_responses(None, NOBODY, {"reasoning": reasoning}, AIMLAPI) is False
    kimi = {"type": "builtin_function", "function": {"name": "$web_search"}}
    glm = {"type": "web_search", "web_search": {"enable": True}}
    claude = {"type": "web_search_20250305", "name": "web_search"}
    gateway = {"type": "openrouter:advisor", "model": "x"}
    for tool, is_provider in itertools.product((kimi, glm, claude, gateway), (False, True)):
        assert uses_responses(None, NOBODY, {"tools": [tool]}, AIMLAPI, is_provider=is_provider) is False


def test_a_gateway_s_name_of_a_codex_model_stays_under_chat_completions() -> None:
    assert uses_responses(None, "openai/gpt-5.1-codex-mini", {}, AIMLAPI) is False


def test_a_proxy_of_yours_may_serve_what_the_provider_does_not() -> None:
    assert uses_responses(True, CHAT_ONLY, {}, AIMLAPI) is True


def test_who_wants_items_goes_where_they_are() -> None:
    wanted = {model: uses_responses(None, model, {}, AIMLAPI, wants_items=True) for model in (PLAIN, NOBODY, CHAT_ONLY)}
    assert wanted == {PLAIN: True, NOBODY: True, CHAT_ONLY: False}


def test_a_model_nobody_knows_goes_there_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())
    client = Client(api_key="k", base_url="http://127.0.0.1:9/v1")
    tools = {"tools": [WEB_SEARCH]}
    with pytest.warns(
        UnlistedParameterWarning, match=f"{NOBODY} is not known to be served under /v1/responses"
    ) as seen:
        paths = [client.request(NOBODY, HI, parameters=tools).path for _ in range(2)]
    assert paths == ["/responses", "/responses"] and len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert client.request(PLAIN, HI, parameters=tools).path == "/responses"  # is known
        assert client.request("nobody/2", HI, parameters=tools, use_responses_api=True).path == "/responses"  # is said


def test_an_endpoint_that_is_not_there_is_named_with_the_host_and_the_model() -> None:
    with pytest.raises(InvalidRequestError, match=r"PowerTokens serves glm-4\.7-flash under chat completions only"):
        uses_responses(True, "glm-4.7-flash", {}, POWERTOKENS)
    client = Client(api_key="k", base_url=AIMLAPI.base_url)
    with pytest.raises(InvalidRequestError, match=r"AI/ML API serves anthropic/claude-sonnet-4\.5 under chat"):
        client.request("anthropic/claude-sonnet-4.5", HI, use_responses_api=True)


@pytest.mark.parametrize(("model", "keeps"), [("openai/gpt-5-pro", True), ("x-ai/grok-4-fast-reasoning", False)])
def test_items_of_another_family_go_back_without_their_ids(model: str, keeps: bool) -> None:
    """Their provider kept them, and this one does not know the ids."""
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Ho"}]}
    reply = {"role": "assistant", "content": "Ho", "output_items": [item], "output_model": model, "output_stored": True}
    body = orjson.loads(responses_request("openai/gpt-5-pro", [*HI, reply, *HI], parameters={"store": True}).body)
    assert body["input"][1] == (item if keeps else {"role": "assistant", "content": "Ho"})
