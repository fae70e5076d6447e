"""Content blocks that go back to a model: sound, arguments to the letter, thoughts."""

from __future__ import annotations

import base64

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from tests.langchain.answers import DETAILS
from tests.langchain.host import Host, added, call, chunks, whole


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\xff\xff\xff\xff", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90", "audio/mpeg"),
        (b"fLaC\x00", "audio/flac"),
        (b"OggS\x00", "audio/ogg"),
        (b"\xff\xff\xfe\xff", "audio/pcm"),
    ],
)
def test_the_kind_of_a_sound_is_read_from_its_beginning(data: bytes, kind: str) -> None:
    audio = {"id": "audio_1", "data": base64.b64encode(data).decode()}
    (block,) = Host(whole({"content": None, "audio": audio})).model().invoke("Hi").content_blocks
    assert block.get("mime_type") == kind


def test_sound_of_another_model_goes_back_as_its_words_or_as_sound() -> None:
    """An id is the provider's own: LangChain's are not sent."""
    for block, expected in (
        ({"extras": {"transcript": "hi"}}, {"content": "hi"}),
        ({"id": "audio_1", "extras": {"transcript": "hi"}}, {"content": "", "audio": {"id": "audio_1"}}),
        ({"id": "lc_1"}, {"content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}),
    ):
        host = Host(whole({"content": "ok"}))
        sound = {"type": "audio", "base64": "AA==", "mime_type": "audio/wav", **block}
        host.model().invoke(["Hi", AIMessage([sound]), "And?"])
        assert host.bodies[0]["messages"][1] == {"role": "assistant", **expected}


@pytest.mark.parametrize("streamed", [False, True])
def test_arguments_go_back_to_the_letter_until_they_are_edited(streamed: bool) -> None:
    """A provider's cache of the conversation fits the same text only."""
    written = '{"city":"Oslo",  "n":1.0}'
    one = call(0 if streamed else None, "a", "weather", written)
    host = Host(chunks([{"tool_calls": [one]}]) if streamed else whole({"tool_calls": [one]}), whole({"content": "ok"}))
    reply = added(host.model().stream("Hi")) if streamed else host.model().invoke("Hi")
    sent = []
    for args in (reply.tool_calls[0]["args"], {"city": "Rome", "n": 1.0}):
        edited = reply.model_copy(update={"tool_calls": [{**reply.tool_calls[0], "args": args}]})
        host.model().invoke(["Hi", edited, ToolMessage("sun", tool_call_id="a")])
        sent.append(host.bodies[-1]["messages"][1]["tool_calls"][0]["function"]["arguments"])
    assert sent == [written, '{"city": "Rome", "n": 1.0}']


def test_a_reply_of_thoughts_goes_back_in_the_familys_carrier() -> None:
    """From v1 blocks alone: MiniMax wants its tags back, others their details or their text."""
    thought = {"type": "reasoning", "reasoning": "why"}
    signed = {**thought, "extras": {"reasoning_details": DETAILS}}
    anthropic = {**thought, "extras": {"signature": "S"}}
    responses = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "why"}]}
    detail = {"type": "reasoning.text", "text": "why", "signature": "S", "format": "anthropic-claude-v1", "index": 0}
    text = {"type": "text", "text": "x"}
    for model, block, expected in (
        ("minimax/m2-5-20260218", thought, {"content": "<think>\nwhy\n</think>\n\nx"}),
        ("deepseek/deepseek-v4-pro", thought, {"content": "x", "reasoning_content": "why"}),
        ("some/model", signed, {"content": "x", "reasoning": "why", "reasoning_details": DETAILS}),
        ("anthropic/claude-opus-4.1", anthropic, {"content": "x", "reasoning": "why", "reasoning_details": [detail]}),
        ("some/model", responses, {"content": "x", "reasoning_content": "why"}),
    ):
        host = Host(whole({"content": "ok"}))
        host.model(model=model, replay_reasoning=True).invoke(["Hi", AIMessage([block, text]), "And?"])
        assert host.bodies[0]["messages"][1] == {"role": "assistant", **expected}


def test_a_tag_at_the_start_is_a_reasoning_block_of_any_model_unless_switched_off() -> None:
    text = '<think>\nwhy\n</think>\n\n{"name": "Ada"}'
    host = Host(whole({"content": text}), chunks([{"content": sign} for sign in text]))
    model, off = host.model(), host.model(parse_think=False)
    for message in (model.invoke("Hi"), added(model.stream("Hi"))):
        kinds = [(block["type"], block.get("reasoning") or block.get("text")) for block in message.content_blocks]
        assert kinds == [("reasoning", "why"), ("text", '{"name": "Ada"}')]
    for message in (off.invoke("Hi"), model.invoke("Hi", parse_think=False), added(off.stream("Hi"))):
        assert (message.text, message.additional_kwargs) == (text, {})
    assert not any("parse_think" in body for body in host.bodies)
    for method in ("json_schema", "json_mode", "function_calling"):
        schema = {"title": "person", "type": "object", "properties": {"name": {"type": "string"}}}
        answers = model.with_structured_output(schema, method=method)
        assert answers.invoke("Hi") == {"name": "Ada"}
        assert list(answers.stream("Hi"))[-1] == {"name": "Ada"}
