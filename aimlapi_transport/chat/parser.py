"""What a model sent -> values: the only place that reads a reply, whole or streamed.

A whole reply is a stream of one event, so both read the same fields. To read a new field, read it in
`CompletionReader._choice`; a field nobody reads is still in `extra` and in `raw`.
Source: https://docs.aimlapi.com/api-references/text-models-llm and the replies published there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from aimlapi_transport.chat.choice_state import ChoiceState, PreviousEvent
from aimlapi_transport.chat.merge import details_text, fold, fold_details, joined_logprobs, parts, sealed
from aimlapi_transport.chat.response import Choice, Completion, Delta, finish_reason_for, with_raw
from aimlapi_transport.chat.think_tags import ThinkSplitter
from aimlapi_transport.chat.tool_calls import ToolCallDelta, ToolCallReader
from aimlapi_transport.chat.usage import Cost, Usage, cost_from, usage_from
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import BadResponseError, error_in, public_headers
from aimlapi_transport.http.limits import DEFAULT

__all__ = ["CompletionReader"]

_REPLY_FIELDS = frozenset(("id", "object", "created", "model", "choices", "usage", "obfuscation"))
_CHOICE_FIELDS = frozenset(("index", "delta", "message", "finish_reason", "native_finish_reason", "logprobs"))
_MESSAGE_FIELDS = frozenset(
    ("role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
)


_UNLIKE = 64  # events that were not like the one before, after which no more are compared


class CompletionReader:
    """Folds the events of one reply, each field by its own rule, and says what each event added.

    Text, reasoning, refusals, arguments, audio and log probabilities join; the first id and model stand;
    the last usage, cost and finish reason that say something stand, so a later all-zero usage never wins.

    Args:
        inline_think: whether the family is known for `<think>` in its text: a lone `</think>` at its end is dropped.
        parse_think: whether `<think>...</think>` at the start of the text is read as reasoning.

    Attributes:
        inference_id: the provider's id of this call; in errors, too, so without the key, should a server echo it.
    """

    ends_at_done = True
    end = "neither a finish reason nor [DONE]"

    def __init__(
        self,
        *,
        inline_think: bool = False,
        parse_think: bool = True,
        headers: Mapping[str, str] | None = None,
        scrub: Callable[[str], str] = lambda text: text,
        new_id: Callable[[], str] = lambda: f"call_{uuid4().hex[:24]}",
        most: int = DEFAULT.choices,
    ) -> None:
        self._inline_think = inline_think
        self._parse_think = parse_think
        self._headers = headers or {}
        self._scrub = scrub
        self.inference_id = scrub(self._headers.get("x-inference-id", "")) or None
        self._new_id = new_id
        self._most = most
        self._choices: dict[int, ChoiceState] = {}
        self._id: str | None = None
        self._model: str | None = None
        self._created: int | None = None
        self._usage: Usage | None = None
        self._cost: Cost | None = cost_from(self._headers)
        self._extra: Json = {}
        self._whole: Json | None = None
        self._last: PreviousEvent | None = None
        self._unlike = 0

    @property
    def has_choice(self) -> bool:
        """Whether any choice was seen: a reply without one is no answer."""
        return bool(self._choices)

    @property
    def is_finished(self) -> bool:
        """Whether every choice seen has a finish reason."""
        return bool(self._choices) and all(state.finish is not None for state in self._choices.values())

    def spliced(self, data: bytes) -> Delta | None:
        """What the event of these bytes adds, where they are those of the one before but for its piece."""
        return None if self._last is None else self._last.spliced(data)

    def continued(self, event: Json, data: bytes = b"") -> Delta | None:
        """What this event adds, where it is as the one before but for its piece of text, reasoning or a call."""
        if self._last is None:
            return None
        delta = self._last.continued(event, data)
        if delta is None:
            self._unlike += 1
        return delta

    def read(self, event: Json, *, whole: bool = False) -> list[Delta]:
        """What this event adds, a delta per choice it adds to.

        Args:
            event: a chunk of a stream, or the body of a whole reply.
            whole: whether `message` (a whole reply) rather than `delta` (a chunk) is what counts.
        """
        if "event" in event and "choices" not in event and isinstance(event["event"], dict):
            event = self._unwrapped(event)
        choices = event.get("choices")
        if not choices or "error" in event or "base_resp" in event:
            self._raise_error_in(event, whole)
        if self._id is None and event.get("id"):
            self._id = str(event["id"])
        if self._model is None and event.get("model"):
            self._model = str(event["model"])
        if self._created is None and isinstance(event.get("created"), int):
            self._created = event["created"]
        if event.get("usage"):
            self._read_usage(event["usage"])
        for name in event:
            if name not in _REPLY_FIELDS:
                value = event[name]
                if name == "meta":
                    self._cost = cost_from(value) or self._cost
                elif name == "x_groq" and value.__class__ is dict:
                    self._read_usage(value.get("usage") or None)  # Groq's streams have it here
                if value is not None:
                    self._extra[name] = value
        if whole:
            self._whole = event
        deltas: list[Delta] = []
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                delta = self._choice(choice, whole, event)
                if delta is not None:
                    deltas.append(delta)
        self._last = None if whole or self._unlike > _UNLIKE else self._seen(event)
        return deltas

    def _seen(self, event: Json) -> PreviousEvent | None:
        """What the next event is compared with; None where reading the same again would say something."""
        choices = event.get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or "error" in event or "base_resp" in event:
            return None
        choice = choices[0]
        index = choice.get("index") if isinstance(choice, dict) else None
        if index.__class__ is not int or choice.get("logprobs") or choice.get("error"):
            return None
        state = self._choices[index]
        is_split = state.think is not None and state.think.has_begun
        return None if is_split else PreviousEvent(event, choice, state)

    def close(self) -> list[Delta]:
        """What was still held back; the last delta carries the completion.

        Raises:
            BadResponseError: no choice ever came.
        """
        if not self._choices:
            raise BadResponseError("The provider's reply holds no answer: it has no choices.", body=self._whole)
        deltas: list[Delta] = []
        for state in self._choices.values():
            reasoning, text = state.think.close() if state.think else ("", "")
            if text:
                state.text.add(text)
            if reasoning:
                state.reasoning.add(reasoning)
            fragments = state.tools.close()
            if text or reasoning or fragments:
                deltas.append(Delta(text, reasoning, fragments, state.index))
        first = min(self._choices)
        completion = self.completion()
        deltas.append(Delta(choice=first, raw=completion.raw, completion=completion))
        return deltas

    def completion(self) -> Completion:
        """All that has arrived so far, as a completion."""
        held = {index: state.think.rest() if state.think else ("", "") for index, state in self._choices.items()}
        choices = tuple(
            Choice(
                index=state.index,
                text=state.text.text() + held[state.index][1],
                reasoning=state.reasoning.text() + held[state.index][0],
                refusal=state.refusal.text(),
                tool_calls=state.tools.calls(),
                finish_reason=None if state.finish is None else finish_reason_for(state.finish),
                native_finish_reason=state.native_finish or state.finish,
                logprobs=state.logprobs,
                extra={**sealed(state.thoughts), **state.extra, **_legacy(state.tools)},
            )
            for _, state in sorted(self._choices.items())
        )
        completion = Completion(
            id=self._id,
            model=self._model,
            created=self._created,
            choices=choices,
            usage=self._usage,
            cost=self._cost,
            inference_id=self.inference_id,
            client_request_id=self._headers.get("x-client-request-id"),
            extra=self._extra,
            raw=self._whole or {},
            headers=public_headers(self._headers, self._scrub),
        )
        return completion if self._whole else with_raw(completion, {s.index: s.finish for s in self._choices.values()})

    def _choice(self, choice: Json, whole: bool, event: Json) -> Delta | None:
        index = choice.get("index")
        if index.__class__ is not int:
            index = 0
        state = self._choices.get(index)
        if state is None:
            if len(self._choices) >= self._most:
                raise BadResponseError(f"The reply holds more answers than the limit of {self._most}.")
            think = ThinkSplitter(drops_lone_close=self._inline_think) if self._parse_think else None
            state = self._choices[index] = ChoiceState(index, think, self._new_id, self._most)
        message = choice.get("message" if whole else "delta")
        if not isinstance(message, dict):
            # Some gateways put the other word; a message after deltas repeats them, so it counts only alone.
            other = choice.get("delta" if whole else "message")
            said = state.text.length or state.reasoning.length or state.tools.calls()
            said = said or (state.think is not None and state.think.has_begun)
            message = other if isinstance(other, dict) and not said else None
            whole = whole or message is not None
        if choice.get("finish_reason"):
            state.finish = str(choice["finish_reason"])
            if state.finish == "error":
                self._raise_error_in(event, whole)
        if choice.get("native_finish_reason"):
            state.native_finish = str(choice["native_finish_reason"])
        logprobs = choice.get("logprobs")
        if logprobs:
            state.logprobs = joined_logprobs(state.logprobs, logprobs)
        if not choice.keys() <= _CHOICE_FIELDS:
            for name, value in choice.items():
                if name == "error" and value:
                    self._raise_error_in(event, whole)
                if name not in _CHOICE_FIELDS and value is not None:
                    state.extra[name] = value
        if message is None:
            if whole:
                raise BadResponseError("The provider's reply holds no answer: its choice has no message.", body=event)
            return None
        content = message.get("content")
        if len(message) == 1 and not logprobs:
            # A piece of text or of calls and nothing else, as most events are: a fifth less than looking for the rest.
            if content.__class__ is str and state.think is None:
                if not content:
                    return None
                state.text.add(content)
                return Delta(content, "", (), index, event)
            if message.get("tool_calls"):
                pieces = state.tools.read(message["tool_calls"], whole=whole)
                return Delta("", "", pieces, index, event) if pieces else None
            reasoning = message.get("reasoning_content")
            if reasoning.__class__ is str and reasoning:
                state.reasoning.add(reasoning)
                return Delta("", reasoning, (), index, event)
        extra: Json | None = None
        reasoning = ""
        if content.__class__ is str:
            text: str = content
        elif content is None:
            text = ""
        else:
            text, reasoning, thoughts, others = parts(content)
            fold_details(state.thoughts, thoughts)
            if others:
                extra = {"content_parts": others}
        if state.think is not None and text:
            inline, text = state.think.feed(text)
            reasoning += inline
            if state.think.is_over:
                state.think = None
        named = message.get("reasoning_content") or message.get("reasoning")
        if named.__class__ is str:
            reasoning += named
        if not message.keys() <= _MESSAGE_FIELDS:
            for name, value in message.items():
                if name not in _MESSAGE_FIELDS and value is not None and value != [] and value != "":
                    extra = extra or {}
                    extra[name] = value
            if extra and not reasoning and "reasoning_details" in extra:
                reasoning = details_text(extra["reasoning_details"])
        refusal = message.get("refusal") or ""
        calls = message.get("tool_calls")
        fragments: tuple[ToolCallDelta, ...] = ()
        if calls:
            fragments = state.tools.read(calls, whole=whole)
        if message.get("function_call"):
            fragments += state.tools.read_function_call(message["function_call"])
        if extra:
            fold(state.extra, extra)
        if text:
            state.text.add(text)
        if reasoning:
            state.reasoning.add(reasoning)
        if refusal:
            refusal = str(refusal)
            state.refusal.add(refusal)
        if text or reasoning or fragments or extra or refusal or logprobs:
            return Delta(text, reasoning, fragments, index, event, refusal, logprobs or None, extra)
        return None

    def _raise_error_in(self, event: Json, whole: bool) -> None:
        error = error_in(event, whole=whole, scrub=self._scrub)
        if error is not None:
            error.request_id = self.inference_id or error.request_id
            error.headers = public_headers(self._headers, self._scrub)
            raise error

    def _read_usage(self, value: Any, *, merge: bool = False) -> None:
        usage = usage_from(value)
        if usage is None:
            return
        if merge and self._usage is not None:
            usage = self._usage.merged(usage)
        if self._usage is None or usage.says_something:
            self._usage = usage

    def _unwrapped(self, envelope: Json) -> Json:
        """The chunk inside `{"event": chunk, "state": {...}}`, an envelope the provider sent in February 2026.

        Its `state` holds the counts and the vendor's finish reason; the chunk's own usage is all zero.
        """
        state = envelope.get("state")
        if isinstance(state, dict):
            self._read_usage(state.get("usage"), merge=True)
            if state.get("finishReason") and self._choices:
                self._choices[min(self._choices)].native_finish = str(state["finishReason"])
        event: Json = envelope["event"]
        return event


def _legacy(tools: ToolCallReader) -> Json:
    """The older `function_call` field, for programs that read it; the call is among the tool calls, too."""
    call = tools.function_call()
    return {"function_call": call} if call else {}
