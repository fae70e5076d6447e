"""The chunks of a stream of /v1/responses in the forms of langchain-openai; see `_output_versions`. Pure.

Added up they are what the whole reply is in the same form, but for the `index` of each block. So a piece is returned
as it comes, and with an item that is whole all of it that no piece has said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.tool_calls import ToolCallDelta
from aimlapi_transport.responses.output_items import CALLS
from langchain_aimlapi._output_items import REASONING_PARTS
from langchain_aimlapi._output_versions import (
    CALL_IDS,
    FREE_TEXT,
    IN_CONTENT,
    V0,
    blocks_of_item,
    is_v0_output,
    item_block,
    kwargs_in,
    message_id,
    metadata_in,
    v0_call_ids,
    v0_fields,
    version_for,
)
from langchain_aimlapi._responses import StreamReader

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.chat.wire_types import Json

# Fields that come in pieces.
_TEXTS = ("text", "arguments", "input")


def stream_reader(output_version: str | None, request: Request) -> StreamReader:
    """What makes the chunks of the reply to this request."""
    version = version_for(output_version, request.path)
    return VersionedReader(request.tools, version) if version else StreamReader(request.tools)


class VersionedReader(StreamReader):
    """As `StreamReader`, with the content in one of the forms of `_output_versions`."""

    def __init__(self, tools: Sequence[Any], version: str) -> None:
        super().__init__(tools, free_text=FREE_TEXT)
        self._version = version
        # A block is known by the index of its item and, of a message, by that of the part of it; else by 0.
        self._indexes: dict[tuple[int, int], int] = {}
        self._sent: dict[tuple[int, int], Json] = {}  # what was sent of a block; of its texts, their pieces
        self._done: set[int] = set()
        self._waiting: dict[int, str] = {}
        self._thoughts: dict[tuple[int, int], int] = {}  # under "v0": of a part of reasoning -> among all of them

    def chunk(self, delta: Delta) -> ChatGenerationChunk:
        """One piece of the stream."""
        chunk = super().chunk(delta)
        message = chunk.message
        assert isinstance(message, AIMessageChunk)
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
        item, part = delta.output_index, -1 if delta.part is None else delta.part[1]
        pieces: list[Json] = []
        if delta.text and item is not None and part < 0 and item not in self._done:
            self._waiting[item] = delta.text  # it came with its whole item, which may have several parts
        elif delta.text:
            if item is None:  # what was held back to the end
                item, part = next(reversed(self._indexes), (0, 0))
            piece: Json = {"type": "text", "text": delta.text}
            if delta.phase and item not in self._done and (item, part) not in self._sent:
                piece["phase"] = delta.phase
            pieces.append(self._piece(item, max(part, 0), piece))
        if delta.output_index is None:
            return pieces
        if delta.reasoning and delta.part is not None:
            thought = {"index": part, "type": REASONING_PARTS[delta.part[0]], "text": delta.reasoning}
            pieces.append(self._piece(delta.output_index, 0, {"type": "reasoning", delta.part[0]: [thought]}))
        pieces += [self._call(delta.output_index, fragment) for fragment in delta.tool_calls]
        if delta.item is not None:
            pieces += self._rest(delta.item, delta.output_index)
        return pieces

    def _call(self, item: int, fragment: ToolCallDelta) -> Json:
        sent = self._sent.get((item, 0), {})
        is_custom = (fragment.extra or {}).get("type") == "custom" or sent.get("type") == "custom_tool_call"
        kind = "custom_tool_call" if is_custom else "function_call"
        head = {"call_id": fragment.id, "name": fragment.name}
        fresh = {name: value for name, value in head.items() if value and name not in sent}
        return self._piece(item, 0, {"type": kind, **fresh, CALLS[kind]: fragment.arguments})

    def _rest(self, item: Json, index: int) -> list[Json]:
        """What no piece has said of an item that is whole. The texts of a reply may end earlier than those of items."""
        self._done.add(index)
        waiting, rest = self._waiting.pop(index, ""), []
        for part, block in enumerate(blocks_of_item(item, self._version)):
            sent = self._sent.get((index, part), {})
            unsent = _unsent(block, sent)
            if item.get("type") == "message" and block["type"] == "text":
                left = max(len(str(block.get("text") or "")) - sum(map(len, sent.get("text", ()))), 0)
                unsent["text"], waiting = waiting[:left], waiting[left:]
            rest.append({**unsent, "index": self._index(index, part)})
        return rest

    def _piece(self, item: int, part: int, piece: Json) -> Json:
        _note(self._sent.setdefault((item, part), {}), piece)
        return {**piece, "index": self._index(item, part)}

    def _index(self, item: int, part: int) -> int:
        """The index of a block: blocks are counted as they begin."""
        return self._indexes.setdefault((item, part), len(self._indexes))

    def _v0_fields(self, delta: Delta, pieces: list[Json]) -> Json:
        """What `additional_kwargs` gains under "v0"."""
        if delta.completion is not None:
            thought = v0_fields(delta.completion.choices[0].items).get("reasoning", {})
            rest = {name: value for name, value in thought.items() if name not in REASONING_PARTS}
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
            fields["tool_outputs"] = [{**item_block(item), "index": self._index(place, 0)}]
        if item is not None and (ids := v0_call_ids([item])):
            fields[CALL_IDS] = ids
        return fields


def _note(sent: Json, piece: Json) -> None:
    """Adds a piece of a block, or of a part of it, to what was sent."""
    for name, value in piece.items():
        if name in _TEXTS:
            sent.setdefault(name, []).append(value)
        elif isinstance(value, list):
            for part in value:
                _note(sent.setdefault(name, {}).setdefault(part["index"], {}), part)
        else:
            sent[name] = value


def _unsent(block: Json, sent: Json) -> Json:
    """What of a block, or of a part of it, was not sent. Its type is said again: it says what this is part of."""
    unsent: Json = {}
    for name, value in block.items():
        before = sent.get(name)
        if name in REASONING_PARTS and isinstance(value, list) and block.get("type") == "reasoning":
            unsent[name] = _unsent_parts(value, before or {})
        elif name == "type" or before is None:
            unsent[name] = value
        elif isinstance(before, list) and isinstance(value, str):  # not a call's object, which the pieces have written
            text = "".join(before)
            unsent[name] = value[len(text) :] if value.startswith(text) else ""
    return unsent


def _unsent_parts(parts: list[Any], sent: Mapping[int, Json]) -> list[Any]:
    """What was not sent of the parts of reasoning, each with its index."""
    unsent: list[Any] = []
    for index, part in enumerate(parts):
        rest = _unsent(part, sent.get(index, {})) if isinstance(part, dict) else part
        if not isinstance(part, dict):
            unsent.append(part)
        elif index not in sent or any(value for name, value in rest.items() if name != "type"):
            unsent.append({**rest, "index": index})
    return unsent


def _parts(thought: Json) -> list[Json]:
    summary = thought.get("summary")
    return [part for part in summary if isinstance(part, dict)] if isinstance(summary, list) else []
