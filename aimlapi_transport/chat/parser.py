"""What a model sent -> values: the only place that reads a reply, whole or streamed.

A whole reply is a stream of one event, so both read the same fields. To read a new field, read it in
`CompletionReader._read_message`; a field nobody reads is still in `extra` and in `raw`.
Source: https://docs.aimlapi.com/api-references/text-models-llm and the replies published there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from aimlapi_transport.chat.choice_state import ChoiceState
from aimlapi_transport.chat.merge import details_text, fold, fold_details, joined_logprobs, parts
from aimlapi_transport.chat.response import Choice, Completion, Delta, raw_choice
from aimlapi_transport.chat.think_tags import ThinkSplitter
from aimlapi_transport.chat.tool_calls import ToolCallDelta, ToolCallReader
from aimlapi_transport.chat.usage import Cost, Usage, cost_from, usage_from
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.limits import DEFAULT
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import BadResponseError

__all__ = ["CompletionReader"]

_REPLY_FIELDS = frozenset(("id", "object", "created", "model", "choices", "usage", "obfuscation"))
_CHOICE_FIELDS = frozenset(("index", "delta", "message", "finish_reason", "native_finish_reason", "logprobs"))
_MESSAGE_FIELDS = frozenset(
    ("role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
)


class CompletionReader:
    """Folds the events of one reply, each field by its own rule, and says what each event added.

    Text, reasoning, refusals, arguments, audio and log probabilities join; the first id and model stand;
    the last usage, cost and finish reason that say something stand, so a later all-zero usage never wins.

    Args:
        inline_think: whether the family is known for `<think>` in its text: a lone `</think>` at its end is dropped.
        parse_think: whether `<think>...</think>` at the start of the text is read as reasoning.
        max_choices: choices of the reply, and tool calls of a choice; more raise `BadResponseError`.

        headers: of the reply, without cookies and without the key.
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
        max_choices: int = DEFAULT.choices,
    ) -> None:
        self._inline_think = inline_think
        self._parse_think = parse_think
        self._headers = headers or {}
        self._scrub = scrub
        self._new_id = new_id
        self._max_choices = max_choices
        self._choices: dict[int, ChoiceState] = {}
        self._id: str | None = None
        self._model: str | None = None
        self._created: int | None = None
        self._usage: Usage | None = None
        self._cost: Cost | None = cost_from(self._headers)
        self._extra: Json = {}
        self._whole: Json | None = None

    @property
    def has_choice(self) -> bool:
        """Whether any choice was seen: a reply without one is no answer."""
        return bool(self._choices)

    @property
    def is_finished(self) -> bool:
        """Whether every choice seen has a finish reason."""
        return bool(self._choices) and all(state.finish is not None for state in self._choices.values())

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
        for name, value in event.items():
            if name not in _REPLY_FIELDS and value is not None:
                self._extra[name] = value
                if name in ("meta", "x_groq"):
                    self._read_accounting(name, value)
        if whole:
            self._whole = event
        deltas: list[Delta] = []
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                delta = self._read_choice(choice, whole, event)
                if delta is not None:
                    deltas.append(delta)
        return deltas

    def close(self) -> list[Delta]:
        """What was still held back; the last delta carries the completion.

        Raises:
            BadResponseError: no choice ever came.
        """
        if not self._choices:
            raise BadResponseError("The provider's reply contains no answer: it has no choices.", body=self._whole)
        deltas: list[Delta] = []
        for state in self._choices.values():
            reasoning, text = state.think.close() if state.think is not None else ("", "")
            if text:
                state.text.append(text)
            if reasoning:
                state.reasoning.append(reasoning)
            fragments = state.tools.close() if state.tools is not None else ()
            if text or reasoning or fragments:
                deltas.append(Delta(text, reasoning, fragments, state.index))
        completion = self.completion()
        deltas.append(Delta(choice=min(self._choices), raw=completion.raw, completion=completion))
        return deltas

    def completion(self) -> Completion:
        """All that has arrived so far, as a completion."""
        choices: list[Choice] = []
        raw_choices: list[Json] = []
        for _, state in sorted(self._choices.items()):
            choices.append(state.choice())
            raw_choices.append(raw_choice(choices[-1], state.finish))
        put_together = {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
            "choices": raw_choices,
            "usage": None if self._usage is None else self._usage.raw,
            **self._extra,
        }
        return Completion(
            id=self._id,
            model=self._model,
            created=self._created,
            choices=tuple(choices),
            usage=self._usage,
            cost=self._cost,
            inference_id=self._headers.get("x-inference-id") or None,
            client_request_id=self._headers.get("x-client-request-id") or None,
            extra=self._extra,
            raw=put_together if self._whole is None else self._whole,
            headers=self._headers,
        )

    def _read_accounting(self, name: str, value: Any) -> None:
        if name == "meta":
            self._cost = cost_from(value) or self._cost
        elif isinstance(value, dict):
            self._read_usage(value.get("usage") or None)  # Groq's streams have it here

    def _read_choice(self, choice: Json, whole: bool, event: Json) -> Delta | None:
        index = choice.get("index")
        if type(index) is not int:  # a bool is none
            index = 0
        state = self._choices.get(index) or self._begin_choice(index)
        message = choice.get("message" if whole else "delta")
        if not isinstance(message, dict):
            # Some gateways use the other word; a message after deltas repeats them, so it counts only alone.
            other = choice.get("delta" if whole else "message")
            message = other if isinstance(other, dict) and not state.has_content else None
            whole = whole or message is not None
        if choice.get("finish_reason"):
            state.finish = str(choice["finish_reason"])
            if state.finish == "error":
                self._raise_error_in(event, whole)
        if choice.get("native_finish_reason"):
            state.native_finish = str(choice["native_finish_reason"])
        logprobs = choice.get("logprobs") or None
        if logprobs:
            state.logprobs = joined_logprobs(state.logprobs, logprobs)
        if not choice.keys() <= _CHOICE_FIELDS:
            if choice.get("error"):
                self._raise_error_in(event, whole)
            state.extra.update(_others(choice, _CHOICE_FIELDS))
        if message is not None:
            return self._read_message(state, message, logprobs, whole, event)
        if whole:
            raise BadResponseError("The provider's reply contains no answer: its choice has no message.", body=event)
        return None

    def _begin_choice(self, index: int) -> ChoiceState:
        if len(self._choices) >= self._max_choices:
            raise BadResponseError(f"The reply contains more answers than the limit of {self._max_choices}.")
        think = ThinkSplitter(drops_lone_close=self._inline_think) if self._parse_think else None
        state = self._choices[index] = ChoiceState(index, think)
        return state

    def _read_message(
        self, state: ChoiceState, message: Json, logprobs: Json | None, whole: bool, event: Json
    ) -> Delta | None:
        extra: Json | None = None
        reasoning = ""
        text = message.get("content") or ""
        if not message.keys() <= _MESSAGE_FIELDS:
            others = _others(message, _MESSAGE_FIELDS)
            extra = {name: value for name, value in others.items() if value != [] and value != ""} or None
        if not isinstance(text, str):
            text, reasoning, thoughts, unread = parts(text)
            fold_details(state.thoughts, thoughts)
            if unread:
                extra = {"content_parts": unread, **(extra or {})}
        if text and state.think is not None:
            inline, text = state.think.feed(text)
            reasoning += inline
            if state.think.is_over:
                state.think = None
        named = message.get("reasoning_content") or message.get("reasoning")
        if named and isinstance(named, str):
            reasoning += named
        if extra and not reasoning and "reasoning_details" in extra:
            reasoning = details_text(extra["reasoning_details"])
        refusal = message.get("refusal") or ""
        if not isinstance(refusal, str):
            refusal = str(refusal)
        calls, function_call = message.get("tool_calls"), message.get("function_call")
        fragments: tuple[ToolCallDelta, ...] = ()
        if calls or function_call:
            if state.tools is None:
                state.tools = ToolCallReader(self._new_id, self._max_choices)
            fragments = state.tools.read(calls, function_call, whole=whole)
        if text:
            state.text.append(text)
        if reasoning:
            state.reasoning.append(reasoning)
        if refusal:
            state.refusal.append(refusal)
        if extra:
            fold(state.extra, extra)
        if text or reasoning or fragments or refusal or extra or logprobs:
            return Delta(text, reasoning, fragments, state.index, event, refusal, logprobs, extra)
        return None

    def _raise_error_in(self, event: Json, whole: bool) -> None:
        error = error_in(event, whole=whole, scrub=self._scrub)
        if error is not None:
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


def _others(fields: Json, known: frozenset[str]) -> Json:
    """The fields that are not known, save those that are null."""
    return {name: value for name, value in fields.items() if name not in known and value is not None}
