"""What an error says: what happened, where (model, host, request id) and what to do; in one style."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from aimlapi_transport import Client
from aimlapi_transport.errors import AIMLAPIError, APIConnectionError, APITimeoutError
from tests.scripted import close, event, reply, scripted, stream
from tests.ways import WAYS, Host, Way

QUESTION = [{"role": "user", "content": "Hi"}]
ID = {"x-inference-id": "inference-1"}


def raises(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def send(request: httpx.Request) -> httpx.Response:
        raise error

    return send


FAILURES: dict[str, tuple[Callable[[httpx.Request], httpx.Response], bool]] = {
    "refused": (lambda _: httpx.Response(429, json={"message": "Slow down."}, headers=ID), True),
    "no connection": (raises(httpx.ConnectError("refused")), False),
    "silence": (raises(httpx.ReadTimeout("")), False),
    "an empty reply": (lambda _: httpx.Response(200, content=b"", headers=ID), True),
    "a broken reply": (
        lambda request: httpx.Response(
            200, text="data: {]\n\n", headers={**ID, "content-type": "text/event-stream", "x-of": request.method}
        ),
        True,
    ),
    "a redirect elsewhere": (lambda _: httpx.Response(307, headers={"location": "https://other.example/", **ID}), True),
    "redirects without end": (lambda request: httpx.Response(307, headers={"location": str(request.url)}), False),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_error_says_where(way: Way, failure: str) -> None:
    answer, has_id = FAILURES[failure]

    class Failing(Host):
        __call__ = staticmethod(answer)  # type: ignore[assignment]  # a host that fails

    with pytest.raises(AIMLAPIError) as raised:
        Failing().ask(way, QUESTION)
    for error in (raised.value, pickle.loads(pickle.dumps(raised.value))):
        assert (error.model, error.host) == ("openai/gpt-4o", "127.0.0.1")
        assert "model openai/gpt-4o, host 127.0.0.1)" in str(error)
        assert ("request id inference-1" in str(error)) == has_id


def test_no_password_of_an_address_is_part_of_an_error() -> None:
    own = httpx.Client(transport=httpx.MockTransport(raises(httpx.ConnectError("refused"))))
    client = Client(api_key="k", base_url="https://user:secret@host.example:8443/v1", http_client=own, max_retries=0)
    with pytest.raises(APIConnectionError) as raised:
        client.chat("m", QUESTION)
    assert raised.value.host == "host.example:8443" and "secret" not in str(raised.value)


TIMEOUTS = [
    ({}, False, httpx.ReadTimeout(""), "600 s was reached; raise `timeout`."),
    ({}, True, httpx.ReadTimeout(""), "600 s was reached; raise `first_chunk_timeout`."),
    ({"timeout": 7}, False, httpx.ReadTimeout(""), "7 s was reached; raise `timeout`."),
    ({"timeout": 7}, True, httpx.ReadTimeout(""), "7 s was reached; raise `timeout`."),
    ({"first_chunk_timeout": 3}, True, httpx.ReadTimeout(""), "3 s was reached; raise `first_chunk_timeout`."),
    ({"timeout": 7, "first_chunk_timeout": 3}, True, httpx.ReadTimeout(""), "3 s was reached; raise `first_chunk_"),
    ({}, False, httpx.ConnectTimeout(""), "5 s was reached; raise `timeout`."),
    ({"timeout": (2, 9)}, False, httpx.ConnectTimeout(""), "2 s was reached; raise `timeout`."),
    ({"timeout": (2, 9)}, False, httpx.WriteTimeout(""), "9 s was reached; raise `timeout`."),
    ({"timeout": 7}, False, httpx.PoolTimeout(""), "no connection of the pool was free for 7 s; make fewer calls"),
]


@pytest.mark.parametrize(("settings", "streamed", "error", "said"), TIMEOUTS)
def test_a_timeout_names_the_setting_to_change(
    settings: dict[str, float], streamed: bool, error: Exception, said: str
) -> None:
    own = httpx.Client(transport=httpx.MockTransport(raises(error)))
    client = Client(api_key="k", http_client=own, max_retries=0, **settings)  # type: ignore[arg-type]  # by name
    with pytest.raises(APITimeoutError) as raised:
        list(client.stream_chat("m", QUESTION)) if streamed else client.chat("m", QUESTION)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stream_chunk_timeout": 0.2}, "the limit of 0.2 s was reached; raise `stream_chunk_timeout`."),
        ({"timeout": 0.2}, "the limit of 0.2 s was reached; raise `timeout`."),
        ({"deadline": 0.2}, "the deadline of 0.2 s was reached; raise `deadline`."),
    ],
)
def test_silence_in_a_stream_names_the_setting_to_change(settings: dict[str, float], said: str) -> None:
    first = event({"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}]})
    with scripted(stream(first, end="stall")) as server:
        client = Client(api_key="k", base_url=server.base_url, max_retries=0, **settings)  # type: ignore[arg-type]  # by name
        with pytest.raises(APITimeoutError) as raised:
            list(client.stream_chat("m", QUESTION))
    assert said in raised.value.message


def test_a_connection_that_closes_is_no_advice_about_addresses() -> None:
    with scripted(close(), reply(200, b"")) as server:
        client = Client(api_key="k", base_url=server.base_url, max_retries=0)
        with pytest.raises(APIConnectionError) as raised:
            client.chat("m", QUESTION)
    assert "address" not in raised.value.message


# -- the style of all messages -----------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[1]
PACKAGES = ("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi", "aimlapi_batch", "aimlapi_cli")
DIALECT = re.compile(
    r"(?<![Tt]here )\b(?:is|are) no (?!longer)|\b(?:is|are) none\b|\bholds? (?:no|a|an|more)\b|\ball the same\b|\bpass a text\.|\bmend\b"
)
ENDS = (".", "?", "!")


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """What each error of a file says: its line, and the text with `{}` for what is put in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if re.fullmatch(r"[A-Z]\w+Error|Failure|fail|warn", name) and not name.startswith(("Attribute", "_")):
            text = text_of(node.args[0])
            if text is not None:
                yield node.lineno, text


def text_of(node: ast.AST) -> str | None:
    """A text with `{}` for its values; None for what is no text that is written there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (text_of(node.left) or "{}") + (text_of(node.right) or "{}")
    return None


@pytest.mark.parametrize("package", PACKAGES)
def test_messages_are_sentences_in_plain_english(package: str) -> None:
    """A sentence with a period. One that only completes another (`RowProblem`, a `ValueError` within) has none."""
    found = [(path, line, text) for path in (ROOT / package).rglob("*.py") for line, text in messages(path)]
    assert found
    for path, line, text in found:
        where = f"{path.relative_to(ROOT)}:{line}: {text}"
        assert not DIALECT.search(text), where
        if text[:1].isupper() and " " in text:
            assert text.rstrip("{}").endswith(ENDS) or text.endswith("{}"), where
