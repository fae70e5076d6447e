"""What a model sent under /v1/messages -> the values of chat completions, whole or streamed. Pure.

Each event becomes the chunk of a chat completion that says the same, which the one reader of those reads. The message
in Claude's own form is the completion's `raw`: its `content` goes back as it is.
Source: https://docs.claude.com/en/api/messages-streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from aimlapi_transport.chat.parser import CompletionReader
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.limits import DEFAULT
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.json_codec import JsonError, dumps, loads

# A delta of a block -> the field of the block that its text is added to.
_JOINED = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


class MessagesReader:
    """Folds the events of one reply, and says what each event added; see `ReplyParser`.

    Args:
        max_choices: content blocks; more raise `BadResponseError`.
    """

    ends_at_done = False
    end = "no `message_stop`"

    def __init__(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        scrub: Callable[[str], str] = lambda text: text,
        max_choices: int = DEFAULT.choices,
    ) -> None:
        self._chat = CompletionReader(headers=headers, scrub=scrub, parse_think=False, max_choices=max_choices)
        self._scrub = scrub
        self._max_blocks = max_choices
        self._message: Json = {}
        self._blocks: dict[int, Json] = {}
        self._arguments: dict[int, list[str]] = {}
        self._calls: dict[int, int] = {}  # block -> index of its call
        self.is_finished = False

    @property
    def has_choice(self) -> bool:
        """Whether anything of an answer was seen."""
        return self._chat.has_choice

    def read(self, event: Json, *, whole: bool = False) -> list[Delta]:
        """What this event adds.

        Args:
            event: an event of a stream, or a whole message.
            whole: whether it is the message.

        Raises:
            AIMLAPIError: it tells of an error.
        """
        if event.get("type") == "error" or event.get("error"):
            raise error_in(event, whole=whole, scrub=self._scrub) or BadResponseError(
                "The reply is an error.", body=event
            )
        if whole:
            if not isinstance(event.get("content"), list):
                raise error_in(event, whole=True, scrub=self._scrub) or BadResponseError(
                    "The provider's reply contains no answer: it has no content.", body=event
                )
            return [delta for one in _as_events(event) for delta in self._read(one)]
        return self._read(event)

    def _read(self, event: Json) -> list[Delta]:
        kind, index = event.get("type"), event.get("index")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            self._message = {**event["message"], "content": []}
            return self._add({"role": "assistant"})
        if kind == "content_block_start" and isinstance(index, int):
            return self._begin(index, event.get("content_block") or {})
        if kind == "content_block_delta" and isinstance(index, int):
            return self._extend(index, event.get("delta") or {})
        if kind == "content_block_stop" and isinstance(index, int):
            return self._end_block(index)
        if kind == "message_delta":
            return self._end_message(event)
        if kind == "message_stop":
            self.is_finished = True
        return []

    def _begin(self, index: int, block: Json) -> list[Delta]:
        if len(self._blocks) >= self._max_blocks and index not in self._blocks:
            raise BadResponseError(f"The reply has more than {self._max_blocks} content blocks.")
        self._blocks[index] = dict(block)
        kind = block.get("type")
        if kind == "tool_use":
            number = self._calls.setdefault(index, len(self._calls))
            function = {"name": block.get("name"), "arguments": ""}
            call = {"index": number, "id": block.get("id"), "type": "function", "function": function}
            deltas = self._add({"tool_calls": [call]})
            return deltas + (self._arguments_of(index, block["input"]) if block.get("input") else [])
        if kind == "text" and block.get("text"):
            return self._add({"content": block["text"]})
        if kind == "thinking" and block.get("thinking"):
            return self._add({"reasoning_content": block["thinking"]})
        return []

    def _extend(self, index: int, delta: Json) -> list[Delta]:
        block, kind = self._blocks.setdefault(index, {}), delta.get("type")
        if kind == "input_json_delta":
            piece = delta.get("partial_json")
            if not isinstance(piece, str) or not piece or index not in self._calls:
                return []
            self._arguments.setdefault(index, []).append(piece)
            return self._add({"tool_calls": [{"index": self._calls[index], "function": {"arguments": piece}}]})
        if kind == "citations_delta":
            block.setdefault("citations", []).append(delta.get("citation"))
            return []
        name = _JOINED.get(str(kind))
        if name is None or not isinstance(delta.get(name), str):
            return []
        block[name] = f"{block.get(name) or ''}{delta[name]}"
        field = {"text": "content", "thinking": "reasoning_content"}.get(name)
        return self._add({field: delta[name]}) if field and delta[name] else []

    def _arguments_of(self, index: int, given: Any) -> list[Delta]:
        text = dumps(given).decode()
        return self._add({"tool_calls": [{"index": self._calls[index], "function": {"arguments": text}}]})

    def _end_block(self, index: int) -> list[Delta]:
        block = self._blocks.get(index, {})
        if index in self._arguments:
            text = "".join(self._arguments[index])
            try:
                block["input"] = loads(text)
            except JsonError:
                block["input"] = text
        elif index in self._calls and not block.get("input"):
            return self._arguments_of(index, {})  # a call without arguments
        if block.get("type") == "thinking" and block.get("signature"):
            thought = {"type": "reasoning.text", "signature": block["signature"], "index": index}
            return self._add({"reasoning_details": [thought]})
        if block.get("type") == "redacted_thinking":
            thought = {"type": "reasoning.encrypted", "data": block.get("data"), "index": index}
            return self._add({"reasoning_details": [thought]})
        return []

    def _end_message(self, event: Json) -> list[Delta]:
        delta: Json = event["delta"] if isinstance(event.get("delta"), dict) else {}
        usage = {**(self._message.get("usage") or {}), **(event.get("usage") or {})}
        self._message.update({**delta, "usage": usage})
        for name in ("meta", "stop_details"):
            if event.get(name) is not None:
                self._message[name] = event[name]
        return self._add({}, finish=delta.get("stop_reason"))

    def _add(self, delta: Json, finish: Any = None) -> list[Delta]:
        message = self._message
        chunk: Json = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        chunk |= {name: message[name] for name in ("id", "model") if message.get(name)}
        if finish is not None:
            chunk |= {name: message[name] for name in ("usage", "meta") if message.get(name)}
        return self._chat.read(chunk)

    def close(self) -> list[Delta]:
        """What was held back; the last delta carries the completion."""
        deltas = self._chat.close()
        for delta in deltas:
            if delta.completion is not None:
                delta.completion = self._with_message(delta.completion)
        return deltas

    def completion(self) -> Completion:
        """All that has arrived so far."""
        return self._with_message(self._chat.completion())

    def _with_message(self, completion: Completion) -> Completion:
        return replace(completion, raw={**self._message, "content": [self._blocks[n] for n in sorted(self._blocks)]})


def _as_events(message: Json) -> Iterator[Json]:
    """A whole message as the events that would have brought it."""
    yield {"type": "message_start", "message": {**message, "content": []}}
    for index, block in enumerate(message["content"]):
        if isinstance(block, dict):
            yield {"type": "content_block_start", "index": index, "content_block": block}
            yield {"type": "content_block_stop", "index": index}
    ending = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
    yield {"type": "message_delta", "delta": ending, "usage": message.get("usage") or {}}
    yield {"type": "message_stop"}
