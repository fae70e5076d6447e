"""Answers of every kind, whole and streamed, and the ways to ask for them."""

from __future__ import annotations

from typing import Any

from tests.langchain.host import call

REASONED = {"content": "text", "reasoning_content": "why"}
DETAILS = [{"type": "reasoning.text", "text": "why", "signature": "S", "format": "f", "index": 0}]
SIGNED = {"extra_content": {"google": {"thought_signature": "G"}}}
WEATHER = call(None, "a", "weather", '{"city": "Oslo"}')

# name -> the message of a whole reply, and the deltas of the same answer streamed
ANSWERS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "text": ({"content": "Hello"}, [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}]),
    "reasoning": (REASONED, [{"content": None, "reasoning_content": "w"}, {"reasoning_content": "hy"}, {"content": "text"}]),
    "details": (
        {"content": "text", "reasoning": "why", "reasoning_details": DETAILS},
        [
            {"reasoning": "wh", "reasoning_details": [{**DETAILS[0], "text": "wh", "signature": None}]},
            {"reasoning": "y", "reasoning_details": [{**DETAILS[0], "text": "y", "signature": None}]},
            {"content": "text", "reasoning_details": [{**DETAILS[0], "text": ""}]},
        ],
    ),
    "call": (
        {"content": None, "reasoning_content": "why", "tool_calls": [WEATHER]},
        [
            {"reasoning_content": "why"},
            {"tool_calls": [call(0, "a", "weather", "")]},
            {"tool_calls": [call(0, None, None, '{"city"')]},
            {"tool_calls": [call(0, None, None, ': "Oslo"}')]},
        ],
    ),
    "text then calls": (
        {"content": "Let me look.", "tool_calls": [WEATHER, call(None, "b", "time", "{}", **SIGNED)]},
        [
            {"content": "Let me look."},
            {"tool_calls": [call(0, "a", "weather", '{"city": "Oslo"}'), call(1, "b", "time", "{}", **SIGNED)]},
        ],
    ),
    "encrypted": (
        {"content": "text", "reasoning_content": "why", "encrypted_content": "E", **SIGNED},
        [{"reasoning_content": "why"}, {"content": "text", "encrypted_content": "E", **SIGNED}],
    ),
    "cut arguments": (
        {"content": "", "tool_calls": [call(None, "a", "write", '{"path": "/etc/x", "data": "abc')]},
        [{"tool_calls": [call(0, "a", "write", '{"path": "/etc/x", ')]}, {"tool_calls": [call(0, None, None, '"data": "abc')]}],
    ),
    "refusal": ({"content": "", "refusal": "No."}, [{"refusal": "N"}, {"refusal": "o."}]),
}  # fmt: skip
