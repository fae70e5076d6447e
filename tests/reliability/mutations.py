"""What a broken server might send: published replies with values changed, keys lost, bytes flipped; and plain noise."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

PUBLISHED = Path(__file__).parents[2] / "aimlapi_emulator" / "published.json"
RECORDINGS = json.loads(PUBLISHED.read_text())["recordings"]
CHATS = [row.get("body") for row in RECORDINGS if row["endpoint"].endswith("/chat/completions")]
CALL = {"id": "c1", "index": 0, "type": "function", "function": {"name": "f", "arguments": '{"a": [1, {"b": "c"}]}'}}
_CHAT: list[Any] = [
    *(reply for reply in CHATS if isinstance(reply, dict)),
    {
        "id": "x",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "tool_calls": [CALL]}, "finish_reason": "tool_calls"}
        ],
    },
    {"error": {"message": "no", "type": "t", "code": 503}},
    {"requestId": "r", "statusCode": 400, "message": 'no {"error": {"message": "inner"}}', "path": "/v1"},
    {"base_resp": {"status_code": 1008, "status_msg": "no"}},
    {
        "event": {
            "choices": [{"delta": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}],
            "usage": {"prompt_tokens": 1},
        }
    },
    {
        "choices": [
            {"delta": {"content": [{"type": "text", "text": "a"}], "reasoning_details": [{"text": "r", "index": 0}]}}
        ]
    },
    {"choices": [{"delta": {"audio": {"id": "a", "data": "AAAA", "transcript": "t"}, "annotations": [{"x": 1}]}}]},
]
_VECTORS: list[Any] = [
    {"data": [{"index": n, "embedding": [0.5, 1]} for n in range(2)], "model": "m", "usage": {"prompt_tokens": 1}},
    {"data": [{"index": n, "embedding": "AACAPwAAAEA="} for n in range(2)], "meta": {"usage": {"credits_used": 1}}},
]
SHAPES = {"chat": _CHAT, "vectors": _VECTORS}

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**70), 0, -1, 1e308, 0.5]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "stop", "error", "null", "[DONE]", "\ud800", "\u2028", "0", "429", "{", '{"a":', "<think>", "a" * 3000]
    ),
    st.sampled_from([[], {}, [[]], [None], [{}], {"": None}, {"a": {"b": [1]}}, [[1]] * 3]),
)
anything = st.recursive(
    odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything inside a value."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


@st.composite
def changed(draw: st.DrawFn, of: str) -> Any:
    """One of the shapes with up to four things in it replaced, removed or doubled."""
    shapes = SHAPES[of]
    value = copy.deepcopy(shapes[draw(st.integers(0, len(shapes) - 1))])
    for _ in range(draw(st.integers(0, 4))):
        path = draw(st.sampled_from(places(value)))
        if not path:
            continue
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        what = draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        if what == "replace":
            holder[path[-1]] = copy.deepcopy(draw(anything))
        elif what == "remove":
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.insert(path[-1], copy.deepcopy(holder[path[-1]]))
        else:
            holder[draw(st.text(max_size=5))] = copy.deepcopy(holder[path[-1]])
    return value


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with up to three cut out, put in or overwritten."""
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=6)) + data[at + draw(st.integers(0, 12)) :]
    return data


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def bodies(draw: st.DrawFn, of: str) -> bytes:
    """A whole reply."""
    return draw(damaged(written(draw(changed(of)))))


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A stream of chunks made of whole replies, some of them changed, in some line ends."""
    parts = []
    for value in draw(st.lists(changed("chat"), max_size=4)):
        if isinstance(value, dict) and isinstance(value.get("choices"), list) and draw(st.booleans()):
            for choice in value["choices"]:
                if isinstance(choice, dict) and "message" in choice:
                    choice["delta"] = choice.pop("message")
        name = draw(st.sampled_from([b"", b"", b"event: error\n", b": x\n", b"id: 1\n"]))
        parts.append(name + b"data: " + written(value) + b"\n\n")
    parts.append(draw(st.sampled_from([b"", b"data: [DONE]\n\n"])))
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    return draw(damaged(b"".join(parts).replace(b"\n", end)))


noise = st.binary(max_size=200)
replies = st.one_of(bodies("chat"), streams(), noise)
vector_bodies = st.one_of(bodies("vectors"), bodies("chat"), noise)


@st.composite
def cut(draw: st.DrawFn, of: st.SearchStrategy[bytes]) -> list[bytes]:
    """Bytes, in pieces."""
    data = draw(of)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
