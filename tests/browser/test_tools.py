"""What a person does with what is chosen: share it, compare it, send it again; on a wide screen and on a narrow one."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from tests.browser.browser import chromium
from tests.browser.test_page import browser, inspected, page
from tests.browser.traffic import everything

expect = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it").expect
pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium: make test-browser says how")
__all__ = ["browser", "inspected", "page"]  # the fixtures
HOSTILE = """# Title

**bold** and `code` <img src=x onerror="document.title='taken'"> [bad](javascript:document.title='taken')
[good](https://example.com/a?b=1) [data](data:text/html,x) https://example.com/plain

- one
- two **strong**

| a | b |
|---|---|
| 1 | <b>2</b> |

```html
<script>document.title='taken'</script>
```
"""


def exchange(server: EmulatorServer, question: str, answer: str, model: str = "m") -> None:
    """One of which the answer is known."""
    received = server._journal.note("POST", "/v1/chat/completions", "", [("content-type", "application/json")])
    received.json = {"model": model, "messages": [{"role": "user", "content": question}]}
    body = httpx.Response(200, json={"choices": [{"message": {"role": "assistant", "content": answer}}]}).content
    kept = received.exchange
    assert kept is not None
    kept.body += httpx.Request("POST", "http://x", json=received.json).content
    kept.status, kept.headers = 200, {"content-type": "application/json"}
    kept.pieces.append((0.1, body))
    kept.seconds = 0.2


def test_the_address_has_the_choice_the_filters_the_search_and_the_tab(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    expect(page.locator(".row")).to_have_count(8)
    page.fill("#q", "9.11")
    page.select_option("#model", "deepseek/deepseek-r1")
    page.click(".row")
    page.click("role=tab[name='Time line']")
    page.wait_for_selector("svg.line")
    for again in (lambda: page.reload(), lambda: page.goto(page.url)):
        again()
        page.wait_for_selector("svg.line")
        expect(page.locator(".row")).to_have_count(1)
        assert page.input_value("#q") == "9.11" and page.input_value("#model") == "deepseek/deepseek-r1"
        assert page.get_attribute(".row", "aria-selected") == "true"
    page.go_back()
    page.wait_for_selector(".message")
    page.go_back()
    page.wait_for_selector("text=No request is chosen")
    page.go_forward()
    page.wait_for_selector(".message")


def test_markdown_is_nodes_and_html_is_text(page: Any, inspected: EmulatorServer) -> None:
    exchange(inspected, "q", HOSTILE)
    page.reload()
    page.click(".row")
    shown = page.locator(".message.assistant")
    expect(shown.locator("strong").first).to_have_text("bold")
    assert shown.locator("li").count() == 2 and shown.locator("td").count() == 2
    assert shown.locator("img, script, b").count() == 0 and page.title() == "Inspector"
    links = shown.locator("a").evaluate_all("all => all.map((one) => [one.href, one.rel])")
    assert [href for href, _ in links] == ["https://example.com/a?b=1", "https://example.com/plain"]
    assert all("noopener" in rel for _, rel in links)
    assert "<script>" in shown.inner_text() and "javascript:" in shown.inner_text()
    page.click("text=as written")
    assert HOSTILE.strip() == shown.locator(".text").inner_text().strip()


@pytest.mark.parametrize(
    "text", ["*" * 50_000, "`" * 50_000, "[" * 50_000, "- a\n" * 12_000, "> " * 20_000, "|-" * 25_000]
)
def test_no_answer_holds_the_page_up(page: Any, inspected: EmulatorServer, text: str) -> None:
    exchange(inspected, "q", text)
    page.reload()
    page.click(".row")
    page.wait_for_selector(".message.assistant", timeout=5_000)


def test_long_messages_are_folded(page: Any, inspected: EmulatorServer) -> None:
    exchange(inspected, "long " * 2000 + "end", "short")
    page.reload()
    page.click(".row")
    page.wait_for_selector(".message.user .folded")
    page.click("text=show all 10,003 characters")
    assert page.locator(".folded").count() == 0


def test_two_exchanges_side_by_side(page: Any, inspected: EmulatorServer) -> None:
    exchange(inspected, "the same", "of one", "one")
    exchange(inspected, "the same", "of the other", "other")
    page.reload()
    page.click(".row >> nth=1")
    page.click("#beside")
    page.click(".row >> nth=0")
    expect(page.locator("article")).to_have_count(2)
    assert "of one" in page.inner_text("article >> nth=0") and "of the other" in page.inner_text("article >> nth=1")
    assert "model" in page.inner_text(".differences .changed >> nth=0")
    page.reload()
    expect(page.locator("article")).to_have_count(2)
    page.click("#alone")
    expect(page.locator("article")).to_have_count(0)


def test_a_request_is_edited_and_sent_again(page: Any, inspected: EmulatorServer) -> None:
    everything(inspected.base_url)
    page.click("text=9.11")
    page.click("role=tab[name='Send again']")
    written = page.input_value(".editor")
    assert "sk-browser" not in page.content()
    page.fill(".editor", "{")
    page.click(".send")
    expect(page.locator("text=It is no JSON")).to_be_visible()
    page.fill(".editor", written.replace("9.11", "9.12"))
    page.click(".send")
    expect(page.locator(".row")).to_have_count(9)
    expect(page.locator(".message.user")).to_contain_text("9.12")
    assert re.search(r"[?&]id=11\b", page.url)
    assert inspected.requests[-1].json["messages"][0]["content"].endswith("9.12?")


def test_in_front_of_a_provider_a_key_is_asked_for_and_not_kept(browser: Any, inspected: EmulatorServer) -> None:
    with emulator(inspect=True, upstream=inspected.base_url) as front:
        everything(front.base_url)
        opened = browser.new_page()
        opened.goto(f"{front.inspector_url}?id=1&tab=Send+again")
        opened.wait_for_selector("#live.on")
        expect(opened.locator("input[type=password]")).to_have_attribute("placeholder", "the provider's key")
        opened.click(".send")
        expect(opened.locator("text=Type the provider's key")).to_be_visible()
        opened.fill("input[type=password]", "sk-typed-0123456789")
        opened.click(".send")
        opened.wait_for_selector(".message")
        assert "id=11" in opened.url and "sk-typed" not in opened.content()
        assert opened.evaluate("localStorage.length + sessionStorage.length") == 0
        assert inspected.requests[-1].json["messages"][0]["content"] == "Say 0"
        opened.close()


def test_a_narrow_screen_shows_the_list_or_what_is_chosen(page: Any, inspected: EmulatorServer) -> None:
    page.set_viewport_size({"width": 420, "height": 800})
    everything(inspected.base_url)
    expect(page.locator(".row")).to_have_count(8)
    for tab in ("Conversation", "Time line", "Send again"):
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        page.click("text=And tomorrow?")
        page.click(f"role=tab[name='{tab}']")
        expect(page.locator("#list")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        assert page.evaluate("document.getElementById('detail').scrollWidth") <= 420
        page.click("#back")
        expect(page.locator("#list")).to_be_visible()


def test_names_of_rows_are_not_broken_on_a_narrow_screen(page: Any, inspected: EmulatorServer) -> None:
    """Beside long values, in the parameters and where two exchanges are compared; one without end breaks, though."""
    page.set_viewport_size({"width": 420, "height": 800})
    body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.2}
    headers = {"authorization": "Bearer any"}
    for more in ({"tools": [{"type": "function", "function": {"name": "f" * 90}}]}, {"x" * 300: 1, "user": "y" * 300}):
        httpx.post(f"{inspected.base_url}/chat/completions", json={**body, **more}, headers=headers)
    for query in ("id=1", "id=1&beside=2", "id=2"):
        page.goto(f"{inspected.inspector_url}?{query}")
        names = page.locator("#detail th > span")
        expect(names.filter(has_text="temperature").first).to_be_visible()
        heights = names.evaluate_all(
            "all => all.filter(one => /^[a-z]{1,12}$/.test(one.textContent)).map(one => one.getClientRects().length"
            " && Math.round(one.offsetHeight / parseFloat(getComputedStyle(one).lineHeight)))"
        )
        assert heights and set(heights) == {1}
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        assert page.evaluate("document.getElementById('detail').scrollWidth") <= 420
