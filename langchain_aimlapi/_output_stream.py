"""The chunks of a stream of /v1/responses in the forms of langchain-openai; see `_output_versions`. Pure.

Added up they are what the whole reply is in the same form, but for the `index` of each block. So a piece is returned
as it comes, and with an item that is whole all of it that no piece has said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.tool_calls import ToolCallDelta
from aimlapi_transport.responses.output_items import CALLS
from langchain_aimlapi._output_versions import (
    CALL_IDS,
    FREE_TEXT,
    IN_CONTENT,
    V0,
    is_v0_output,
    item_block,
    kwargs_in,
    message_id,
    metadata_in,
    part_block,
    v0_call_ids,
    v0_fields,
    version_for,
)
from langchain_aimlapi._responses import StreamReader

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.chat.wire_types import Json

# The lists of a reasoning item -> the type of their parts.
_REASONING = {"summary": "summary_text", "content": "reasoning_text"}


def stream_reader(output_version: str | None, request: Request) -> StreamReader:
    """What makes the chunks of the reply to this request."""
    version = version_for(output_version, request.path)
    return VersionedReader(request.tools, version) if version else StreamReader(request.tools)


class VersionedReader(StreamReader):
    """As `StreamReader`, with the content in one of the forms of `_output_versions`."""

    __slots__ = ("_done", "_indexes", "_named", "_sent", "_thoughts", "_version", "_waiting")

    def __init__(self, tools: Sequence[Any], version: str) -> None:
        super().__init__(tools, free_text=FREE_TEXT)
        self._version = version
        self._indexes: dict[tuple[int, int], int] = {}  # of a part of an item -> of its block
        self._sent: dict[tuple[int, str, int], list[str]] = {}  # the pieces that were handed out of a text of an item
        self._named: dict[int, set[str]] = {}  # keys of an item that were handed out
        self._done: set[int] = set()
        self._waiting: dict[int, str] = {}  # text that came with its whole item, whose parts are to be seen
        self._thoughts: dict[tuple[int, int], int] = {}  # under "v0": of a part of reasoning -> among all of them

    def chunk(self, delta: Delta) -> ChatGenerationChunk:
        """One piece of the stream."""
        chunk = super().chunk(delta)
        message = chunk.message
        if not isinstance(message, AIMessageChunk):
            return chunk
        pieces = [] if delta.is_separator else self._pieces(delta)
        message.additional_kwargs = kwargs_in(message.additional_kwargs, self._version)
        message.response_metadata["output_version"] = self._version
        if self._version == V0:
            message.additional_kwargs |= self._v0_fields(delta, pieces)
            pieces = [block for block in pieces if block["type"] == "text" or block["type"] in IN_CONTENT]
        message.content = [*pieces]
        chunk.text = "".join(block["text"] for block in pieces if block["type"] == "text")
        completion = delta.completion
        if completion is not None:
            message.response_metadata |= metadata_in(self._version, completion)
            message.id = message_id(self._version, completion, completion.choices[0].items)
        return chunk

    def _pieces(self, delta: Delta) -> list[Json]:
        """What a delta adds to the content, as pieces of items."""
        place = delta.output_index
        pieces = self._text(delta, place) if delta.text else []
        if place is None:
            return pieces
        if delta.reasoning and delta.part is not None:
            pieces.append(self._thought(place, *delta.part, delta.reasoning))
        pieces += [self._call(place, fragment) for fragment in delta.tool_calls]
        return pieces if delta.item is None else [*pieces, *self._rest(delta.item, place)]

    def _text(self, delta: Delta, place: int | None) -> list[Json]:
        """A piece of text. What came with its whole item may be of several parts: they are seen when it is read."""
        part = -1 if delta.part is None else delta.part[1]
        if place is None:  # what was held back to the end
            place, part = next(reversed(self._indexes), (0, 0))
        if part < 0 and place not in self._done:
            self._waiting[place] = delta.text
            return []
        part = max(part, 0)
        is_first = (place, "text", part) not in self._sent
        self._add((place, "text", part), delta.text)
        piece = {"type": "text", "text": delta.text, "index": self._index(place, part)}
        if not (delta.phase and is_first) or place in self._done:
            return [piece]
        self._add((place, "phase", part), delta.phase)
        return [{**piece, "phase": delta.phase}]

    def _thought(self, place: int, field: str, part: int, text: str) -> Json:
        self._add((place, field, part), text)
        self._named.setdefault(place, set()).add("type")
        piece = {"index": part, "type": _REASONING[field], "text": text}
        return {"type": "reasoning", field: [piece], "index": self._index(place)}

    def _call(self, place: int, fragment: ToolCallDelta) -> Json:
        named = self._named.setdefault(place, set())
        if (fragment.extra or {}).get("type") == "custom":
            named.add("input")
        kind = "custom_tool_call" if "input" in named else "function_call"
        head = {"call_id": fragment.id, "name": fragment.name}
        fresh = {name: value for name, value in head.items() if value and name not in named}
        named.update(("type", *fresh))
        self._add((place, CALLS[kind], 0), fragment.arguments)
        return {"type": kind, **fresh, CALLS[kind]: fragment.arguments, "index": self._index(place)}

    def _rest(self, item: Json, place: int) -> list[Json]:
        """What no piece has said of an item that is whole."""
        self._done.add(place)
        kind = item.get("type")
        if kind == "message":
            return self._rest_of_message(item, place)
        block, named = item_block(item), self._named.get(place, set())
        rest: Json = {name: value for name, value in block.items() if name not in named or name == "type"}
        for field in _REASONING if kind == "reasoning" else ():
            if isinstance(block.get(field), list):
                rest[field] = self._rest_of_texts(place, field, block[field])
        field = CALLS.get(str(kind), "")
        if isinstance(block.get(field), str):
            rest[field] = self._rest_of((place, field, 0), block[field])
        elif (place, field, 0) in self._sent:
            rest.pop(field, None)  # an object, which the pieces have written
        return [{**rest, "index": self._index(place)}]

    def _rest_of_message(self, item: Json, place: int) -> list[Json]:
        content = item.get("content")
        parts: list[Any] = content if isinstance(content, list) else []
        if isinstance(content, str):
            parts = [{"type": "output_text", "text": content}]
        waiting, blocks = self._waiting.pop(place, ""), []
        for number, part in enumerate(parts):
            if isinstance(part, dict):
                block = part_block(item, part, self._version)
                if block.get("type") == "text":
                    if (place, "phase", number) in self._sent:
                        block.pop("phase", None)
                    text = part["text"] if isinstance(part.get("text"), str) else ""
                    sent = sum(map(len, self._sent.get((place, "text", number), ())))
                    block["text"] = waiting[: max(len(text) - sent, 0)]
                    waiting = waiting[len(block["text"]) :]
                blocks.append({**block, "index": self._index(place, number)})
        return blocks

    def _rest_of_texts(self, place: int, field: str, parts: list[Any]) -> list[Any]:
        rest = []
        for number, part in enumerate(parts):
            text = part.get("text") if isinstance(part, dict) else None
            if not isinstance(text, str):
                rest.append(part)
            elif (place, field, number) not in self._sent:
                rest.append({**part, "index": number})
            elif left := self._rest_of((place, field, number), text):
                rest.append({"text": left, "index": number})
        return rest

    def _rest_of(self, key: tuple[int, str, int], whole: str) -> str:
        sent = "".join(self._sent.get(key, ()))
        return whole[len(sent) :] if whole.startswith(sent) else ""

    def _add(self, key: tuple[int, str, int], text: str) -> None:
        self._sent.setdefault(key, []).append(text)

    def _index(self, place: int, part: int = 0) -> int:
        """The index of a block: blocks are counted as they begin."""
        return self._indexes.setdefault((place, part), len(self._indexes))

    def _v0_fields(self, delta: Delta, pieces: list[Json]) -> Json:
        """What `additional_kwargs` gains under "v0"."""
        if delta.completion is not None:
            thought = v0_fields(delta.completion.choices[0].items).get("reasoning", {})
            rest = {name: value for name, value in thought.items() if name not in _REASONING}
            return {"reasoning": rest} if rest else {}
        item, place = delta.item, delta.output_index or 0
        thoughts = [part for piece in pieces if piece["type"] == "reasoning" for part in _parts(piece)]
        fields: Json = {}
        if thoughts:
            places = [(place, part.get("index", 0)) for part in thoughts]
            indexes = [self._thoughts.setdefault(at, len(self._thoughts)) for at in places]
            parts = [{**part, "index": index} for part, index in zip(thoughts, indexes, strict=True)]
            fields["reasoning"] = {"summary": parts}
        if item is not None and is_v0_output(item):
            fields["tool_outputs"] = [{**item_block(item), "index": self._index(place)}]
        if item is not None and (ids := v0_call_ids([item])):
            fields[CALL_IDS] = ids
        return fields


def _parts(thought: Json) -> list[Json]:
    summary = thought.get("summary")
    return [part for part in summary if isinstance(part, dict)] if isinstance(summary, list) else []
