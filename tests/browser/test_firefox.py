"""The page in Firefox: what it shows, that a model's HTML stays text, the address, comparing, and a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from aimlapi_transport import Client
from tests.browser.firefox import Page, browsing_firefox, firefox
from tests.browser.test_media import PAGES, PICTURE, TALK
from tests.browser.test_tools import HOSTILE, exchange
from tests.browser.traffic import everything
from tests.llama_index.conformance.server import Reply, Server

pytest.importorskip("websockets", reason="make test-browser installs it")
pytestmark = pytest.mark.skipif(firefox() is None, reason="there is no Firefox: apt-get install firefox-esr")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing_firefox() as running:
        yield running


@pytest.fixture
def inspected() -> Iterator[EmulatorServer]:
    with emulator(inspect=True) as server:
        yield server


COUNT = "document.querySelectorAll('{}').length"


def test_what_passes_is_shown(page: Page, inspected: EmulatorServer) -> None:
    page.goto(inspected.inspector_url)
    page.wait("document.querySelector('#live.on')")
    everything(inspected.base_url)
    page.wait(f"{COUNT.format('.row')} === 8")
    page.wait("document.getElementById('calls').textContent === '10'")
    assert page.evaluate(COUNT.format("#chart .failure")) == 1
    page.click("#row-10")
    page.wait("document.querySelector('.call .result')?.textContent === '18 degrees and sunny'")
    assert page.evaluate("location.search") == "?id=10"
    page.evaluate("[...document.querySelectorAll('[role=tab]')].find((one) => one.textContent === 'Time line').click()")
    page.goto(page.evaluate("location.href"))
    page.wait("document.querySelector('svg.line')")
    page.evaluate("history.back()")
    page.wait("document.querySelector('.message')")


def test_html_of_a_model_is_text(page: Page, inspected: EmulatorServer) -> None:
    exchange(inspected, "q", HOSTILE, "one")
    exchange(inspected, "q", "another", "other")
    page.goto(f"{inspected.inspector_url}?id=1&beside=2")
    page.wait(f"{COUNT.format('article')} === 2")
    assert page.evaluate("document.title") == "Inspector"
    assert page.evaluate(COUNT.format("#detail img, #detail script, #detail b")) == 0
    assert page.evaluate("[...document.querySelectorAll('#detail a')].map((one) => new URL(one.href).protocol)") == [
        "https:",
        "https:",
    ]


def test_a_request_is_sent_again(page: Page, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    page.goto(f"{inspected.inspector_url}?id=1&tab=Send+again")
    page.wait("document.querySelector('.editor')")
    page.evaluate(
        "(document.querySelector('.editor').value = document.querySelector('.editor').value.replace('Say 0', 'Say 9'), 1)"
    )
    page.click(".send")
    page.wait("location.search === '?id=11'")
    page.wait("document.querySelector('.message.user .text')?.textContent === 'Say 9'")


def test_a_narrow_screen(page: Page, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    page.resize(420, 800)
    page.goto(inspected.inspector_url)
    page.click("#row-10")
    page.wait("document.querySelector('.message')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert page.evaluate("getComputedStyle(document.getElementById('list')).display") == "none"
    page.click("#back")
    page.wait("getComputedStyle(document.getElementById('list')).display !== 'none'")


@pytest.mark.parametrize("width", [1280, 420])
def test_media_are_shown_and_played(page: Page, inspected: EmulatorServer, tmp_path: Path, width: int) -> None:
    page.resize(width, 800)
    with Client(base_url=inspected.base_url, api_key="sk-browser-0123456789", sleep=lambda _: None) as client:
        client.edit_image("openai/gpt-image-1", "Give it a hat", PICTURE)
        [sound] = client.save(client.speech("openai/tts-1", "The ferry leaves at nine."), tmp_path)
        client.transcribe("nova-3", sound)
        client.video("google/veo3", "A cat runs", duration=4)
    rows = httpx.get(f"{inspected.inspector_url}/exchanges").json()["rows"]
    number = {row["endpoint"]: row["id"] for row in reversed(rows)}
    for endpoint, shown in (
        ("image", "[...document.querySelectorAll('.media img')].filter((one) => one.naturalWidth > 0).length === 2"),
        ("speech", "document.querySelector('.media audio')?.duration > 0.5"),
        ("video", "document.querySelector('.media video')?.duration > 1"),
        ("transcript", f"{COUNT.format('.transcript tbody tr')} > 0"),
    ):
        page.goto(f"{inspected.inspector_url}?id={number[endpoint]}")
        page.wait(shown)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "token" not in page.evaluate(f"document.querySelector('#row-{number['file']} .numbers').textContent")


def test_words_pages_and_a_foreign_host(page: Page) -> None:
    reply = {"data": [{"url": "https://cdn.example/a.png"}]}
    with Server() as upstream:
        upstream.play(Reply(200, TALK), Reply(200, PAGES), Reply(200, reply))
        with emulator(upstream=upstream.base_url, inspect=True) as server:
            for path in ("stt/create", "ocr", "images/generations"):
                httpx.post(f"{server.base_url}/{path}", json={"model": "m", "document": "https://cdn.example/a.pdf"})
            page.goto(f"{server.inspector_url}?id=1")
            page.wait(f"{COUNT.format('.transcript tbody tr')} === 2")
            page.goto(f"{server.inspector_url}?id=2")
            page.wait(f"{COUNT.format('.page')} === 2")
            assert page.evaluate(COUNT.format(".page img")) == 0
            assert page.evaluate("document.title") == "Inspector"
            page.goto(f"{server.inspector_url}?id=3")
            page.wait("document.querySelector('button.load')?.textContent === 'Show it from cdn.example'")
            foreign = (
                "performance.getEntriesByType('resource').filter((one) => one.name.includes('cdn.example')).length"
            )
            assert page.evaluate(foreign) == page.evaluate(COUNT.format(".media iframe")) == 0
            page.click("button.load")
            page.wait("document.querySelector('.media iframe')?.getAttribute('sandbox') === ''")
            page.goto("about:blank")
