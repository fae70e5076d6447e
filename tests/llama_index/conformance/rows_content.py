"""Rows 38 to 45 and 63 to 67 of the feature table: content, models, weight."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64encode
from importlib import metadata
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    VideoBlock,
)

from .answers import Answer, text
from .integration import CHAT_FORMS, TEXT_FORMS, Integration, ask, calls, dumped, needs, prompt_for, user
from .server import Server

PIXELS, SOUND, FILM, PAGES = b"\x89PNG-pixels", b"RIFF-sound", b"ftyp-film", b"%PDF-pages"


def url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


class ContentRows(Integration):
    """What a message may hold, there and back."""

    def _sent(self, server: Server, form: str, *blocks: Any, role: MessageRole = MessageRole.USER) -> dict[str, Any]:
        """The message of these blocks as it travels."""
        server.play(text())
        history = [ChatMessage(role=role, blocks=list(blocks))]
        before = [message.model_dump_json() for message in history]
        ask(self.llm(server), form, history if role == MessageRole.USER else [user("Hi"), *history, user("And?")])
        assert [message.model_dump_json() for message in history] == before
        sent: dict[str, Any] = server.bodies[0]["messages"][0 if role == MessageRole.USER else 1]
        return sent

    @needs("image")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_38_images(self, server: Server, form: str) -> None:
        blocks = [
            TextBlock(text="Look"),
            ImageBlock(url="https://example.com/a.png", detail="low"),
            ImageBlock(image=PIXELS, image_mimetype="image/png"),
        ]
        parts = self._sent(server, form, *blocks)["content"]
        assert [part["type"] for part in parts] == ["text", "image_url", "image_url"]
        assert [part["image_url"]["url"] for part in parts[1:]] == [
            "https://example.com/a.png",
            url("image/png", PIXELS),
        ]
        assert parts[1]["image_url"]["detail"] == "low"

    @needs("audio")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_39_audio(self, server: Server, form: str) -> None:
        parts = self._sent(server, form, TextBlock(text="Listen"), AudioBlock(audio=SOUND, format="wav"))["content"]
        assert parts[1] == {"type": "input_audio", "input_audio": {"data": b64encode(SOUND).decode(), "format": "wav"}}

    @needs("document")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_40_documents(self, server: Server, form: str) -> None:
        block = DocumentBlock(data=PAGES, title="a.pdf", document_mimetype="application/pdf")
        parts = self._sent(server, form, TextBlock(text="Read"), block)["content"]
        assert parts[1] == {"type": "file", "file": {"file_data": url("application/pdf", PAGES), "filename": "a.pdf"}}

    @needs("video")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_41_videos(self, server: Server, form: str) -> None:
        blocks = [VideoBlock(url="https://example.com/a.mp4"), VideoBlock(video=FILM, video_mimetype="video/mp4")]
        parts = self._sent(server, form, TextBlock(text="Watch"), *blocks)["content"]
        assert [part["type"] for part in parts[1:]] == ["video_url", "video_url"]
        assert [part["video_url"]["url"] for part in parts[1:]] == ["https://example.com/a.mp4", url("video/mp4", FILM)]

    @needs("cache_points")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_42_a_cache_point_marks_the_block_before_it(self, server: Server, form: str) -> None:
        blocks = [TextBlock(text="Long"), CachePoint(cache_control={"type": "ephemeral"}), TextBlock(text="Short")]
        parts = self._sent(server, form, *blocks)["content"]
        assert [part["text"] for part in parts] == ["Long", "Short"]
        assert parts[0]["cache_control"]["type"] == "ephemeral"
        assert "cache_control" not in parts[1]

    @needs("citations")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_43_citations_and_sources_are_sent_as_text(self, server: Server, form: str) -> None:
        source = CitableBlock(title="Atlas", source="p. 7", content=[TextBlock(text="The moon is far.")])
        assert "The moon is far." in dumped(self._sent(server, form, TextBlock(text="Where?"), source)["content"])
        cited = CitationBlock(
            cited_content=TextBlock(text="The moon is far."), source="p. 7", title="Atlas", additional_location_info={}
        )
        sent = self._sent(server, form, TextBlock(text="Far:"), cited, role=MessageRole.ASSISTANT)
        assert "The moon is far." in dumped(sent["content"])

    @needs("logprobs")
    @pytest.mark.parametrize("form", (*CHAT_FORMS, *TEXT_FORMS))
    def test_row_44_log_probabilities_of_every_token(self, server: Server, form: str) -> None:
        tokens = [
            {"token": "Hel", "logprob": -0.1, "bytes": [72], "top_logprobs": [{"token": "Hal", "logprob": -2.5}]},
            {"token": "lo", "logprob": -0.2, "bytes": None, "top_logprobs": []},
        ]
        server.play(Answer({"content": "Hello"}, choice={"logprobs": {"content": tokens}}))
        last = ask(self.llm(server, logprobs=True, top_logprobs=1), form, prompt_for(form))[-1]
        told = [[(one.token, one.logprob) for one in alternatives] for alternatives in last.logprobs]
        assert told == [[("Hel", -0.1), ("Hal", -2.5)], [("lo", -0.2)]]
        assert (server.bodies[0]["logprobs"], server.bodies[0]["top_logprobs"]) == (True, 1)

    @needs("content_parts")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_45_a_reply_in_parts_is_text(self, server: Server, form: str) -> None:
        server.play(Answer({"content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "3."}]}))
        assert ask(self.llm(server), form, [user("Hi")])[-1].message.content == "It is 3."

    def test_a_block_that_cannot_be_sent_is_named_before_anything_is_sent(self, server: Server) -> None:
        server.play(text())
        message = user("Hi")
        message.blocks.append(
            CachePoint(cache_control={"type": "ephemeral"}).model_copy(update={"block_type": "cache"})
        )
        message.blocks[-1] = _Foreign()  # type: ignore[call-overload]  # a kind that nobody knows
        with pytest.raises(Exception, match="_Foreign"):
            self.llm(server).chat([message])
        assert server.requests == []


class _Foreign:
    block_type = "foreign"


class ModelRows(Integration):
    """What is known of a model, and what it costs to have the class."""

    @needs("context_windows")
    def test_row_63_context_windows(self, server: Server) -> None:
        assert self.llm(server).metadata.context_window == self.default_context_window
        if self.known_model is not None:
            model, window = self.known_model
            assert self.llm(server, model=model).metadata.context_window == window

    @needs("chat_by_default")
    @pytest.mark.parametrize("form", TEXT_FORMS)
    def test_row_64_a_model_nobody_knows_chats_and_takes_tools(self, server: Server, form: str) -> None:
        llm = self.llm(server)
        assert (llm.metadata.is_chat_model, llm.metadata.is_function_calling_model) == (True, True)
        server.play(text("It is 3."))
        assert ask(llm, form, "Hi")[-1].text == "It is 3."
        (request,) = server.requests
        assert request.path.endswith("/chat/completions")
        assert request.body["messages"] == [{"role": "user", "content": "Hi"}]

    @needs("light")
    def test_row_66_importing_the_class_does_nothing(self) -> None:
        """No connection, and none of the heavy packages others bring."""
        heavy = ("torch", "transformers", "tensorflow", "litellm", "openai", "anthropic", "pandas")
        program = (
            "import sys, importlib\n"
            "seen = []\n"
            "watched = ('socket.connect', 'socket.getaddrinfo', 'subprocess.Popen')\n"
            "sys.addaudithook(lambda event, _: seen.append(event) if event in watched else None)\n"
            f"importlib.import_module({self.module!r})\n"
            f"print([name for name in {heavy!r} if name in sys.modules], seen)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.strip() == "[] []"

    @needs("light")
    def test_row_67_it_brings_few_packages(self) -> None:
        assert self.distribution is not None
        brought = _required(metadata.requires(self.distribution) or (), self.extra)
        assert "llama-index-core" in brought
        assert brought - {"llama-index-core"} - _below("llama-index-core") <= self.allowed_packages

    def test_it_is_an_llm_by_its_base_class(self, server: Server) -> None:
        llm = self.llm(server)
        assert "BaseLLM" in [base.__name__ for base in type(llm).__mro__]
        assert type(llm).class_name() == llm.to_dict()["class_name"]

    def test_an_answer_without_calls_has_none(self, server: Server) -> None:
        """`tool_calls` is a list or absent: chat engines ask for its length."""
        server.play(text())
        llm = self.llm(server)
        response = llm.chat([user("Hi")])
        assert calls(llm, response) == []
        assert len(response.message.additional_kwargs.get("tool_calls", ())) == 0
        with pytest.raises(ValueError):
            llm.get_tool_calls_from_response(response, error_on_no_tool_call=True)
        json.dumps(response.message.additional_kwargs)


def _required(requirements: Any, extra: str | None = None) -> set[str]:
    """The names of what is required, without markers for other extras."""
    names = set()
    for requirement in requirements:
        name = re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")
        marked = re.search(r"extra\s*==\s*['\"]([^'\"]+)", requirement)
        if marked is None or marked.group(1) == extra:
            names.add(name)
    return names


def _below(distribution: str) -> set[str]:
    """All that a distribution brings, directly or not, as it is installed here."""
    found: set[str] = set()
    queue = [distribution]
    while queue:
        try:
            requirements = metadata.requires(queue.pop()) or ()
        except metadata.PackageNotFoundError:
            continue
        new = _required(requirements) - found
        found |= new
        queue.extend(new)
    return found
