"""`<think>...</think>` at the start of a text, cut anywhere -> reasoning and answer.

Any model may answer so: a gateway may serve it from a host that leaves the tags in. Blank space around the two parts
belongs to the tags and goes with them; text without the opening tag at its start is all answer. A lone `</think>` at
the end of an answer is dropped for the families known to send one (`Profile.inline_think`).
"""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Feed it text; it answers with (reasoning, answer) pieces. What may be half a tag waits.

    Args:
        drops_lone_close: whether a `</think>` that ends the answer is dropped.

    Attributes:
        has_begun: whether any text was fed.
        is_over: whether all that follows is answer: nothing is pending, and `feed` would give text back as it is.
    """

    __slots__ = ("_blank", "_drops_lone_close", "_pending", "_state", "has_begun", "is_over")

    def __init__(self, *, drops_lone_close: bool = True) -> None:
        self._drops_lone_close = drops_lone_close
        self._state = "start"  # start -> open -> reasoning -> gap -> answer, or start -> answer
        self._pending = ""
        self._blank: list[str] = []  # pieces before anything else
        self.has_begun = False
        self.is_over = False

    def feed(self, text: str) -> tuple[str, str]:
        """The reasoning and the answer this piece adds."""
        self.has_begun = True
        reasoning = ""
        if self._state == "start" and not self._pending and text.isspace():
            self._blank.append(text)  # joined once: some models send line ends without end
            return "", ""
        text = self._pending + text
        self._pending = ""
        if self._state == "start":
            if self._blank:
                text = "".join((*self._blank, text))
                self._blank.clear()
            begin = text.lstrip()
            if begin.startswith(_OPEN):
                self._state, text = "open", begin[len(_OPEN) :]
            elif _OPEN.startswith(begin):
                self._pending = text
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
                self._pending = thought[kept:]
                return thought[:kept], ""
            reasoning, text, self._state = thought.rstrip(), rest, "gap"
        if self._state == "gap":
            text = text.lstrip()
            if not text:
                return reasoning, ""
            self._state = "answer"
        answer = text
        self.is_over = not self._drops_lone_close
        if self._drops_lone_close and _CLOSE[0] in text:
            kept = _before_trailing_tag(text)
            self._pending, answer = text[kept:], text[:kept]
        return reasoning, answer

    def close(self) -> tuple[str, str]:
        """What was pending back, now that nothing follows."""
        rest = self.rest()
        self._pending = ""
        self._blank.clear()
        return rest

    def rest(self) -> tuple[str, str]:
        """What is pending back, as it would be read if nothing followed."""
        pending = "".join((*self._blank, self._pending))
        if self._state in ("open", "reasoning"):
            return pending.rstrip(), ""
        is_lone_close = self._drops_lone_close and pending.strip() == _CLOSE
        return ("", "") if is_lone_close else ("", pending)


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
