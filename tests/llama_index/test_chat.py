"""What the eight forms give, from the same script."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    ImageBlock,
    LogProb,
    TextBlock,
    ThinkingBlock,
)

from llama_index_aimlapi._messages import to_wire
from tests.llama_index.answers import CHATS, COMPLETES, FACTS, HEADERS, HELLO, MESSAGE, STREAM, WHOLE
from tests.llama_index.host import DONE, USAGE, Host, chunk, gathered, last, whole


@pytest.mark.parametrize("form", CHATS)
async def test_the_raw_reply_is_a_dict_and_reads_as_an_sdks_object(form: str) -> None:
    stream = [chunk(content="Hi"), chunk("stop"), last(), DONE]
    responses = await gathered(form, Host([stream if "stream" in form else whole("Hi")]).llm(), [ChatMessage("Hello")])
    raw = responses[-1].raw
    assert (raw.usage.total_tokens, raw["usage"]) == (USAGE["total_tokens"], USAGE)
    first = responses[0].raw.choices[0]
    assert (first.delta if "stream" in form else first.message).content == "Hi"
    assert raw.choices[0].message.content == "Hi"
    for reply in (raw, first, raw.choices[0], raw.usage):  # what it has not is not there
        names = {*reply, "system_fingerprint", "delta", "message", "usage", "model_dump"}
        assert {name: hasattr(reply, name) for name in names} == {name: name in reply for name in names}
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
