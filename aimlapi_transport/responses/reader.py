"""What a model sent under /v1/responses -> the values of chat completions, whole or streamed. Pure.

A reply is a list of output items; a whole reply is read as if each of its items had just been completed, so both read
the same fields (`output_reader`). An item or event nobody reads is kept unchanged: items in `Choice.items`, events in
`Completion.raw["unread_events"]`.
Source: https://docs.aimlapi.com/api-references/text-models-llm/openai (the /v1/responses schemas)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from aimlapi_transport.chat.response import Choice, Completion, Delta
from aimlapi_transport.chat.usage import cost_from, usage_from
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.limits import DEFAULT
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.responses.events import NOT_EXTRA, PROGRESS, RUNNING, finish_of, whole_number
from aimlapi_transport.responses.failure import failure
from aimlapi_transport.responses.output_items import PARAGRAPH
from aimlapi_transport.responses.output_reader import OutputReader
from aimlapi_transport.responses.stop import StopSequences

__all__ = ["ResponsesReader"]

_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class ResponsesReader:
    """Folds the events of one reply, and says what each event added.

    What an item or a part says once it is whole stands, whatever was announced or streamed; a stream adds what of it
    has not come before.

    Args:
        max_choices: output items, and tool calls; more raise `BadResponseError`.
        stop: sequences at which the text ends; what comes after is in the items, and in nothing else.
        answer_only: whether messages that comment on the work (`phase: commentary`) are left out of the text: where a
            schema describes it. They are among the items.
        headers: of the reply, without cookies and without the key.
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
        answer_only: bool = False,
    ) -> None:
        self._stop = StopSequences(stop) if stop else None
        self._headers = headers or {}
        self._scrub = scrub
        self._max_events = max_choices
        self._output = OutputReader(new_id, max_choices, answer_only=answer_only)
        self._response: Json = {}
        self._status: str | None = None
        self._unread: list[Json] = []
        self.is_finished = False

    @property
    def has_choice(self) -> bool:
        """Whether anything of an answer was seen."""
        return bool(self._output.items)

    def read(self, event: Json, *, whole: bool = False) -> list[Delta]:
        """What this event adds.

        Args:
            event: an event of a stream, or the body of a whole reply.
            whole: whether it is the body.
        """
        deltas = self._read_whole(event) if whole else self._read(event)
        if self._stop is None:
            return deltas
        return [cut for delta in deltas for cut in self._stopped(delta, self._stop)]

    def _stopped(self, delta: Delta, stop: StopSequences) -> list[Delta]:
        """The delta up to a stop sequence; after one, only the items."""
        if stop.is_found:
            if delta.item is None:
                return []
            return [Delta(raw=delta.raw, item=delta.item, output_index=delta.output_index)]
        if not delta.text:
            return [delta]
        delta.text = stop.feed(delta.text)
        return [delta] if delta.text or delta.logprobs or delta.refusal else []

    def _read(self, event: Json) -> list[Delta]:
        kind = event.get("type")
        if kind in _BEGINNINGS:
            return self._begun(event)
        deltas = self._output.read(event)
        if deltas is not None:
            return deltas
        if kind in _ENDS:
            response = event.get("response")
            return self._finished(response if isinstance(response, dict) else {}, str(kind).rpartition(".")[2])
        if kind == "error" or event.get("error"):
            raise failure(event, scrub=self._scrub)
        if not (isinstance(kind, str) and kind.startswith(PROGRESS)):
            if len(self._unread) < self._max_events:
                self._unread.append(event)
        elif kind.endswith(".done"):
            return []
        index = event.get("output_index")
        return [Delta(raw=event, output_index=index if isinstance(index, int) else None)]

    def close(self) -> list[Delta]:
        """What was still held back; the last delta carries the completion."""
        deltas = []
        if self._stop is not None and (rest := self._stop.rest()):
            deltas.append(Delta(rest))
        if self._stop is None or not self._stop.is_found:
            deltas += self._output.close()
        completion = self.completion()
        return [*deltas, Delta(raw=completion.raw, completion=completion)]

    def completion(self) -> Completion:
        """All that has arrived so far, as a completion."""
        response = self._response
        items = self._output.in_order()
        done = tuple(item.value for item in items if item.is_done)
        text, cited = self._output.text()
        is_stopped = self._stop is not None and self._stop.is_found
        calls = () if is_stopped else self._output.tools.calls()
        finish, native = finish_of(self._status or response.get("status"), response, bool(calls))
        if is_stopped and self._stop is not None:
            text, finish = self._stop.cut(text), "stop"
        choice = Choice(
            index=0,
            text=text,
            reasoning=PARAGRAPH.join(text for item in items if (text := item.reasoning())),
            refusal="".join(item.joined("refusal") for item in items),
            tool_calls=calls,
            finish_reason=finish if self.is_finished else None,
            native_finish_reason=native,
            logprobs=self._output.logprobs,
            extra={**self._output.extra, **({"annotations": cited} if cited else {})},
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
            inference_id=self._headers.get("x-inference-id") or None,
            client_request_id=self._headers.get("x-client-request-id") or None,
            extra={k: v for k, v in response.items() if k not in NOT_EXTRA and v is not None and v != {}},
            raw={**raw, "unread_events": self._unread} if self._unread else raw,
            headers=self._headers,
        )

    def _read_whole(self, response: Json) -> list[Delta]:
        if isinstance(response.get("response"), dict) and "output" not in response:
            response = response["response"]  # an event in place of the response
        if not ("output" in response or response.get("object") == "response" or "output_text" in response):
            raise error_in(response, whole=True, scrub=self._scrub) or BadResponseError(
                "The provider's reply contains no answer: it has no output.", body=response
            )
        return self._finished(response, str(response.get("status") or "completed"), whole=True)

    def _finished(self, response: Json, status: str, *, whole: bool = False) -> list[Delta]:
        """The response as it stands at its end: what it says stands, whatever was streamed."""
        if response:
            self._response = response
        self._status = str(response.get("status") or status)
        output, text = response.get("output"), response.get("output_text")
        if not output and not self._output.items and isinstance(text, str) and text:
            output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}]
        deltas = self._output.read_output(output)
        self.is_finished = self._status not in RUNNING
        if self._status in ("failed", "cancelled") or self._response.get("error"):
            source = {"status": self._status, **self._response}
            error = failure(source, whole=whole, scrub=self._scrub)
            error.partial = self.completion() if self.has_choice else None
            raise error
        return deltas

    def _begun(self, event: Json) -> list[Delta]:
        """The response before its items: created, queued, in progress."""
        response = event.get("response")
        if isinstance(response, dict):
            self._response = {**response, "output": None}
        return [Delta(raw=event)] if event.get("type") == "response.queued" else []
