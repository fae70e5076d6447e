"""Inline reasoning: the tags may be cut anywhere, and only a leading tag counts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.chat.think_tags import ThinkSplitter


def split(pieces: list[str]) -> tuple[str, str]:
    splitter = ThinkSplitter()
    parts = [splitter.feed(piece) for piece in pieces]
    parts.append(splitter.close())
    return "".join(r for r, _ in parts), "".join(t for _, t in parts)


@pytest.mark.parametrize(
    ("content", "reasoning", "text"),
    [
        ("<think>\nwhy\n</think>\n\nbecause", "why", "because"),
        ("\n<think>why</think>because", "why", "because"),
        ("<think></think>answer", "", "answer"),
        ("<think>\n\n</think>\n\nanswer", "", "answer"),
        ("<think>cut off", "cut off", ""),
        ("no tags at all", "", "no tags at all"),
        (" leading blank stays", "", " leading blank stays"),
        ("the <think> tag in a text", "", "the <think> tag in a text"),
        ("Hello!</think>", "", "Hello!"),
        ("Hello!</think>\n", "", "Hello!"),
        ("a </think> in the middle", "", "a </think> in the middle"),
        ("<think>a < b and </thin air</think>x < y", "a < b and </thin air", "x < y"),
        ("<thinking>not a tag", "", "<thinking>not a tag"),
        ("<think>a</think>b <think>c</think> d", "a", "b <think>c</think> d"),
        ("", "", ""),
        ("<thi", "", "<thi"),
        ("<think>why</thi", "why</thi", ""),
    ],
)
def test_reasoning_and_answer(content: str, reasoning: str, text: str) -> None:
    assert split([content]) == (reasoning, text)
    assert split(list(content)) == (reasoning, text)


@given(
    content=st.lists(st.sampled_from(["<think>", "</think>", "<", "think", ">", "/", " ", "\n", "a", "b c"])).map(
        "".join
    ),
    cuts=st.lists(st.integers(0, 80), max_size=6),
)
def test_any_cut_gives_the_same_split(content: str, cuts: list[int]) -> None:
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    pieces = [content[a:b] for a, b in itertools.pairwise(places)]
    assert split(pieces) == split([content]) == split(list(content))
