"""`<think>...</think>` at the start of a text, cut anywhere -> reasoning and answer.

Only for families that send it (`Profile.inline_think`). Blank space around the two parts belongs to the
tags and goes with them. A lone `</think>` at the end of an answer is dropped; text without the opening tag
at its start is all answer.
"""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Feed it text; it answers with (reasoning, answer) pieces. What may be half a tag waits."""

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._state = "start"  # start -> reasoning -> gap -> answer, or start -> answer
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """The reasoning and the answer this piece adds."""
        reasoning = ""
        text = self._held + text
        self._held = ""
        if self._state == "start":
            begin = text.lstrip()
            if begin.startswith(_OPEN):
                self._state, text = "open", begin[len(_OPEN) :]
            elif _OPEN.startswith(begin):
                self._held = text
                return "", ""
            else:
                self._state = "answer"
        if self._state == "open":
            text = text.lstrip()
            if not text:
                return "", ""
            self._state = "reasoning"
        if self._state == "reasoning":
            thought, tag, rest = text.partition(_CLOSE)
            if not tag:
                kept = _kept(thought)
                self._held = thought[kept:]
                return thought[:kept], ""
            reasoning, text, self._state = thought.rstrip(), rest, "gap"
        if self._state == "gap":
            text = text.lstrip()
            if not text:
                return reasoning, ""
            self._state = "answer"
        answer = text
        if _CLOSE[0] in text:
            kept = _before_trailing_tag(text)
            self._held, answer = text[kept:], text[:kept]
        return reasoning, answer

    def close(self) -> tuple[str, str]:
        """What was held back, now that nothing follows."""
        held, self._held = self._held, ""
        if self._state in ("open", "reasoning"):
            return held.rstrip(), ""
        return ("", "") if held.strip() == _CLOSE else ("", held)


def _kept(thought: str) -> int:
    """Where the part of a thought starts that may still be the closing tag, or the blank space before it."""
    return len(thought[: _partial_tag(thought)].rstrip())


def _partial_tag(text: str) -> int:
    """Where a beginning of the closing tag at the very end of the text starts; its length if there is none."""
    at = text.rfind(_CLOSE[0], max(0, len(text) - len(_CLOSE)))
    return at if at != -1 and _CLOSE.startswith(text[at:]) else len(text)


def _before_trailing_tag(text: str) -> int:
    """Where a closing tag, whole or begun, with nothing but blank space after it, ends the text."""
    end = text.rstrip()
    if end.endswith(_CLOSE):
        return len(end) - len(_CLOSE)
    return _partial_tag(text)
