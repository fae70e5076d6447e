"""What a model sent under /v1/responses, item by item -> deltas. Pure.

What an item or a part says once it is whole stands, whatever was announced or streamed; a stream adds what of it has
not come before. To read another kind of event, add a row to `_EVENTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.merge import fold, joined_logprobs
from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.tool_calls import ToolCallReader, text_of_arguments
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.responses.events import PIECES, REPEATED, WHOLE_PARTS, PartKey, part_of, whole_part
from aimlapi_transport.responses.item_state import OutputItem
from aimlapi_transport.responses.output_items import (
    CALLS,
    PARAGRAPH,
    annotations_of,
    call_field,
    is_comment,
    joined_texts,
    message_logprobs,
)

_CALL_FIELDS = frozenset(("id", "type", "call_id", "name", "arguments", "input", "status"))


class OutputReader:
    """Folds the events of the output items of one reply, and says what each event added.

    Args:
        max_items: output items, and tool calls; more raise `BadResponseError`.
        answer_only: whether messages that comment on the work are left out of the text.

    Attributes:
        items: by their index.
        extra: what the answer holds beside its items.
    """

    def __init__(self, new_id: Callable[[], str], max_items: int, *, answer_only: bool) -> None:
        self._max_items = max_items
        self._answer_only = answer_only
        self._last_text: OutputItem | None = None
        self._has_reasoning = False
        self.items: dict[int, OutputItem] = {}
        self.tools = ToolCallReader(new_id, max_items)
        self.logprobs: Json | None = None
        self.extra: Json = {}

    def read(self, event: Json) -> list[Delta] | None:
        """What an event of an item adds; None for any other event."""
        kind = event.get("type")
        read = _EVENTS.get(kind) if isinstance(kind, str) else None
        return None if read is None else read(self, event)

    def read_output(self, output: Any) -> list[Delta]:
        """What all output items, as they are at the end, add to what was streamed of them."""
        deltas: list[Delta] = []
        values = [value for value in output if isinstance(value, dict)] if isinstance(output, list) else []
        named = [value.get("id") for value in values]
        left = dict(self.items)  # those that stand nowhere in the output yet
        for position, value in enumerate(values):
            item = _streamed_as(left, position, value, named) or self._begin(max(self.items, default=-1) + 1)
            left.pop(item.index, None)
            deltas += self._complete(item, value, {})
        return deltas

    def close(self) -> list[Delta]:
        """What was announced, and never said again; and what of calls was still held back."""
        deltas = [delta for item in self.items.values() if not item.is_done for delta in self._rest(item, {})]
        fragments = self.tools.close()
        return [*deltas, Delta(tool_calls=fragments)] if fragments else deltas

    def in_order(self) -> list[OutputItem]:
        """The items, by their index."""
        return [self.items[index] for index in sorted(self.items)]

    def text(self) -> tuple[str, list[Json]]:
        """The text of the messages so far, and its annotations."""
        messages = [item for item in self.in_order() if not (self._answer_only and is_comment(item.value))]
        text, starts = joined_texts([(item.joined("text"), is_comment(item.value)) for item in messages])
        pairs = zip(messages, starts, strict=True)
        return text, [annotation for item, start in pairs for annotation in annotations_of(item.value, start)]

    # -- items ---------------------------------------------------------------------------------------------------------

    def _added(self, event: Json) -> list[Delta]:
        value = event.get("item")
        item = self._item_of(event, is_new=True)
        if not isinstance(value, dict) or item.is_done:
            return []
        item.value = value
        field = call_field(value.get("type"))
        if field is None:
            return []
        item.arguments.announce(text_of_arguments(value.get(field)))
        return self._call(item, value, "", event)

    def _done(self, event: Json) -> list[Delta]:
        value = event.get("item")
        return self._complete(self._item_of(event), value, event) if isinstance(value, dict) else []

    def _complete(self, item: OutputItem, value: Json, raw: Json) -> list[Delta]:
        """An item that is whole: what of it was not streamed, and the item."""
        was_done, item.is_done, item.value = item.is_done, True, value
        deltas = self._rest(item, raw)
        return deltas if was_done else [*deltas, Delta(raw=raw, item=value, output_index=item.index)]

    def _rest(self, item: OutputItem, raw: Json) -> list[Delta]:
        """What an item says that was not streamed."""
        field = call_field(item.value.get("type"))
        if field is not None:
            return self._finished_call(
                item, item.value, text_of_arguments(item.value.get(field)) if item.is_done else "", raw
            )
        deltas: list[Delta] = []
        for part, text in item.parts():
            logprobs = message_logprobs(item.value) if part[0] == "text" and not item.has_logprobs else None
            deltas += self._add(item, part, item.rest(part, text), raw, logprobs)
        return deltas

    # -- messages and reasoning ----------------------------------------------------------------------------------------

    def _piece(self, event: Json) -> list[Delta]:
        text, tokens, field = event.get("delta"), event.get("logprobs"), PIECES[event["type"]]
        if not isinstance(text, str):
            return []
        logprobs = {"content": tokens} if field == "text" and isinstance(tokens, list) and tokens else None
        return self._add(self._item_of(event), part_of(event, field), text, event, logprobs)

    def _part_done(self, event: Json) -> list[Delta]:
        whole = whole_part(event)
        if whole is None:
            return []
        item = self._item_of(event)
        return [] if item.is_done else self._add(item, whole[0], item.rest(*whole), event)

    def _add(self, item: OutputItem, part: PartKey, text: str, raw: Json, logprobs: Json | None = None) -> list[Delta]:
        """What a piece of a part adds. A comment, and each part of reasoning, is a paragraph."""
        is_new = not item.has(part)
        if text:
            item.add(part, text)
        elif not logprobs:
            return []
        delta = Delta(raw=raw, output_index=item.index)
        if part[0] == "refusal":
            delta.refusal = text
        elif part[0] == "text":
            if self._answer_only and is_comment(item.value):
                return []
            if logprobs:
                item.has_logprobs = True
                self.logprobs = joined_logprobs(self.logprobs, logprobs)
            phase = item.value.get("phase")
            delta.text, delta.part, delta.logprobs = text, part, logprobs
            delta.phase = phase if isinstance(phase, str) else None
            last, self._last_text = self._last_text, item
            if last is not None and last is not item and is_comment(last.value):
                return [Delta(PARAGRAPH, raw=raw, is_separator=True), delta]
        else:
            delta.reasoning, delta.part = text, part
            is_paragraph, self._has_reasoning = is_new and self._has_reasoning, True
            if is_paragraph:
                return [Delta(reasoning=PARAGRAPH, raw=raw, is_separator=True), delta]
        return [delta]

    def _audio(self, event: Json) -> list[Delta]:
        piece = event.get("delta")
        if not isinstance(piece, str):
            return []
        name = "transcript" if "transcript" in str(event.get("type")) else "data"
        extra: Json = {"audio": {name: piece}}
        fold(self.extra, extra)
        return [Delta(raw=event, extra=extra)]

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _arguments(self, event: Json) -> list[Delta]:
        item, text = self._item_of(event), event.get("delta")
        value = _call_value(item, event)
        if item.is_done or value is None or not isinstance(text, str) or not text:
            return []
        return self._call(item, value, item.arguments.feed(text), event)

    def _arguments_done(self, event: Json) -> list[Delta]:
        item = self._item_of(event)
        value = _call_value(item, event)
        if item.is_done or value is None:
            return []
        return self._finished_call(item, value, text_of_arguments(event.get(CALLS[value["type"]])), event)

    def _finished_call(self, item: OutputItem, value: Json, arguments: str, raw: Json) -> list[Delta]:
        """A call whose arguments are whole: what of them has not come."""
        rest = item.arguments.finish(arguments)
        if rest is None:
            self.tools.replace_arguments(item.index, arguments)
        return self._call(item, value, rest or "", raw, is_last=item.is_done or not raw)

    def _call(self, item: OutputItem, value: Json, arguments: str, raw: Json, *, is_last: bool = False) -> list[Delta]:
        """A fragment of a call, in the form of chat completions; its item's id is an extra.

        Args:
            is_last: whether no other id comes: then the item's stands for a call's that is missing.
        """
        name, call_id = value.get("name"), value.get("call_id") or (value.get("id") if is_last else None)
        extra: Json = {}
        if call_id and not item.has_call_id:
            item.has_call_id = True
            extra |= {key: field for key, field in value.items() if key not in _CALL_FIELDS and field is not None}
            extra |= {"item_id": value["id"]} if value.get("id") else {}
        if value.get("type") == "custom_tool_call" and (extra or not self.tools.has(item.index)):
            extra["type"] = "custom"
        fragments = self.tools.add(
            item.index,
            call_id=str(call_id or ""),
            name=name if isinstance(name, str) else "",
            arguments=arguments,
            extra=extra,
        )
        return [Delta(tool_calls=fragments, raw=raw, output_index=item.index)] if fragments else []

    def _nothing(self, event: Json) -> list[Delta]:
        """An event that repeats what the deltas and the completed item say."""
        return []

    # -- items ---------------------------------------------------------------------------------------------------------

    def _item_of(self, event: Json, *, is_new: bool = False) -> OutputItem:
        """The item an event is of: by its index, else by its id, else the last.

        Args:
            is_new: whether it is of a new one, where it does not say.
        """
        index = event.get("output_index")
        if not isinstance(index, int) or isinstance(index, bool):
            value = event.get("item")
            item_id = value.get("id") if isinstance(value, dict) else event.get("item_id")
            named = (item.index for item in self.items.values() if item_id and item.value.get("id") == item_id)
            last = max(self.items, default=-1)
            is_new = is_new or last < 0 or (isinstance(value, dict) and self.items[last].is_done)
            index = next(named, last + 1 if is_new else last)
        return self.items.get(index) or self._begin(index)

    def _begin(self, index: int) -> OutputItem:
        if len(self.items) >= self._max_items:
            raise BadResponseError(f"The reply contains more items than the limit of {self._max_items}.")
        item = self.items[index] = OutputItem(index)
        return item


def _streamed_as(
    items: Mapping[int, OutputItem], position: int, value: Json, named: Sequence[Any]
) -> OutputItem | None:
    """The item that was streamed and stands at this position of the output; None where none is known.

    By its id, else by its position, else by its type: a host may leave items out of the output, or name them anew.

    Args:
        named: the ids of all items of the output.
    """
    kind, item_id = value.get("type"), value.get("id")
    for item in items.values():
        if item_id and item.value.get("id") == item_id:
            return item
    others = {index: item for index, item in items.items() if not (item.value and item.value.get("id") in named)}
    known = others.get(position)
    if known is not None and known.value.get("type", kind) == kind:
        return known
    return next((item for item in others.values() if item.value.get("type") == kind), None)


def _call_value(item: OutputItem, event: Json) -> Json | None:
    """A call's item as far as it is known, with its type in any case; None of an item that is no call."""
    kind = item.value.get("type")
    if kind is not None and call_field(kind) is None:
        return None
    known = {name: event[name] for name in ("name", "call_id") if event.get(name)}
    return {"type": "custom_tool_call" if "custom" in event["type"] else "function_call", **known, **item.value}


_EVENTS: dict[str, Callable[[OutputReader, Json], list[Delta]]] = {
    "response.output_item.added": OutputReader._added,
    "response.output_item.done": OutputReader._done,
    **dict.fromkeys(PIECES, OutputReader._piece),
    **dict.fromkeys(WHOLE_PARTS, OutputReader._part_done),
    "response.function_call_arguments.delta": OutputReader._arguments,
    "response.custom_tool_call_input.delta": OutputReader._arguments,
    "response.function_call_arguments.done": OutputReader._arguments_done,
    "response.custom_tool_call_input.done": OutputReader._arguments_done,
    "response.audio.delta": OutputReader._audio,
    "response.audio.transcript.delta": OutputReader._audio,
    **dict.fromkeys(REPEATED, OutputReader._nothing),
}
