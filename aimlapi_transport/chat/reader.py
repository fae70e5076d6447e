"""The bytes of a 200 reply -> deltas, be it JSON or an event stream, whatever its label says. Pure.

A chat completion is whole when a finish reason or `[DONE]` was seen; a JSON answer, when it parses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from aimlapi_transport.chat.parser import CompletionReader
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.chat.tool_names import restore_names
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.limits import DEFAULT, Limits
from aimlapi_transport.config.model_families import Profile
from aimlapi_transport.error_bodies import beginning
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import AIMLAPIError, APITimeoutError, BadResponseError, IncompleteStreamError, StreamError
from aimlapi_transport.json_codec import JsonError, loads
from aimlapi_transport.sse import Event, EventDecoder
from aimlapi_transport.surrogates import SurrogateJoiner

_BOM = b"\xef\xbb\xbf"


class ReplyParser(Protocol):
    """What reads the events of an endpoint; a whole reply is one event.

    Attributes:
        ends_at_done: whether `[DONE]` completes an answer.
        end: what completes it, for errors.
    """

    ends_at_done: bool
    end: str

    @property
    def has_choice(self) -> bool:
        """Whether anything of an answer was seen."""

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole."""

    def read(self, event: Json, *, whole: bool = False) -> list[Delta]:
        """What an event adds."""

    def close(self) -> list[Delta]:
        """What was held back; the last delta carries the completion."""

    def completion(self) -> Completion:
        """All that has arrived so far."""


