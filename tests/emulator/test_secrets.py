"""No secret stays: whatever place and form it comes in, the journal, the page and the exports hold none of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlapi_emulator.secrets import (
    is_secret_header,
    public,
    public_headers,
    public_pieces,
    public_query,
    secrets_of,
)
from aimlapi_emulator.server.run import EmulatorServer

CANARY = "canary0123456789abcdefCANARY"
HEADERS = (
    *("Authorization", "Proxy-Authorization", "Api-Key", "X-API-Key", "x-goog-api-key", "OpenAI-Api-Key", "Cookie"),
    *("X-Auth-Token", "X-Access-Token", "anthropic-api-key", "Ocp-Apim-Subscription-Key", "X-My-Secret", "Set-Cookie"),
)
NAMES = ("api_key", "apiKey", "api-key", "openai_api_key", "access_token", "client_secret", "password", "Authorization")
TEXTS = (
    "Bearer {}",
    "I use the key sk-{} for that",
    "https://host/path?key={}&a=1",
    "https://user:{}@host/",
    "export AIMLAPI_API_KEY={}",
    '{{"api_key": "{}"}}',
    "eyJ{0}.{0}.{0}",
)


def test_names_of_headers_that_are_secret() -> None:
    assert all(map(is_secret_header, HEADERS))
    for name in ("content-type", "x-request-id", "x-client-request-id", "user-agent", "x-aimlapi-credits-used"):
        assert not is_secret_header(name)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("wrap", [lambda text: text, lambda text: json.dumps({"a": [{"b": text}]}), lambda text: json.dumps(json.dumps(json.dumps(text)))])  # fmt: skip
def test_what_has_the_form_of_a_secret_is_hidden_at_any_depth(text: str, wrap: Any) -> None:
    assert CANARY not in public(wrap(text.format(CANARY)).encode()).decode()


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_hidden_by_their_names(name: str) -> None:
    body = json.dumps({"outer": [{name: CANARY, "model": "m"}], "arguments": json.dumps({name: CANARY})})
    kept = json.loads(public(body.encode()))
    assert CANARY not in json.dumps(kept) and kept["outer"][0]["model"] == "m"


def test_what_is_no_secret_stays() -> None:
    for text in (
        '{"max_tokens": 100, "token": "Hel", "key": "value", "total_tokens": 3}',
        "The bearer certificates and the token embedding are in the basic documentation.",
        "https://host/a?model=x&page=2",
        '{"tool_choice": "auto", "signature": "c2lnbmF0dXJl"}',
    ):
        assert public(text.encode()).decode() == text


def test_queries_keep_what_is_none() -> None:
    query = f"model=a%2Fb&key={CANARY}&x-goog-api-key={CANARY}&access_token={CANARY}&page=2"
    assert public_query(query) == "model=a%2Fb&key=(hidden)&x-goog-api-key=(hidden)&access_token=(hidden)&page=2"
    assert public_headers([("Referer", f"https://h/?key={CANARY}"), ("X-Auth-Token", CANARY)]) == {
        "Referer": "https://h/?key=(hidden)",
        "X-Auth-Token": "(hidden)",
    }


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_ends_of_pieces_hide_no_secret(data: st.DataObject) -> None:
    """Wherever a reply is cut: as many pieces as before, and joined the same as the whole."""
    texts = data.draw(st.lists(st.sampled_from([*TEXTS, "Some words, {{}}.", "{0} and {0}"]), min_size=1, max_size=4))
    body = "\n\n".join(text.format(CANARY) for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    kept = public_pieces(pieces, [CANARY.encode()])
    assert len(kept) == len(pieces)
    if b"data: " not in body:
        assert b"".join(kept) == public(body, [CANARY.encode()])
    assert CANARY.encode() not in b"".join(kept)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_key_that_a_model_spells_out_over_several_events_is_hidden(size: int) -> None:
    text = f"Your key is {CANARY}, and another sk-{CANARY}9. Keep them."
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": text[at : at + size]}}]} for at in range(0, len(text), size)
    ]
    pieces = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    kept = public_pieces(pieces, [CANARY.encode()])
    said = "".join(json.loads(piece[6:])["choices"][0]["delta"]["content"] for piece in kept)
    assert len(kept) == len(pieces) and "canary" not in said.lower() and "0123" not in said
    assert said.startswith("Your key is"[: len("Your key is") // size * size]) and said.endswith("them.")


def test_the_secrets_of_a_request_are_known_wherever_it_brings_them() -> None:
    headers = [
        ("Authorization", f"Bearer {CANARY}"),
        ("Cookie", f"a=1; session={CANARY}x"),
        ("Accept", "anything-long"),
    ]
    found = secrets_of(headers, f"key={CANARY}q&model=a-long-name")
    assert {f"{CANARY}{end}".encode() for end in ("", "x", "q")} <= set(found)
    assert b"anything-long" not in found and b"a-long-name" not in found


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer(inspect=True) as running:
        yield running


def everything(server: EmulatorServer) -> str:
    """All that can be had of what was kept."""
    root = server.base_url.removesuffix("/v1") + "/_inspect"
    with httpx.Client(trust_env=False, timeout=20) as http:
        rows = http.get(f"{root}/exchanges").json()["rows"]
        pages = [http.get(f"{root}/exchanges/{row['id']}").text for row in rows]
        exports = [http.get(f"{root}/{name}").text for name in ("export.jsonl", "export.yaml", "totals")]
    return "\n".join([*pages, *exports, repr(server.requests), *(repr(one.exchange) for one in server.requests)])


def test_a_canary_thrown_everywhere_is_nowhere(server: EmulatorServer) -> None:
    random.seed(7)
    with httpx.Client(base_url=server.base_url, trust_env=False, timeout=20) as http:
        for number, header in enumerate(HEADERS):
            secret = f"{CANARY}{number:04d}"
            headers = {"Authorization": "Bearer any-other-key", header: f"Bearer {secret}"}
            arguments = json.dumps({"api_key": secret})
            call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
            body = {
                "model": "openai/gpt-4o",
                "messages": [
                    {
                        "role": "user",
                        "content": f"My key is sk-{secret}, in the address https://h/?key={secret}: repeat it.",
                    },
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "c1", "content": f"password={secret}"},
                ],
                "metadata": {"openai_api_key": secret, "note": f"Bearer {secret}"},
                "stream": bool(number % 2),
            }
            http.post(f"/chat/completions?key={secret}&x-goog-api-key={secret}", headers=headers, json=body)
        echoed = {"Authorization": f"Bearer {CANARY}"}
        http.post(
            "/chat/completions",
            headers=echoed,
            json={"model": "fault-echo-key", "messages": [{"role": "user", "content": "x"}]},
        )
        http.post("/images/generations", headers=echoed, json={"model": "flux/dev", "prompt": f"sk-{CANARY}"})
    kept = everything(server)
    assert "canary" not in kept.lower() and "(hidden)" in kept and "repeat it" in kept
