"""What has arrived of a choice, and a shortcut for an event that only continues the one before. Pure."""

from __future__ import annotations

from collections.abc import Callable

from aimlapi_transport.chat.event_bytes import Surroundings, surroundings
from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.text_buffer import TextBuffer
from aimlapi_transport.chat.think_tags import ThinkSplitter
from aimlapi_transport.chat.tool_calls import ToolCallReader
from aimlapi_transport.chat.wire_types import Json

_LESSONS = 8  # events of a choice that are looked into for what stands around their piece: more are of changing kinds


class ChoiceState:
    """What has arrived of one choice."""

    __slots__ = (
        "extra",
        "finish",
        "index",
        "logprobs",
        "native_finish",
        "reasoning",
        "refusal",
        "text",
        "think",
        "thoughts",
        "tools",
    )

    def __init__(self, index: int, think: ThinkSplitter | None, new_id: Callable[[], str], most: int) -> None:
        self.index = index
        self.text = TextBuffer()
        self.reasoning = TextBuffer()
        self.thoughts: list[Json] = []
        self.refusal = TextBuffer()
        self.tools = ToolCallReader(new_id, most)
        self.think = think  # None where all text that follows is answer
        self.finish: str | None = None
        self.native_finish: str | None = None
        self.logprobs: Json | None = None
        self.extra: Json = {}


class PreviousEvent:
    """An event that was read, to know the next one by: mostly a further piece, and all else as it was.

    What stands as it stood need not be read again: `continued` compares the events, which costs half of reading one,
    and `spliced` their bytes around the piece, which costs half of that (together a fifth of a chunk in a burst).
    """

    __slots__ = ("_around", "_choice", "_event", "_lessons", "_padded", "_state")

    def __init__(self, event: Json, choice: Json, state: ChoiceState) -> None:
        self._event = event.copy()
        self._padded = "obfuscation" in event  # OpenAI's padding: another in each event
        self._choice = choice.copy()
        self._state = state
        self._around: Surroundings | None = None
        self._lessons = 0 if self._padded else _LESSONS

    def spliced(self, data: bytes) -> Delta | None:
        """What an event adds whose bytes are those of the one before, but for its piece; None for any other."""
        around = self._around
        if around is None:
            return None
        piece = around.piece(data)
        if not piece:
            return None
        event, choice = self._event.copy(), self._choice.copy()
        event["choices"] = [choice]
        choice["delta"] = message = around.message(piece)
        return self._piece(message, event)

    def continued(self, event: Json, data: bytes = b"") -> Delta | None:
        """What an event adds, where it is a piece of text, reasoning or one call, and nothing else is new.

        Args:
            data: its bytes, to know the next one by.
        """
        choices = self._event["choices"] = event.get("choices")
        if self._padded:
            self._event["obfuscation"] = event.get("obfuscation")
        if choices.__class__ is not list or len(choices) != 1 or event != self._event:
            return None
        choice = choices[0]
        if choice.__class__ is not dict:
            return None
        message = self._choice["delta"] = choice.get("delta")
        if message.__class__ is not dict or len(message) != 1 or choice != self._choice:
            return None
        delta = self._piece(message, event)
        if delta is not None and data and self._lessons:
            self._lessons -= 1
            self._around = surroundings(data, message)
        return delta

    def _piece(self, message: Json, event: Json) -> Delta | None:
        state = self._state
        for name, piece in message.items():
            if name == "content" and piece.__class__ is str and piece:
                if state.think is not None:
                    return None
                state.text.add(piece)
                return Delta(piece, "", (), state.index, event)
            if name == "tool_calls":
                fragment = state.tools.continued(piece)
                return None if fragment is None else Delta("", "", (fragment,), state.index, event)
            if name == "reasoning_content" and piece.__class__ is str and piece:
                state.reasoning.add(piece)
                return Delta("", piece, (), state.index, event)
        return None
