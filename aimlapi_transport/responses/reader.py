"""What a model sent under /v1/responses -> the values of chat completions, whole or streamed. Pure.

A reply is a list of output items; a whole reply is read as if each of its items had just been completed, so both read
the same fields. To read another kind of event, add a row to `_EVENTS`; an item or event nobody reads is kept as it
came: items in `Choice.items`, events in `Completion.raw["unread_events"]`.
Source: https://docs.aimlapi.com/api-references/text-models-llm/openai (the /v1/responses schemas)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from aimlapi_transport.chat.merge import fold, joined_logprobs
from aimlapi_transport.chat.response import Choice, Completion, Delta
from aimlapi_transport.chat.tool_calls import ToolCallDelta, ToolCallReader
from aimlapi_transport.chat.usage import cost_from, usage_from
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.limits import DEFAULT
from aimlapi_transport.error_bodies import public_headers
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.responses.events import (
    NO_CALL,
    NOT_EXTRA,
    PROGRESS,
    REPEATED,
    RUNNING,
    finish_of,
    index_of,
    place_of,
    starts_of,
    whole_number,
)
from aimlapi_transport.responses.failure import failure
from aimlapi_transport.responses.output_items import (
    OutputItem,
    annotations_of,
    call_field,
    call_piece,
    message_logprobs,
    reasoning_parts,
)
from aimlapi_transport.responses.stop import StopSequences

__all__ = ["ResponsesReader"]

_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class ResponsesReader:
    """Folds the events of one reply, and says what each event added.

    Args:
        stop: sequences at which the text ends; what comes after is in the items, and in nothing else.

    Attributes:
        inference_id: the provider's id of this call; without the key, should a server echo it.
    """

    ends_at_done = False
    end = "no `response.completed`"

    def __init__(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        scrub: Callable[[str], str] = lambda text: text,
        new_id: Callable[[], str] = lambda: f"call_{uuid4().hex[:24]}",
        max_choices: int = DEFAULT.choices,
        stop: Sequence[str] = (),
    ) -> None:
        self._stop = StopSequences(stop) if stop else None
        self._headers = headers or {}
        self._scrub = scrub
        self.inference_id = scrub(self._headers.get("x-inference-id", "")) or None
        self._max_items = max_choices
        self._items: dict[int, OutputItem] = {}
        self._tools = ToolCallReader(new_id, max_choices)
        self._response: Json = {}
        self._status: str | None = None
        self._has_reasoning = False
        self._logprobs: Json | None = None
        self._extra: Json = {}
        self._unread: list[Json] = []
        self.is_finished = False

    @property
    def has_choice(self) -> bool:
        """Whether anything of an answer was seen."""
        return bool(self._items)

    def read(self, event: Json, *, whole: bool = False) -> list[Delta]:
        """What this event adds.

        Args:
            event: an event of a stream, or the body of a whole reply.
            whole: whether it is the body.
        """
        if self._stop is None:
            return self._read_whole(event) if whole else self._read(event)
        deltas: list[Delta] = []
        for delta in self._read_whole(event) if whole else self._read(event):
            deltas += self._stopped(delta, self._stop)
        return deltas

    def _stopped(self, delta: Delta, stop: StopSequences) -> list[Delta]:
        """The delta up to a stop sequence; after one, only the items."""
        if stop.is_found:
            return [Delta(raw=delta.raw, item=delta.item, place=delta.place)] if delta.item is not None else []
        if not delta.text:
            return [delta]
        delta.text = stop.feed(delta.text)
        return [delta] if delta.text or delta.logprobs or delta.refusal else []

    def _read(self, event: Json) -> list[Delta]:
        kind = event.get("type")
        read = _EVENTS.get(kind) if isinstance(kind, str) else None
        if read is not None:
            return read(self, event)
        if kind in _ENDS:
            response = event.get("response")
            return self._finished(response if isinstance(response, dict) else {}, str(kind).rpartition(".")[2])
        if kind == "error" or event.get("error"):
            raise failure(event, scrub=self._scrub, request_id=self.inference_id)
        if not (isinstance(kind, str) and kind.startswith(PROGRESS)):
            if len(self._unread) < self._max_items:
                self._unread.append(event)
        elif kind.endswith(".done"):
            return []
        return [Delta(raw=event, place=place_of(event))]

    def close(self) -> list[Delta]:
        """What was still held back; the last delta carries the completion."""
        fragments = self._tools.close() if not (self._stop and self._stop.is_found) else ()
        deltas = [Delta(tool_calls=fragments)] if fragments else []
        if self._stop is not None and (rest := self._stop.rest()):
            deltas.insert(0, Delta(rest))
        completion = self.completion()
        return [*deltas, Delta(raw=completion.raw, completion=completion)]

    def completion(self) -> Completion:
        """All that has arrived so far, as a completion."""
        response = self._response
        items = [self._items[index] for index in sorted(self._items)]
        done = tuple(item.value for item in items if item.is_done)
        item_texts = [item.whole_text() for item in items]
        placed = zip(items, starts_of(item_texts), strict=True)
        cited = [found for item, start in placed for found in annotations_of(item.value, start)]
        text, is_stopped = "".join(item_texts), self._stop is not None and self._stop.is_found
        calls = () if is_stopped else self._tools.calls()
        finish, native = finish_of(self._status or response.get("status"), response, bool(calls))
        if is_stopped and self._stop is not None:
            text, finish = self._stop.cut(text), "stop"
        choice = Choice(
            index=0,
            text=text,
            reasoning="\n\n".join(text for item in items if (text := item.whole_reasoning())),
            refusal="".join(item.whole_refusal() for item in items),
            tool_calls=calls,
            finish_reason=finish if self.is_finished else None,
            native_finish_reason=native,
            logprobs=self._logprobs,
            extra={**self._extra, **({"annotations": cited} if cited else {})},
            items=done,
        )
        raw = response if response.get("output") or not done else {**response, "output": [*done]}
        return Completion(
            id=str(response["id"]) if response.get("id") else None,
            model=str(response["model"]) if response.get("model") else None,
            created=whole_number(response.get("created_at")),
            choices=(choice,),
            usage=usage_from(response.get("usage")),
            cost=cost_from(response.get("meta")) or cost_from(self._headers),
            inference_id=self.inference_id,
            client_request_id=self._headers.get("x-client-request-id") or None,
            extra={k: v for k, v in response.items() if k not in NOT_EXTRA and v is not None and v != {}},
            raw={**raw, "unread_events": self._unread} if self._unread else raw,
            headers=public_headers(self._headers, self._scrub),
        )

    # -- a whole response ----------------------------------------------------------------------------------------------

    def _read_whole(self, response: Json) -> list[Delta]:
        if isinstance(response.get("response"), dict) and "output" not in response:
            response = response["response"]  # an event in place of the response
        if not ("output" in response or response.get("object") == "response" or "output_text" in response):
            error = error_in(response, whole=True, scrub=self._scrub)
            if error is not None:
                error.request_id = self.inference_id or error.request_id
                raise error
            raise BadResponseError(
                "The provider's reply holds no answer: it has no output.", body=response, request_id=self.inference_id
            )
        return self._finished(response, str(response.get("status") or "completed"), whole=True)

    def _finished(self, response: Json, status: str, *, whole: bool = False) -> list[Delta]:
        """The response as it stands at its end: what it says stands, whatever was streamed."""
        if response:
            self._response = response
        self._status = str(response.get("status") or status)
        output = response.get("output")
        if not output and not self._items and isinstance(response.get("output_text"), str) and response["output_text"]:
            part = {"type": "output_text", "text": response["output_text"]}
            output = [{"type": "message", "role": "assistant", "content": [part]}]
        deltas: list[Delta] = []
        for index, value in enumerate(output if isinstance(output, list) else ()):
            if isinstance(value, dict):
                deltas += self._complete(index, value)
        self.is_finished = self._status not in RUNNING
        if self._status in ("failed", "cancelled") or self._response.get("error"):
            source = {"status": self._status, **self._response}
            error = failure(source, whole=whole, scrub=self._scrub, request_id=self.inference_id)
            error.partial = self.completion() if self.has_choice else None
            raise error
        return deltas

    # -- events --------------------------------------------------------------------------------------------------------

    def _begun(self, event: Json) -> list[Delta]:
        """The response before its items: created, queued, in progress."""
        response = event.get("response")
        if isinstance(response, dict):
            self._response = {**response, "output": None}
        return [Delta(raw=event)] if event.get("type") == "response.queued" else []

    def _added(self, event: Json) -> list[Delta]:
        value = event.get("item")
        item = self._item(event)
        if item is None or not isinstance(value, dict):
            return []
        item.value = item.value or value
        field = call_field(value.get("type"))
        if field is not None and not item.is_done:
            fragments = self._call(item, value, str(value.get(field) or ""))
            return [Delta(tool_calls=fragments, raw=event, place=item.place)] if fragments else []
        return []

    def _done(self, event: Json) -> list[Delta]:
        value, index = event.get("item"), index_of(event)
        return self._complete(index, value, event) if isinstance(value, dict) and index is not None else []

    def _complete(self, index: int, value: Json, event: Json | None = None) -> list[Delta]:
        """An item that is whole: what of it was not streamed, and the item."""
        item = self._at(index)
        was_done, item.is_done, item.value = item.is_done, True, value
        raw = event or {}
        deltas: list[Delta] = []
        kind = value.get("type")
        if kind == "message":
            deltas += self._rest_of_message(item, raw)
        elif kind == "reasoning":
            for key, text in reasoning_parts(value):
                deltas += self._reasoning(item, key, text[item.parts.get(key, 0) :], raw)
        elif (field := call_field(kind)) is not None:
            written = value.get(field)
            text = written if isinstance(written, str) else ""
            fragments = self._call(item, value, text[item.arguments :])
            if fragments:
                deltas.append(Delta(tool_calls=fragments, raw=raw, place=item.place))
        if not was_done:
            deltas.append(Delta(raw=raw, item=value, place=item.place))
        return deltas

    def _rest_of_message(self, item: OutputItem, raw: Json) -> list[Delta]:
        text = item.whole_text()[len("".join(item.text)) :]
        refusal = item.whole_refusal()[len("".join(item.refusal)) :]
        logprobs = message_logprobs(item.value)
        if logprobs and not item.has_logprobs:
            self._logprobs = joined_logprobs(self._logprobs, logprobs)
        else:
            logprobs = None
        item.has_logprobs = item.has_logprobs or logprobs is not None
        if not (text or refusal or logprobs):
            return []
        item.text.append(text)
        item.refusal.append(refusal)
        return [Delta(text=text, refusal=refusal, logprobs=logprobs, raw=raw, place=item.place)]

    def _text(self, event: Json) -> list[Delta]:
        item, text = self._item(event), event.get("delta")
        if item is None or not isinstance(text, str):
            return []
        tokens = event.get("logprobs")
        logprobs = {"content": tokens} if isinstance(tokens, list) and tokens else None
        if logprobs:
            item.has_logprobs = True
            self._logprobs = joined_logprobs(self._logprobs, logprobs)
        item.text.append(text)
        return [Delta(text, logprobs=logprobs, raw=event, place=item.place)] if text or logprobs else []

    def _refused(self, event: Json) -> list[Delta]:
        item, text = self._item(event), event.get("delta")
        if item is None or not isinstance(text, str) or not text:
            return []
        item.refusal.append(text)
        return [Delta(refusal=text, raw=event, place=item.place)]

    def _thought(self, event: Json) -> list[Delta]:
        item, text = self._item(event), event.get("delta")
        field = "summary" if "summary_index" in event or "summary" in str(event.get("type")) else "content"
        part = event.get(f"{field}_index")
        if item is None or not isinstance(text, str):
            return []
        return self._reasoning(item, (field, part if isinstance(part, int) else 0), text, event)

    def _reasoning(self, item: OutputItem, key: tuple[str, int], text: str, raw: Json) -> list[Delta]:
        """A piece of reasoning; parts, and items, are paragraphs."""
        if not text:
            return []
        said = text if key in item.parts or not self._has_reasoning else f"\n\n{text}"
        self._has_reasoning = True
        item.parts[key] = item.parts.get(key, 0) + len(text)
        item.reasoning.append(said if item.reasoning else text)
        return [Delta(reasoning=said, raw=raw, place=(item.index, list(item.parts).index(key)))]

    def _arguments(self, event: Json) -> list[Delta]:
        item, text = self._item(event), event.get("delta")
        if item is None or not isinstance(text, str) or not text:
            return []
        value = item.value if call_field(item.value.get("type")) else {**NO_CALL[str(event.get("type"))], **item.value}
        fragments = self._call(item, value, text)
        return [Delta(tool_calls=fragments, raw=event, place=item.place)] if fragments else []

    def _call(self, item: OutputItem, value: Json, text: str) -> tuple[ToolCallDelta, ...]:
        """A piece of a call of the user's own tool, in the form of chat completions; its item's id is an extra."""
        piece = call_piece(value, text, item.index, with_id=not item.is_known)
        item.is_known = item.is_known or bool(value.get("name"))
        item.arguments += len(text)
        return self._tools.read([piece])

    def _audio(self, event: Json) -> list[Delta]:
        piece = event.get("delta")
        if not isinstance(piece, str):
            return []
        name = "transcript" if "transcript" in str(event.get("type")) else "data"
        extra: Json = {"audio": {name: piece}}
        fold(self._extra, extra)
        return [Delta(raw=event, extra=extra)]

    def _nothing(self, event: Json) -> list[Delta]:
        """An event that repeats what the deltas and the completed item say."""
        return []

    # -- items ---------------------------------------------------------------------------------------------------------

    def _item(self, event: Json) -> OutputItem | None:
        index = index_of(event)
        return None if index is None else self._at(index)

    def _at(self, index: int) -> OutputItem:
        item = self._items.get(index)
        if item is None:
            if len(self._items) >= self._max_items:
                raise BadResponseError(f"The reply holds more items than the limit of {self._max_items}.")
            item = self._items[index] = OutputItem(index)
        return item


_EVENTS: dict[str, Callable[[ResponsesReader, Json], list[Delta]]] = {
    "response.created": ResponsesReader._begun,
    "response.queued": ResponsesReader._begun,
    "response.in_progress": ResponsesReader._begun,
    "response.output_item.added": ResponsesReader._added,
    "response.output_item.done": ResponsesReader._done,
    "response.output_text.delta": ResponsesReader._text,
    "response.refusal.delta": ResponsesReader._refused,
    "response.reasoning_text.delta": ResponsesReader._thought,
    "response.reasoning_summary_text.delta": ResponsesReader._thought,
    "response.function_call_arguments.delta": ResponsesReader._arguments,
    "response.custom_tool_call_input.delta": ResponsesReader._arguments,
    "response.audio.delta": ResponsesReader._audio,
    "response.audio.transcript.delta": ResponsesReader._audio,
    **dict.fromkeys(REPEATED, ResponsesReader._nothing),
}
