"""The page in Firefox: what it shows, that a model's HTML stays text, the address, comparing, and a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aimlapi_emulator import EmulatorServer, emulator
from tests.browser.firefox import Page, browsing_firefox, firefox
from tests.browser.test_tools import HOSTILE, exchange
from tests.browser.traffic import everything

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
