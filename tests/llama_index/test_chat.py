"""What the eight forms give, from the same script."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    ImageBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from aimlapi_transport.errors import AuthenticationError, IncompleteStreamError, RateLimitError
from llama_index_aimlapi._messages import to_wire
from tests.llama_index.host import DONE, USAGE, Host, call, chunk, gathered, last, piece, whole

CHATS = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETES = ("complete", "acomplete", "stream_complete", "astream_complete")
HELLO = [ChatMessage("Hello")]

EXTRA = {"google": {"thought_signature": "sig"}}
WHOLE = whole(
    "It is 3.",
    "tool_calls",
    reasoning="Let me add",
    reasoning_details=[{"type": "reasoning.encrypted", "data": "abc", "index": 0}],
    tool_calls=[call("add", '{"a": 1, "b": 2}', extra_content=EXTRA), call("stop", "", "call_2")],
)
STREAM = [
    chunk(role="assistant", content=None, reasoning="Let me "),
    chunk(reasoning="add", reasoning_details=[{"type": "reasoning.encrypted", "data": "abc", "index": 0}]),
    chunk(content="It is"),
    chunk(content=" 3."),
    chunk(tool_calls=[piece("", "add", id="call_1", extra_content=EXTRA)]),
    chunk(tool_calls=[piece('{"a": 1')]),
    chunk(tool_calls=[piece(', "b": 2}'), piece("", "stop", 1, id="call_2")]),
    chunk("tool_calls"),
    last(),
    DONE,
]
HEADERS = {"x-inference-id": "inf-1", "x-aimlapi-usd-spent": "0.25", "x-aimlapi-credits-used": "500000"}
FACTS = {
    "finish_reason": "tool_calls",
    "native_finish_reason": "tool_calls",
    "prompt_tokens": 9,
    "completion_tokens": 7,
    "total_tokens": 16,
    "cached_tokens": 4,
    "reasoning_tokens": 3,
    "cost_usd": 0.25,
    "credits_used": 500000,
    "id": "c1",
    "model": "served",
    "inference_id": "inf-1",
}
MESSAGE = ChatMessage(
    role=MessageRole.ASSISTANT,
    blocks=[
        ThinkingBlock(
            content="Let me add",
            num_tokens=3,
            additional_information={"reasoning_details": [{"type": "reasoning.encrypted", "data": "abc", "index": 0}]},
        ),
        TextBlock(text="It is 3."),
        ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs={"a": 1, "b": 2}),
        ToolCallBlock(tool_call_id="call_2", tool_name="stop", tool_kwargs={}),
    ],
    additional_kwargs={
        "tool_calls": [call("add", '{"a": 1, "b": 2}', extra_content=EXTRA), call("stop", "", "call_2")]
    },
)


@pytest.mark.parametrize("form", CHATS)
async def test_the_raw_reply_is_a_dict_and_reads_as_an_sdks_object(form: str) -> None:
    stream = [chunk(content="Hi"), chunk("stop"), last(), DONE]
    responses = await gathered(form, Host([stream if "stream" in form else whole("Hi")]).llm(), [ChatMessage("Hello")])
    raw = responses[-1].raw
    assert (raw.usage.total_tokens, raw["usage"]) == (USAGE["total_tokens"], USAGE)
    assert (raw.system_fingerprint, raw.get("system_fingerprint"), hasattr(raw, "model_dump")) == (None, None, False)
    first = responses[0].raw.choices[0]
    assert (first.delta if "stream" in form else first.message).content == "Hi"
    assert [raw.choices[0].message.content, raw.choices[0].delta.content] == ["Hi", None]
    for copied in (copy.deepcopy(raw), pickle.loads(pickle.dumps(raw)), json.loads(json.dumps(raw))):
        assert copied == raw
    assert ChatResponse.model_validate_json(responses[-1].model_dump_json()).raw == raw


@pytest.mark.parametrize("form", COMPLETES)
async def test_a_prompt_is_given_once(form: str) -> None:
    host = Host([whole()])
    llm = host.llm()
    for given, named, problem in (((), {}, ValueError), (("Hi",), {"prompt": "Hi"}, TypeError)):
        with pytest.raises(problem):
            asked = getattr(llm, form)(*given, **named)
            if form.startswith("a"):
                await asked
    assert host.requests == []


@pytest.mark.parametrize("form", CHATS)
async def test_whole_stream_sync_and_async_give_the_same_answer(form: str) -> None:
    """Law 4, on everything an answer can hold; built objects equal validated ones."""
    host = Host([STREAM if "stream" in form else WHOLE], HEADERS)
    response = (await gathered(form, host.llm(), HELLO))[-1]
    assert response.message == MESSAGE
    assert response.message.model_dump() == MESSAGE.model_dump()
    assert response.additional_kwargs == FACTS
    assert response.raw["usage"] == USAGE
    assert response.raw["choices"][0]["message"]["content"] == "It is 3."
    assert response.delta == ("" if "stream" in form else None)
    assert response.message.additional_kwargs["tool_calls"][0].function.name == "add"


@pytest.mark.parametrize("form", COMPLETES)
async def test_complete_gives_the_text_and_keeps_the_rest(form: str) -> None:
    host = Host([STREAM if "stream" in form else WHOLE], HEADERS)
    responses = await gathered(form, host.llm(), "Hello")
    calls = MESSAGE.additional_kwargs["tool_calls"]
    assert responses[-1] == CompletionResponse(
        text="It is 3.",
        additional_kwargs={**FACTS, "tool_calls": calls, "reasoning_content": "Let me add"},
        raw=responses[-1].raw,
        delta="" if "stream" in form else None,
    )
    if "stream" in form:
        assert "".join(response.delta for response in responses) == "It is 3."
    assert host.bodies[0]["messages"] == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("form", ("stream_chat", "astream_chat"))
async def test_every_piece_is_a_snapshot_of_its_own(form: str) -> None:
    """No response changes after it was given; deltas and thinking deltas join to the whole."""
    snapshots, dumps = [], []
    llm = Host([STREAM]).llm()
    given = llm.stream_chat(HELLO) if form == "stream_chat" else await llm.astream_chat(HELLO)
    if form == "stream_chat":
        for response in given:
            snapshots.append(response)
            dumps.append(response.model_dump_json())
    else:
        async for response in given:
            snapshots.append(response)
            dumps.append(response.model_dump_json())
    assert [response.model_dump_json() for response in snapshots] == dumps
    assert [response.message.content for response in snapshots] == [
        None, None, "It is", *["It is 3."] * 5,
    ]  # fmt: skip
    assert [response.delta for response in snapshots] == ["", "", "It is", " 3.", "", "", "", ""]
    assert [response.additional_kwargs.get("thinking_delta") for response in snapshots] == [
        "Let me ", "add", None, None, None, None, None, None,
    ]  # fmt: skip
    thoughts = [response.message.blocks[0].content for response in snapshots]
    assert thoughts == ["Let me ", *["Let me add"] * 7]
    arguments = [[c.function.arguments for c in r.message.additional_kwargs.get("tool_calls", ())] for r in snapshots]
    assert arguments[4:] == [[""], ['{"a": 1'], ['{"a": 1, "b": 2}', ""], ['{"a": 1, "b": 2}', ""]]


@pytest.mark.parametrize("form", (*CHATS, *COMPLETES))
async def test_a_plain_call_sends_the_model_the_messages_and_nothing_else(form: str) -> None:
    host = Host([[chunk("stop", content="Hi"), DONE] if "stream" in form else whole()])
    await gathered(form, host.llm(stream_usage=False), HELLO if "chat" in form else "Hello")
    expected: dict[str, Any] = {"model": "some/model", "messages": [{"role": "user", "content": "Hello"}]}
    assert host.bodies == [{**expected, "stream": True} if "stream" in form else expected]


async def test_streams_ask_for_their_counts_unless_told_otherwise() -> None:
    """What the framework adds gives way to the user, and to a model whose documents do not list it."""
    host = Host([[chunk("stop", content="Hi"), DONE]])
    list(host.llm().stream_chat(HELLO))
    list(host.llm().stream_chat(HELLO, stream_options={"include_usage": False}))
    list(host.llm("anthropic/claude-opus-4-6").stream_chat(HELLO))
    assert [body.get("stream_options") for body in host.bodies] == [
        {"include_usage": True},
        {"include_usage": False},
        None,
    ]


@pytest.mark.parametrize("form", CHATS)
async def test_a_reasoning_only_answer_is_not_an_empty_one(form: str) -> None:
    events = [chunk(reasoning_content="Hmm"), chunk("stop"), DONE]
    host = Host([events if "stream" in form else whole("", reasoning_content="Hmm", usage=None)])
    response = (await gathered(form, host.llm(), HELLO))[-1]
    assert response.message.blocks == [ThinkingBlock(content="Hmm")]
    assert response.raw["choices"][0]["message"]["reasoning_content"] == "Hmm"


@pytest.mark.parametrize("form", CHATS)
async def test_inline_reasoning_does_not_leak_into_the_content(form: str) -> None:
    events = [chunk(content="<thi"), chunk(content="nk>Hmm</think>\n\nHi"), chunk("stop"), DONE]
    host = Host([events if "stream" in form else whole("<think>Hmm</think>\n\nHi", usage=None)])
    response = (await gathered(form, host.llm("minimax/m2"), HELLO))[-1]
    assert response.message.blocks == [ThinkingBlock(content="Hmm"), TextBlock(text="Hi")]


@pytest.mark.parametrize("form", CHATS)
async def test_a_refusal_is_read(form: str) -> None:
    events = [chunk(refusal="I "), chunk(refusal="won't"), chunk("stop"), DONE]
    host = Host([events if "stream" in form else whole(None, refusal="I won't")])
    responses = await gathered(form, host.llm(), HELLO)
    assert responses[-1].message.additional_kwargs == {"refusal": "I won't"}
    assert responses[-1].additional_kwargs["refusal"] == "I won't"


@pytest.mark.parametrize("form", CHATS)
async def test_log_probabilities_keep_the_chosen_token_and_its_alternatives(form: str) -> None:
    token = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    other = {
        "token": "!",
        "logprob": -1.0,
        "bytes": [33],
        "top_logprobs": [{"token": "?", "logprob": -2, "bytes": [63]}],
    }
    events: list[Any] = [chunk(content="Hi"), chunk("stop", content="!"), DONE]
    for event, given in zip(events[:2], (token, other), strict=True):
        event["choices"][0]["logprobs"] = {"content": [given]}
    reply = whole("Hi!")
    reply["choices"][0]["logprobs"] = {"content": [token, other]}
    responses = await gathered(form, Host([events if "stream" in form else reply]).llm(), HELLO, logprobs=True)
    assert responses[-1].logprobs == [
        [LogProb(token="Hi", logprob=-0.5, bytes=[])],
        [LogProb(token="!", logprob=-1.0, bytes=[33]), LogProb(token="?", logprob=-2.0, bytes=[63])],
    ]
    if "stream" in form:
        assert responses[0].logprobs == responses[-1].logprobs[:1]


async def test_pictures_and_speech_come_as_blocks_and_speech_goes_back_by_its_id() -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    audio = {"id": "audio_1", "data": "UklGRg==", "expires_at": 1, "transcript": "Hello!"}
    host = Host([whole(None, audio=audio, images=[{"type": "image_url", "image_url": {"url": url}}])])
    llm = host.llm()
    message = llm.chat(HELLO).message
    assert [block.block_type for block in message.blocks] == ["audio", "image"]
    assert message.blocks[0].audio == b"UklGRg=="
    assert message.additional_kwargs == {"reference_audio_id": "audio_1", "audio_transcript": "Hello!"}
    assert isinstance(message.blocks[1], ImageBlock)
    llm.chat([*HELLO, message, ChatMessage("Again")])
    assert host.bodies[1]["messages"][1] == {
        "role": "assistant",
        "content": None,
        "images": [{"type": "image_url", "image_url": {"url": url}}],
        "audio": {"id": "audio_1"},
    }


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 3, "completion_tokens": None, "total_tokens": 5}, (3, 2, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 566, "total_tokens": 1521}, (9, 1512, 1521)),
        ({"input_tokens": 4, "output_tokens": 6}, (4, 6, 10)),
        ({"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, (0, 0, 0)),
    ],
)
def test_counts_are_whole_numbers_in_every_place_they_are_read(usage: Any, counts: tuple[int, int, int]) -> None:
    """The token counter of LlamaIndex reads `raw["usage"]` first and adds it up unchecked."""
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    response = Host([whole(usage=usage)]).llm().chat(HELLO)
    assert tuple(response.raw["usage"][name] for name in names) == counts
    assert tuple(response.additional_kwargs[name] for name in names) == counts


def test_a_field_nobody_knows_survives_in_the_raw_reply() -> None:
    reply = {**whole(), "tomorrow": {"a": 1}}
    assert Host([reply]).llm().chat(HELLO).raw == reply


@pytest.mark.parametrize("form", CHATS)
async def test_errors_of_the_transport_pass_through(form: str) -> None:
    refusal = httpx.Response(429, json={"message": "slow down"})
    with pytest.raises(RateLimitError, match="slow down"):
        await gathered(form, Host([refusal]).llm(max_retries=0), HELLO)


@pytest.mark.parametrize("form", ("stream_chat", "astream_chat"))
async def test_an_answer_cut_short_is_an_error(form: str) -> None:
    with pytest.raises(IncompleteStreamError) as caught:
        await gathered(form, Host([[chunk(content="Hel")]]).llm(max_retries=0), HELLO)
    assert caught.value.partial.text == "Hel"


@pytest.mark.parametrize("form", CHATS)
async def test_at_most_max_retries_further_requests_are_sent(form: str) -> None:
    host = Host([httpx.Response(503, headers={"retry-after-ms": "0"}, json={})])
    with pytest.raises(Exception, match="503"):
        await gathered(form, host.llm(max_retries=2), HELLO)
    assert len(host.requests) == 3


@pytest.mark.parametrize("form", CHATS)
async def test_a_missing_key_is_an_error_of_the_first_call(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    host = Host([whole()])
    with pytest.raises(AuthenticationError, match="AIMLAPI_API_KEY or AIML_API_KEY"):
        await gathered(form, host.llm(api_key=None), HELLO)
    assert host.requests == []


async def test_what_a_call_says_wins() -> None:
    """Fields, then additional_kwargs, then the call; headers and extra bodies join key by key."""
    host = Host([whole()])
    llm = host.llm(
        temperature=0.1,
        max_tokens=5,
        additional_kwargs={"temperature": 0.2, "seed": 1, "top_p": 0.5},
        extra_body={"a": 1, "b": 1},
        default_headers={"x-a": "1", "x-b": "1"},
    )
    llm.chat(
        HELLO,
        max_completion_tokens=9,
        seed=2,
        top_p=None,
        extra_body={"b": 2},
        extra_headers={"x-b": "2"},
        extra_query={"q": "1"},
        client_request_id="mine",
        timeout=3.0,
    )
    request = host.requests[0]
    assert host.bodies[0] == {
        "model": "some/model",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_completion_tokens": 9,
        "seed": 2,
        "temperature": 0.2,
        "a": 1,
        "b": 2,
    }
    assert [request.headers[name] for name in ("x-a", "x-b", "x-client-request-id")] == ["1", "2", "mine"]
    assert request.url.query == b"q=1"
    assert request.extensions["timeout"]["read"] == 3.0


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ({"max_tokens": 1}, {"max_completion_tokens": 2}),
        ({"max_completion_tokens": 1}, {"max_tokens": 2}),
        ({"stop_sequences": ["a"]}, {"stop": ["b"]}),
        ({"max_completion_tokens": 1}, {"max_tokens": None}),
    ],
)
def test_a_setting_under_its_other_name_replaces_the_first(below: dict[str, Any], above: dict[str, Any]) -> None:
    host = Host([whole()])
    host.llm(additional_kwargs=below).chat(HELLO, **above)
    sent = {name: value for name, value in host.bodies[0].items() if name not in ("model", "messages")}
    assert sent == {name: value for name, value in above.items() if value is not None}


def test_what_belongs_to_streams_is_not_sent_with_a_whole_call() -> None:
    host = Host([whole()])
    host.llm(additional_kwargs={"stream_options": {"include_usage": True}}).chat(HELLO)
    assert "stream_options" not in host.bodies[0]


async def test_two_streams_of_one_llm_do_not_mix() -> None:
    host = Host([[chunk(content="a"), chunk("stop", content="b"), DONE], [chunk(content="x"), chunk("stop"), DONE]])
    llm = host.llm()
    one, other = llm.stream_chat(HELLO), llm.stream_chat(HELLO)
    given = [next(one), next(other), next(one), next(other)]
    assert [response.message.content for response in given] == ["a", "x", "ab", "x"]
    one.close()
    other.close()


def test_only_the_first_of_several_choices_is_the_answer() -> None:
    reply = whole("first")
    reply["choices"].append({"index": 1, "message": {"content": "second"}, "finish_reason": "stop"})
    events = [chunk(content="fir"), chunk("stop", content="st"), DONE]
    second = json.loads(json.dumps(events[0]))
    second["choices"][0] |= {"index": 1, "delta": {"content": "second"}, "finish_reason": "stop"}
    host = Host([reply, [events[0], second, *events[1:]]])
    llm = host.llm()
    whole_answer, streamed = llm.chat(HELLO, n=2), list(llm.stream_chat(HELLO, n=2))
    assert whole_answer.message == streamed[-1].message == ChatMessage("first", role="assistant")
    assert "".join(response.delta or "" for response in streamed) == "first"
    assert len(whole_answer.raw["choices"]) == len(streamed[-1].raw["choices"]) == 2


def test_the_first_choice_is_the_answer_of_a_stream_whoever_speaks_first() -> None:
    def event(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
        return {"id": "c", "choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}

    host = Host([[event(1, "B"), event(0, "A"), event(1, "b", "stop"), event(0, "a", "stop")]])
    assert list(host.llm().stream_chat(HELLO))[-1].message.content == "Aa"


def test_an_unlisted_parameter_warns_and_is_sent() -> None:
    host = Host([whole()])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        host.llm("openai/gpt-4o").chat(HELLO, no_such_parameter=1)
    assert [w for w in caught if "no_such_parameter" in str(w.message)]
    assert host.bodies[0]["no_such_parameter"] == 1


PAGES: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str, str, dict[str, int]]]]] = [
    (
        {"annotations": [{"type": "url_citation", "url_citation": {"url": "u", "start_index": 1, "end_index": 3}}]},
        {"citations": ["v"]},
        [("u", "u", "nk", {"citation_index": 0, "start_index": 1, "end_index": 3})],
    ),
    (
        {},
        {"search_results": [{"url": "u", "title": "T", "snippet": "S"}, {"url": "w"}], "citations": ["u", "w"]},
        [("u", "T", "S", {"citation_index": 0}), ("w", "w", "", {"citation_index": 1})],
    ),
    ({}, {"citations": ["u"]}, [("u", "u", "", {"citation_index": 0})]),
    ({"annotations": ["odd", {"url_citation": 3}]}, {"citations": "odd"}, []),
]


@pytest.mark.parametrize(("fields", "beside", "blocks"), PAGES)
@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_citations_of_a_reply_are_blocks_and_do_not_go_back_as_text(
    form: str, fields: dict[str, Any], beside: dict[str, Any], blocks: list[Any]
) -> None:
    events = [chunk(content="Ink.", **fields), {**chunk("stop"), **beside}, DONE]
    host = Host([events if "stream" in form else {**whole("Ink.", **fields), **beside}])
    message = (await gathered(form, host.llm(), [ChatMessage("Hi")]))[-1].message
    found = [b for b in message.blocks if isinstance(b, CitationBlock)]
    told = [(b.source, b.title, b.cited_content.text, b.additional_location_info) for b in found]  # type: ignore[union-attr]  # text is all we make
    assert told == blocks
    assert to_wire([message]) == [{"role": "assistant", "content": "Ink."}]


async def test_counts_that_come_with_every_piece_are_whole_numbers() -> None:
    running = {"prompt_tokens": 9, "completion_tokens": None}
    events = [{**chunk(content="a"), "usage": running}, {**chunk("stop"), "usage": None}, last(), DONE]
    first = (await gathered("stream_chat", Host([events]).llm(), [ChatMessage("Hi")]))[0]
    assert first.raw["usage"] == {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}


@pytest.mark.parametrize("form", CHATS)
async def test_a_reply_in_parts_keeps_its_pictures_films_and_files(form: str) -> None:
    parts = [
        {"type": "thinking", "thinking": "Hm"},
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}},
        {"type": "video_url", "video_url": {"url": "https://a.example/v.mp4"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="}},
        {"type": "odd", "odd": 1},
    ]
    events = [*(chunk(content=[part]) for part in parts), chunk("stop"), last(), DONE]
    host = Host([events if "stream" in form else whole(parts)])  # type: ignore[arg-type]  # some vendors send parts
    message = (await gathered(form, host.llm(), HELLO))[-1].message
    kinds = ["thinking", "text", "image", "video", "audio", "document"]
    assert [block.block_type for block in message.blocks] == kinds
    (sent,) = to_wire([message])
    assert sent["images"] == [parts[2]]
    assert sent["content"] == [parts[1], parts[3], parts[4], parts[5]]
