"""Pictures, sound, film, words and pages on the inspector's page; foreign hosts are asked by a click alone."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from aimlapi_transport import Client
from tests.browser.browser import chromium
from tests.browser.test_page import browser
from tests.llama_index.conformance.server import Reply, Server

expect = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it").expect
pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium: make test-browser says how")
__all__ = ["browser"]  # the fixture
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "compare.png"
TALK = {
    "text": "Good morning. Where does the ferry leave?",
    "utterances": [
        {"start": 0.2, "end": 1.4, "speaker": "A", "text": "Good morning."},
        {"start": 71.5, "end": 74.0, "speaker": "B", "text": "Where does the ferry leave? <b>There</b>"},
    ],
}
PAGES = {"pages": [{"index": 0, "markdown": "# Invoice\n\n| what | USD |\n|---|---|\n| tea | 3 |"}, {"index": 1, "markdown": "![x](https://cdn.example/evil.png) <img src=x onerror=\"document.title='taken'\">"}]}  # fmt: skip


@pytest.fixture(
    params=[("light", 1280), ("dark", 1280), ("light", 420), ("dark", 420)], ids=lambda one: f"{one[0]}-{one[1]}"
)
def page(browser: Any, request: Any) -> Iterator[Any]:
    """A page on which an error fails the test, and a host that is none of this machine."""
    scheme, width = request.param
    opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    wrong: list[str] = []
    asked: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda one: asked.append(one.url))
    opened.on(
        "console", lambda one: wrong.append(one.text) if one.type == "error" and "cdn.example" not in one.text else None
    )
    opened.asked = asked
    opened.named = f"{scheme}-{width}"
    yield opened
    opened.close()
    assert wrong == []


def looked_at(page: Any, name: str) -> None:
    """A picture of the page for a person, in the folder $SCREENSHOTS."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{page.named}.png", full_page=True)


def chosen(page: Any, server: EmulatorServer, number: int) -> None:
    page.goto(f"{server.inspector_url}?id={number}")
    page.wait_for_selector(".message")


def is_within(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_media_are_shown_and_played(page: Any, tmp_path: Path) -> None:
    with (
        emulator(inspect=True) as server,
        Client(base_url=server.base_url, api_key="sk-browser-0123456789", sleep=lambda _: None) as client,
    ):
        client.edit_image("openai/gpt-image-1", "Give it a hat", PICTURE)
        [sound] = client.save(client.speech("openai/tts-1", "The ferry leaves at nine from the second pier."), tmp_path)
        client.transcribe("nova-3", sound)
        client.video("google/veo3", "A cat runs", duration=4)
        rows = httpx.get(f"{server.inspector_url}/exchanges").json()["rows"]
        number = {row["endpoint"]: row["id"] for row in reversed(rows)}
        chosen(page, server, number["image"])
        expect(page.locator(".media img")).to_have_count(2)
        for place in (0, 1):
            picture = page.locator(".media img").nth(place)
            picture.scroll_into_view_if_needed()
            page.wait_for_function("one => one.complete && one.naturalWidth > 0", arg=picture.element_handle())
        assert "$" in page.inner_text(".message:last-of-type .role")
        assert is_within(page)
        looked_at(page, "edit")
        chosen(page, server, number["speech"])
        page.wait_for_function("document.querySelector('.media audio').duration > 0.5")
        chosen(page, server, number["video"])
        page.wait_for_function("document.querySelector('.media video').duration > 1")
        assert is_within(page)
        looked_at(page, "film")
        chosen(page, server, number["transcript"])
        expect(page.locator(".transcript tbody tr").first).to_be_visible()
        page.goto(server.inspector_url)
        page.wait_for_selector(".row")
        kinds = {text for text in page.locator(".row .chip").all_inner_texts() if "turns" not in text}
        assert kinds >= {"image", "speech", "transcript", "video"}
        looked_at(page, "list")
        assert {httpx.URL(url).host for url in page.asked if url.startswith("http")} == {"127.0.0.1"}
        page.goto("about:blank")  # before the server goes


def test_words_and_pages(page: Any) -> None:
    with Server() as upstream:
        upstream.play(Reply(200, TALK), Reply(200, PAGES))
        with emulator(upstream=upstream.base_url, inspect=True) as server:
            httpx.post(f"{server.base_url}/stt/create", json={"model": "m", "url": "https://cdn.example/talk.mp3"})
            httpx.post(f"{server.base_url}/ocr", json={"model": "m", "document": "https://cdn.example/a.pdf"})
            chosen(page, server, 1)
            rows = page.locator(".transcript tbody tr")
            expect(rows).to_have_count(2)
            assert rows.nth(1).inner_text().split("\t")[:2] == ["1:11.5–1:14.0", "B"]
            assert "<b>There</b>" in rows.nth(1).inner_text()
            looked_at(page, "transcript")
            chosen(page, server, 2)
            expect(page.locator(".page")).to_have_count(2)
            assert page.locator(".page table td").first.inner_text() == "tea" and page.title() == "Inspector"
            assert page.locator(".page img").count() == 0 and is_within(page)
            looked_at(page, "pages")
            page.goto("about:blank")
    assert not [url for url in page.asked if "cdn.example" in url]


def test_a_foreign_host_is_asked_by_a_click(page: Any) -> None:
    picture = base64.b64encode(PICTURE.read_bytes()).decode()
    page.route(
        "https://cdn.example/**", lambda route: route.fulfill(body=base64.b64decode(picture), content_type="image/png")
    )
    reply = {
        "data": [{"url": "https://cdn.example/a.png"}, {"url": "https://cdn.example/b.png?Signature=abcdef0123456789"}]
    }
    with Server() as upstream:
        upstream.play(Reply(200, reply))
        with emulator(upstream=upstream.base_url, inspect=True) as server:
            httpx.post(f"{server.base_url}/images/generations", json={"model": "m", "prompt": "A cat"})
            chosen(page, server, 1)
            button = page.locator("button.load")
            expect(button).to_have_text(["Show it from cdn.example"])  # the other has a signature, which is not kept
            assert "its signature is not kept" in page.inner_text("#detail")
            assert not [url for url in page.asked if "cdn.example" in url]
            button.click()
            frame = page.frame_locator(".media iframe")
            expect(frame.locator("img")).to_be_visible()
            assert [url for url in page.asked if "cdn.example" in url] == ["https://cdn.example/a.png"]
            assert page.locator(".media iframe").get_attribute("sandbox") == ""
            assert is_within(page)
            looked_at(page, "foreign")
            page.goto("about:blank")
