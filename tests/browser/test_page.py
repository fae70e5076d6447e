"""The page as a person uses it: live, with a mouse and with keys, light and dark, and whatever a model wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from tests.browser.browser import browsing, chromium
from tests.browser.traffic import everything

expect = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it").expect
pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium: make test-browser says how")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as running:
        yield running


@pytest.fixture
def inspected() -> Iterator[EmulatorServer]:
    with emulator(inspect=True) as server:
        yield server


@pytest.fixture
def page(browser: Any, inspected: EmulatorServer) -> Iterator[Any]:
    """The page, already live; an error on it fails the test."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.goto(inspected.inspector_url)
    opened.wait_for_selector("#live.on")
    yield opened
    opened.close()
    assert wrong == []


def test_requests_show_as_they_come(page: Any, inspected: EmulatorServer) -> None:
    page.wait_for_selector("text=Nothing yet")
    everything(inspected.base_url)
    expect(page.locator("#calls")).to_have_text("10")
    assert page.locator(".row").count() == 8  # the three turns of the agent are one
    assert page.inner_text("#errors") == "1"
    assert page.locator("#chart .failure").count() == 1
    assert page.locator("#chart .most").count() >= 1 and page.inner_text("#p95").endswith("s")
    assert "3 turns" in page.inner_text(".row >> nth=0")


def test_a_conversation_with_its_calls(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    page.click("text=And tomorrow?")
    page.wait_for_selector(".call")
    assert '"city": "Lisbon"' in page.inner_text(".call pre")
    assert page.inner_text(".call .result") == "18 degrees and sunny"
    assert page.locator(".message.new").count() == 2
    assert "temperature" in page.inner_text("tr.changed")
    assert page.locator(".turns button").count() == 4  # and the filter
    page.click(".turns button >> nth=0")
    expect(page.locator(".message")).to_have_count(3)


def test_what_a_model_wrote_is_text(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    page.click("text=document.title")
    page.wait_for_selector(".message.user")
    assert "<script>document.title='taken'</script>" in page.inner_text(".message.user")
    assert page.title() == "Inspector"
    assert page.locator("#detail script, #list script").count() == 0


def test_images_are_shown(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    page.click("text=What does it show?")
    expect(page.locator(".message img")).to_be_visible()
    assert page.evaluate("document.querySelector('.message img').naturalWidth") > 100


def test_a_stream_on_its_time_line(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    page.click("text=9.11")
    page.click("role=tab[name='Time line']")
    assert page.locator("#panel tbody tr").count() > 10
    page.click("role=tab[name='curl']")
    assert "$AIMLAPI_API_KEY" in page.inner_text(".curl") and "sk-browser" not in page.content()


def test_keys_are_enough(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    expect(page.locator(".row")).to_have_count(8)
    page.keyboard.press("/")
    page.keyboard.type("9.11")
    expect(page.locator(".row")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector(".row[aria-selected=true]")
    assert "deepseek" in page.inner_text("#detail h2")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "detail"


def test_filters_and_clear(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    expect(page.locator("#model option")).to_have_count(5)
    page.select_option("#status", "error")
    expect(page.locator(".row")).to_have_count(1)
    assert "no/such-model" in page.inner_text(".row")
    lines = httpx.get(inspected.url + page.get_attribute("#lines", "href").replace(inspected.url, ""))
    assert lines.text.count("\n") == 1
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#clear")
    page.wait_for_selector("text=Nothing yet")
    assert inspected.requests == []


def test_ten_thousand_rows_come_in_pages(page: Any, inspected: EmulatorServer) -> None:
    journal = inspected._journal
    for number in range(10_000):
        received = journal.note("POST", "/v1/chat/completions", "", [])
        received.json = {"model": "m", "messages": [{"role": "user", "content": f"row {number}"}]}
        assert received.exchange is not None
        received.exchange.status, received.exchange.seconds = 200, 0.1
    page.reload()
    page.wait_for_selector("text=row 9999")
    assert page.locator(".row").count() == 200
    page.evaluate("document.getElementById('list').scrollTo(0, 1e9)")
    expect(page.locator(".row")).to_have_count(400)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_can_be_read(page: Any, inspected: EmulatorServer, scheme: str) -> None:
    """Text on its background has at least the contrast that WCAG asks for, 4.5."""
    everything(inspected.base_url)
    page.emulate_media(color_scheme=scheme)
    page.click("text=And tomorrow?")
    page.wait_for_selector(".call")
    ratio = page.evaluate(
        """() => {
          const light = (color) => { const parts = color.match(/[\\d.]+/g).slice(0, 3).map((one) => {
            const share = one / 255; return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; };
          const behind = (node) => { for (let at = node; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor; if (!/, 0\\)$/.test(color)) return color; } return "rgb(0,0,0)"; };
          return Math.min(...[...document.querySelectorAll(".row span, .role, .text, .facts, dt, dd, .result, pre, th, td")]
            .filter((node) => node.textContent.trim()).map((node) => {
              const [one, other] = [light(getComputedStyle(node).color), light(behind(node))];
              return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05); })); }"""
    )
    assert ratio >= 4.5