class ReplyReader:
    """Feed it a reply's bytes as they come, then close it: the last delta carries the completion.

    Args:
        silence: seconds before giving up in which bytes come but nothing of an answer: comments and blank lines keep a
            connection alive, no more.
        first_silence: the same before the first event, while a model may still think.
        limits: how long the reply may be.
        parser: what reads the events; by default those of a chat completion.
        tool_names: pairs of a tool's name on the wire and the user's, for those that are not the same.
        clock: seconds that only grow; injected in tests.

    Attributes:
        count: how many events have come.
        is_done: whether nothing more is to be fed: `[DONE]` was seen, or a failure.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        headers: Mapping[str, str] | None = None,
        scrub: Callable[[str], str] = lambda text: text,
        silence: float | None = None,
        first_silence: float | None = None,
        limits: Limits = DEFAULT,
        parser: ReplyParser | None = None,
        tool_names: Iterable[tuple[str, str]] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._silence = silence
        self._first_silence = first_silence
        self._limits = limits
        self._tool_names = dict(tool_names)
        self._clock = clock
        self._last_event = clock()
        self._size = 0
        self._completion: ReplyParser = parser or CompletionReader(
            inline_think=profile.inline_think,
            parse_think=profile.parse_think,
            headers=headers,
            scrub=scrub,
            max_choices=limits.choices,
        )
        self._ends_early = not self._completion.ends_at_done
        self._scrub = scrub
        self._decoder: EventDecoder | None = None
        self._undecided = b""
        self._json: bytearray | None = None
        self._surrogates: SurrogateJoiner | None = None  # once an event held a lone one
        self._failure: AIMLAPIError | None = None
        self.count = 0
        self.is_done = False

    @property
    def has_answer(self) -> bool:
        """Whether the answer is complete, though the connection may still be open."""
        done = self.is_done and self._completion.ends_at_done
        return self._decoder is not None and (done or self._completion.is_finished)

    def feed(self, data: bytes) -> list[Delta]:
        """What these bytes add. A failure that they report after something else is raised by `close`.

        Raises:
            APITimeoutError: for too long only comments came.
            BadResponseError: the reply is longer than any answer.
            StreamError: an event reports a failure, or is no JSON.
            AIMLAPIError: the class of the status an error in the body names.
        """
        self._size += len(data)
        if self._size > self._limits.reply:
            self._limits.check_reply(self._size, self.partial())
        events = self._first_events(data) if self._decoder is None else self._decoder.feed(data)
        if events:
            self.count += len(events)
            self._last_event = self._clock()
        elif self._json is None:
            self._check_silence()
        return self._read_events(events)

    def _check_silence(self) -> None:
        seconds = self._silence if self.count else self._first_silence
        if seconds is not None and self._clock() - self._last_event > seconds and not self.has_answer:
            raise APITimeoutError(f"No event came for {seconds:g} s, only keep-alives.", partial=self.partial())

    def _first_events(self, data: bytes) -> list[Event]:
        """The events, while it is not known whether the reply has any: one of JSON has none before it is closed."""
        if self._json is not None:
            self._json += data
            return []
        data = self._undecided + data
        start = data.removeprefix(_BOM).lstrip()
        if not start or _BOM.startswith(data):  # blank lines that keep the connection alive, or half a mark
            self._undecided = data if start else b""
            return []
        if start[:1] in b'{[<"' or start[:4] == b"null":
            self._json = bytearray(data)
            return []
        self._decoder = EventDecoder(self._limits.event)
        return self._decoder.feed(data)

    def _read_events(self, events: list[Event]) -> list[Delta]:
        """What these events add, up to the first that reports a failure."""
        deltas: list[Delta] = []
        for name, data in events:
            if data.strip() == b"[DONE]":
                self.is_done = True
                continue
            try:
                try:
                    event = loads(data, self._on_lone_surrogate)
                except JsonError:
                    raise self._not_json(data) from None
                if self._surrogates is not None:
                    event = self._surrogates.feed(event)
                if self._tool_names:
                    restore_names(event, self._tool_names)
                if name == b"error":
                    event = self._error_event(event)
                if isinstance(event, dict):
                    deltas += self._completion.read(event)
            except AIMLAPIError as error:
                error.partial = self.partial()
                if not deltas:
                    raise
                self._failure = error
                self.is_done = True
                break
            if self._ends_early and self._completion.is_finished:
                self.is_done = True  # nothing follows
        return deltas

    def _not_json(self, data: bytes) -> StreamError:
        return StreamError(f"An event of the stream is not JSON: {beginning(data, 80, self._scrub)!r}.")

    def _error_event(self, event: Any) -> Json:
        """The value of an event whose name says that it is an error."""
        if self._ends_early and isinstance(event, dict):
            return {"type": "error", **event}
        raise error_in({"error": event}, scrub=self._scrub) or StreamError("The stream reported an error.")

    def _on_lone_surrogate(self, event: Any) -> Any:
        """From an event that may hold half a pair on, all are joined."""
        self._surrogates = self._surrogates or SurrogateJoiner()
        return event

    def close(self) -> list[Delta]:
        """What the end of the bytes completes; the last delta carries the completion.

        Raises:
            IncompleteStreamError: the stream ended before its answer; `partial` holds what arrived.
            BadResponseError: what came is no answer.
        """
        if self._failure is not None:
            raise self._failure
        if self._decoder is None:
            return self._close_json()
        try:
            deltas = self._read_events(self._decoder.close())
        except StreamError as error:
            if error.body is None:  # cut in the middle of an event
                raise self.incomplete() from None
            raise
        if not self.has_answer:
            raise self.incomplete()
        if self._surrogates is not None:
            for event in self._surrogates.flush():
                deltas += self._completion.read(event)
        return deltas + self._completion.close()

    def incomplete(self, reason: str = "The stream ended before the answer did") -> IncompleteStreamError:
        """The error for a stream that ended here."""
        partial = self.partial()
        arrived = len(partial.text) if partial else 0
        return IncompleteStreamError(
            f"{reason}, after {arrived} characters of text: {self._completion.end} came. `partial` has what arrived.",
            partial=partial,
        )

    def partial(self) -> Completion | None:
        """What has arrived so far, None where nothing has."""
        return self._completion.completion() if self._completion.has_choice else None

    def _close_json(self) -> list[Delta]:
        body = (self._json or bytearray()).removeprefix(_BOM)
        if not body:
            raise BadResponseError("The provider answered with an empty body.")
        try:
            payload = loads(body)
        except JsonError:
            kind = "an HTML page" if body.lstrip()[:1] == b"<" else "something that is not JSON"
            payload = beginning(body, 200, self._scrub)
        else:
            kind = f"a JSON {type(payload).__name__}"
        if not isinstance(payload, dict):
            raise BadResponseError(f"The provider answered with {kind}, not with a completion.", body=payload)
        if self._tool_names:
            restore_names(payload, self._tool_names)
        return [*self._completion.read(payload, whole=True), *self._completion.close()]
