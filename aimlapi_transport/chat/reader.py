"""The bytes of a 200 reply -> deltas, be it JSON or an event stream, whatever its label says. Pure.

A chat completion is whole when a finish reason or `[DONE]` was seen; a JSON answer, when it parses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from aimlapi_transport.chat.parser import CompletionReader
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.chat.surrogates import Halves
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import Profile
from aimlapi_transport.errors import (
    AIMLAPIError,
    APITimeoutError,
    BadResponseError,
    IncompleteStreamError,
    StreamError,
    beginning,
    error_in,
)
from aimlapi_transport.http.limits import DEFAULT, Limits
from aimlapi_transport.http.sse import Event, EventDecoder
from aimlapi_transport.json_codec import JsonError, loads

_BOM = b"\xef\xbb\xbf"


class ReplyParser(Protocol):
    """What reads the events of an endpoint; a whole reply is one event.

    Attributes:
        inference_id: the provider's id of the call.
        ends_at_done: whether `[DONE]` completes an answer.
        end: what completes it, for errors.
    """

    inference_id: str | None
    ends_at_done: bool
    end: str

    @property
    def has_choice(self) -> bool:
        """Whether anything of an answer was seen."""

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole."""

    def spliced(self, data: bytes) -> Delta | None:
        """What an event adds that is, byte for byte, the one before but for its piece; None for any other."""

    def continued(self, event: Json, data: bytes = b"") -> Delta | None:
        """What an event adds that only goes on with the one before, as most do; None for any other: `read` it.

        Args:
            data: its bytes, for `spliced`.
        """

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
        limits: how long the reply may be.
        parser: what reads the events; by default those of a chat completion.
        check: called with each piece of the reply; raises where a deadline is over.
        clock: seconds that only grow; injected in tests.

    Attributes:
        count: how many events have come.
        is_done: whether `[DONE]` was seen.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        headers: Mapping[str, str] | None = None,
        scrub: Callable[[str], str] = lambda text: text,
        silence: float | None = None,
        limits: Limits = DEFAULT,
        parser: ReplyParser | None = None,
        check: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._silence = silence
        self._limits = limits
        self._check = check
        self._clock = clock
        self._last_event = clock()
        self._size = 0
        self._completion: ReplyParser = parser or CompletionReader(
            inline_think=profile.inline_think,
            parse_think=profile.parse_think,
            headers=headers,
            scrub=scrub,
            most=limits.choices,
        )
        self._ends_early = not self._completion.ends_at_done
        self._scrub = scrub
        self._decoder: EventDecoder | None = None
        self._undecided = b""
        self._json: bytearray | None = None
        self._halves: Halves | None = None  # where an event ever had half a character
        self.count = 0
        self.is_done = False

    @property
    def has_answer(self) -> bool:
        """Whether the answer is complete, though the connection may still be open."""
        done = self.is_done and self._completion.ends_at_done
        return self._decoder is not None and (done or self._completion.is_finished)

    def _events(self, data: bytes) -> list[Event]:
        """The events of a stream these bytes complete; of a JSON reply, none before it is closed."""
        self._size += len(data)
        if self._size > self._limits.reply:
            self._limits.check_reply(self._size, self.partial())
        if self._check is not None:
            self._check()
        if self._decoder is not None:
            events = self._decoder.feed(data)
            self.count += len(events)
        else:
            events = self._first_events(data)
        if events or self._json is not None:
            self._last_event = self._clock()
        elif self._silence is not None and self._clock() - self._last_event > self._silence and not self.has_answer:
            raise APITimeoutError(f"No event came for {self._silence:g} s, only keep-alives.", partial=self.partial())
        return events

    def _first_events(self, data: bytes) -> list[Event]:
        """As `_events`, while it is not known that these are events."""
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
        events = self._decoder.feed(data)
        self.count += len(events)
        return events

    def feed(self, data: bytes) -> Iterator[Delta]:
        """What these bytes add, delta by delta.

        Raises:
            APITimeoutError: for too long only comments came.
            BadResponseError: the reply is longer than any answer.
            StreamError: an event reports a failure, or is no JSON.
            AIMLAPIError: the class of the status an error in the body names.
        """
        return self._read(self._events(data))

    def _read(self, events: Iterable[Event]) -> Iterator[Delta]:
        spliced, continued = self._completion.spliced, self._completion.continued
        for name, data in events:
            delta = spliced(data) if not name and self._halves is None else None
            if delta is not None:
                yield delta
                continue
            try:
                payload = loads(data, self._mended)
            except JsonError:
                self._read_no_json(data)
                continue
            if self._halves is not None:
                payload = self._halves.joined(payload)
            is_object, is_error = payload.__class__ is dict, name == b"error"
            delta = continued(payload, data) if is_object and not is_error else None
            if delta is not None:
                yield delta
            elif is_object or is_error:
                yield from self._deltas(name, payload)

    def _read_no_json(self, data: bytes) -> None:
        if data.strip() == b"[DONE]":
            self.is_done = True
            return
        shown = beginning(data, 80, self._scrub)
        raise StreamError(
            f"An event of the stream is not JSON: {shown!r}.",
            request_id=self._completion.inference_id,
            partial=self.partial(),
        ) from None

    def _deltas(self, name: bytes, payload: Any) -> list[Delta]:
        """The deltas of one event."""
        try:
            if name == b"error":
                if not (self._ends_early and isinstance(payload, dict)):
                    error = error_in({"error": payload}, scrub=self._scrub)
                    raise error or StreamError("The stream reported an error.")
                payload = {"type": "error", **payload}
            deltas = self._completion.read(payload)
            if self._ends_early and self._completion.is_finished:
                self.is_done = True  # nothing follows
            return deltas
        except AIMLAPIError as error:
            error.partial = self.partial()
            raise

    def close(self) -> list[Delta]:
        """What the end of the bytes completes; the last delta carries the completion.

        Raises:
            IncompleteStreamError: the stream ended before its answer; `partial` holds what arrived.
            BadResponseError: what came is no answer.
        """
        if self._decoder is None:
            return self._close_json()
        try:
            deltas = list(self._read(self._decoder.close()))
        except StreamError as error:
            if error.body is None:  # cut in the middle of an event
                raise self.incomplete() from None
            raise
        if not self.has_answer:
            raise self.incomplete()
        for rest in self._halves.rest() if self._halves is not None else ():
            deltas.extend(self._completion.read(rest))
        return deltas + self._completion.close()

    def _mended(self, payload: Any) -> Any:
        """An event that may have half a character, from which on each is looked through."""
        self._halves = self._halves or Halves()
        return payload

    def incomplete(self, reason: str = "The stream ended before the answer did") -> IncompleteStreamError:
        """The error for a stream that ended here."""
        partial = self.partial()
        arrived = len(partial.text) if partial else 0
        return IncompleteStreamError(
            f"{reason}: {self._completion.end} came ({arrived} characters of text did).",
            request_id=self._completion.inference_id,
            partial=partial,
        )

    def partial(self) -> Completion | None:
        """What has arrived so far, None where nothing has."""
        return self._completion.completion() if self._completion.has_choice else None

    def _close_json(self) -> list[Delta]:
        body = self._json or bytearray()
        if body.startswith(_BOM):
            del body[: len(_BOM)]
        request_id = self._completion.inference_id
        if not body:
            raise BadResponseError("The provider answered with an empty body.", request_id=request_id)
        try:
            payload = loads(body)
        except JsonError:
            kind = "an HTML page" if body.lstrip()[:1] == b"<" else "something that is not JSON"
            shown = beginning(body, 200, self._scrub)
            raise BadResponseError(
                f"The provider answered with {kind}, not with a completion.",
                body=shown,
                request_id=request_id,
            ) from None
        if not isinstance(payload, dict):
            raise BadResponseError(
                f"The provider answered with a JSON {type(payload).__name__}, not with a completion.",
                body=payload,
                request_id=request_id,
            )
        return [*self._completion.read(payload, whole=True), *self._completion.close()]
