"""The faults of the reliability contract, by number: what the server does, and what each kind of call must make of it.

One row for each fault. `whole` is invoke, ainvoke, chat and achat; `stream` their streaming twins; `embed` both
frameworks' embeddings. None: the fault does not exist there. Pauses are ranges of seconds, on an injected clock.
F002, F085 and F086 are behaviours the life-cycle checks use (`life.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from aimlapi_emulator.faults.bodies import HUGE
from aimlapi_emulator.faults.scene import TEXT

Pause = tuple[float, float]
FIRST, SECOND = (0.25, 0.5), (0.5, 1.0)  # seconds; the back-off without a hint
PARTIAL = "The emulator sends"


@dataclass(frozen=True)
class Expected:
    """What a call must come to. `kind` is `answer` or the class of the error; `says` a part of its message.

    `calls`: the arguments of each tool call; `broken`: how many calls must be told as not to be run. `finish`:
    "*" for any. `text`: of an error, what arrived before it.
    """

    kind: str = "answer"
    text: str = TEXT
    finish: str | None = "stop"
    calls: tuple[dict[str, str], ...] = ()
    broken: int = 0
    says: str = ""
    status: int | None = None
    has_id: bool = True
    requests: int = 1
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True)
class Fault:
    """One row: its number, the emulator's name for it, and what must come of it."""

    number: str
    name: str
    whole: Expected | None
    stream: Expected | None
    embed: Expected | None
    timeout: float = 5.0
    place: Literal["emulator", "self-signed", "plain", "closed"] = "emulator"

    def expected(self, kind: str) -> Expected | None:
        found: Expected | None = getattr(self, kind)
        return found


def ok(*pauses: Pause, **changes: Any) -> Expected:
    return Expected(pauses=pauses, **{"requests": len(pauses) + 1, **changes})


def call(*arguments: dict[str, str], **changes: Any) -> Expected:
    return Expected(text="", finish="tool_calls", calls=arguments, **changes)


def fails(kind: str, says: str, *pauses: Pause, **changes: Any) -> Expected:
    return Expected(
        kind, **{"text": "", "finish": None, "says": says, "requests": len(pauses) + 1, **changes}, pauses=pauses
    )


def status(kind: str, code: int, says: str, *pauses: Pause) -> Expected:
    return fails(kind, says, *pauses, status=code)


def both(number: str, name: str, expected: Expected, *, embed: bool = True, **changes: Any) -> Fault:
    """The same for every call."""
    return Fault(number, name, expected, expected, vectors(expected) if embed else None, **changes)


def vectors(expected: Expected) -> Expected:
    return replace(expected, text="2 vectors of 1 length", finish=None) if expected.kind == "answer" else expected


def stream(number: str, name: str, expected: Expected, **changes: Any) -> Fault:
    return Fault(number, name, None, expected, None, **changes)


def chat(number: str, name: str, expected: Expected, streamed: Expected | None = None) -> Fault:
    return Fault(number, name, expected, streamed or expected, None)


def unusable(number: str, name: str, says: str, *, streamed: str | None = None, embed: str | None = None) -> Fault:
    """A 200 that is no answer."""
    bad = fails("BadResponseError", says)
    return Fault(
        number,
        name,
        bad,
        replace(bad, says=streamed or says),
        fails("BadResponseError", embed or "contains no embeddings"),
    )


ONCE, TWICE = (FIRST,), (FIRST, SECOND)
PARIS, ROME = {"city": "Paris"}, {"city": "Rome"}
GONE = fails("APIConnectionError", "connection to the provider failed", *TWICE, has_id=False)
UNANSWERED = fails("APITimeoutError", "in time", *TWICE, has_id=False)
NOT_RUN = call(broken=1)

FAULTS = (
    both("F001", "fault-ok", ok()),
    chat("F003", "fault-tool-ok", call(PARIS)),
    both("F004", "fault-429-retry-after-seconds", ok((2.0, 2.0))),
    both("F005", "fault-429-retry-after-date", ok((1.5, 3.0))),
    both("F006", "fault-429-retry-after-ms", ok((1.5, 1.5))),
    both("F007", "fault-429-retry-after-huge", status("RateLimitError", 429, "Too Many Requests")),
    both("F008", "fault-429-retry-after-garbage", ok(*ONCE)),
    both("F009", "fault-429-retry-after-negative", ok(*ONCE)),
    both("F010", "fault-429-then-ok-2", ok(*TWICE)),
    both("F011", "fault-429-always", status("RateLimitError", 429, "Too Many Requests", *TWICE)),
    both("F012", "fault-429-quota", status("QuotaExceededError", 429, "Free-tier limit")),
    both("F013", "fault-503-then-ok", ok(*ONCE)),
    both("F014", "fault-503-always", status("ServerError", 503, "Service unavailable", *TWICE)),
    both("F015", "fault-502-html-then-ok", ok(*ONCE)),
    both("F016", "fault-500-html", status("ServerError", 500, "answered with status 500", *TWICE)),
    both("F017", "fault-529-then-ok", ok(*ONCE)),
    both("F018", "fault-408-then-ok", ok(*ONCE)),
    both("F019", "fault-503-should-retry-false", status("ServerError", 503, "Service unavailable")),
    both("F020", "fault-connection-reset-then-ok", ok(*ONCE)),
    both("F021", "fault-connection-reset", GONE),
    both("F022", "fault-close-before-headers-then-ok", ok(*ONCE)),
    both("F023", "fault-400", status("InvalidRequestError", 400, "Body validation error!")),
    both("F024", "fault-401", status("AuthenticationError", 401, "requires a valid API key")),
    both("F025", "fault-403", status("InsufficientCreditsError", 403, "run out of credits")),
    both("F026", "fault-404", status("NotFoundError", 404, "Not Found")),
    both("F027", "fault-413", status("InvalidRequestError", 413, "too large")),
    both("F028", "fault-422", status("InvalidRequestError", 422, "Unprocessable Entity")),
    both("F029", "fault-context-length", status("ContextLengthError", 400, "maximum context length is 8192")),
    both(
        "F030", "fault-401-echoes-key", status("AuthenticationError", 401, "Incorrect API key provided: [key removed]")
    ),
    both("F031", "fault-error-body-empty", status("InvalidRequestError", 400, "status 400")),
    both("F032", "fault-error-body-list", status("InvalidRequestError", 400, "Body validation error!")),
    both("F033", "fault-error-body-string", status("InvalidRequestError", 400, "Body validation error!")),
    unusable("F034", "fault-200-error-object", "upstream provider failed", embed="upstream provider failed"),
    both("F035", "fault-200-provider-error", status("ServerError", 503, "Service unavailable", *TWICE)),
    unusable("F036", "fault-invalid-json-200", "not JSON"),
    unusable("F037", "fault-empty-body-200", "empty body"),
    unusable("F038", "fault-html-200", "an HTML page"),
    unusable("F039", "fault-json-null-200", "a JSON NoneType"),
    unusable("F040", "fault-no-choices-200", "contains no answer"),
    unusable("F041", "fault-null-choices-200", "contains no answer"),
    chat("F042", "fault-empty-choices", fails("BadResponseError", "contains no answer"), ok()),
    stream("F043", "fault-stream-as-json", ok()),
    Fault("F044", "fault-json-as-stream", ok(), None, None),
    Fault(
        *("F045", "fault-204"),
        *[fails("BadResponseError", "204, without content", status=204)] * 2,
        fails("BadResponseError", "contains no embeddings"),
    ),
    Fault(
        *("F046", "fault-cut-midstream"),
        replace(GONE, has_id=True),
        fails("IncompleteStreamError", "connection broke", text=PARTIAL),
        replace(GONE, has_id=True),
    ),
    Fault(
        *("F047", "fault-reset-midstream"),
        replace(GONE, has_id=True),
        fails("IncompleteStreamError", "connection broke", text=PARTIAL),
        replace(GONE, has_id=True),
    ),
    both("F048", "fault-cut-then-ok", ok(*ONCE)),
    stream("F049", "fault-eof-no-finish", fails("IncompleteStreamError", "neither a finish reason nor", text=PARTIAL)),
    stream("F050", "fault-empty-stream", fails("BadResponseError", "empty body")),
    stream("F051", "fault-cut-before-done", ok()),
    stream("F052", "fault-done-no-finish", ok(finish=None)),
    stream("F053", "fault-last-event-unterminated", ok()),
    chat("F054", "fault-finish-length", ok(finish="length")),
    stream("F055", "fault-sse-error-event", fails("StreamError", "upstream provider failed", text=PARTIAL)),
    stream("F056", "fault-sse-error-first", ok(*ONCE)),
    stream("F057", "fault-sse-error-named", fails("ServerError", "unavailable", status=503, text=PARTIAL)),
    stream("F058", "fault-sse-error-provider-shape", fails("ServerError", "unavailable", status=503, text=PARTIAL)),
    stream("F059", "fault-sse-error-string", fails("StreamError", "upstream provider failed", text=PARTIAL)),
    stream("F060", "fault-sse-error-in-choice", fails("StreamError", "upstream provider failed", text=PARTIAL)),
    stream("F061", "fault-bad-json-data", fails("StreamError", "not JSON: '{broken'", text=PARTIAL)),
    stream("F062", "fault-garbage-line", ok()),
    stream("F063", "fault-comment-keepalive", ok()),
    stream("F064", "fault-crlf", ok()),
    stream("F065", "fault-cr-only", ok()),
    stream("F066", "fault-multiline-data", ok()),
    stream("F067", "fault-no-space-after-colon", ok()),
    stream("F068", "fault-event-id-retry", ok()),
    stream("F069", "fault-split-utf8", ok()),
    both("F070", "fault-bom", ok()),
    chat("F071", "fault-u2028", ok(text="one\u2028two\u0085three\x0cfour", finish="*")),
    stream("F072", "fault-no-charset", ok()),
    stream("F073", "fault-wrong-content-type", ok()),
    chat("F074", "fault-huge-line", ok(text="x" * HUGE, finish="*")),
    stream("F075", "fault-many-events", ok(text="x" * 20_000, finish="*")),
    both("F076", "fault-gzip", ok()),
    both("F077", "fault-bad-gzip", fails("BadResponseError", "compression is broken")),
    chat("F078", "fault-invalid-utf8", ok(text=TEXT.replace("ï", "\ufffd\ufffd"))),
    both("F079", "fault-leading-whitespace", ok()),
    both("F080", "fault-stall", replace(UNANSWERED, has_id=True), timeout=0.3),
    stream("F081", "fault-stall-midstream", fails("APITimeoutError", "in time", text=PARTIAL), timeout=0.3),
    both("F082", "fault-slow-headers", UNANSWERED, timeout=0.3),
    stream("F083", "fault-slow-drip", ok(text=PARTIAL, finish="*"), timeout=1.0),
    stream("F084", "fault-keepalive-forever", fails("APITimeoutError", "only keep-alives", *TWICE), timeout=0.7),
    chat("F087", "fault-null-content", ok(text=""), ok()),
    stream("F088", "fault-null-delta", ok()),
    stream("F089", "fault-choice-without-delta", ok()),
    chat("F090", "fault-missing-meta", ok()),
    chat("F091", "fault-unknown-fields", ok()),
    chat("F092", "fault-unknown-finish-reason", ok(finish="eos_token")),
    Fault("F093", "fault-null-finish-reason", ok(finish=None), None, None),
    chat("F094", "fault-usage-null-fields", ok()),
    chat("F095", "fault-usage-missing", ok()),
    chat("F096", "fault-content-parts", ok()),
    chat("F097", "fault-tool-args-invalid-json", NOT_RUN),
    chat("F098", "fault-tool-args-not-object", NOT_RUN),
    chat("F099", "fault-tool-truncated", replace(NOT_RUN, finish="length")),
    chat("F100", "fault-tool-args-object", call(PARIS)),
    chat("F101", "fault-tool-empty-args", call({})),
    chat("F102", "fault-tool-null-args", call({})),
    chat("F103", "fault-tool-no-id", call(PARIS)),
    chat("F104", "fault-tool-index-missing", call(PARIS, ROME)),
    chat("F105", "fault-tool-index-all-zero", call(PARIS, ROME)),
    chat("F106", "fault-tool-interleaved", call(PARIS, ROME)),
    chat("F107", "fault-tool-name-in-later-chunk", call(PARIS)),
    chat("F108", "fault-tool-name-repeated", call(PARIS)),
    chat("F109", "fault-tool-finish-stop", replace(call(PARIS), finish="stop")),
    chat("F110", "fault-tool-null-function", call(PARIS)),
    both("F111", "fault-redirect-307-other-host", fails("BadResponseError", "the key was not sent there", status=307)),
    both("F112", "fault-redirect-308-same-host", ok(requests=2)),
    both("F113", "fault-redirect-loop", fails("BadResponseError", "more than 5 times", requests=6, has_id=False)),
    both(
        *("F114", "fault-tls-self-signed", fails("APIConnectionError", "certificate", requests=0, has_id=False)),
        place="self-signed",
    ),
    both("F115", "fault-tls-plain", replace(GONE, requests=0), place="plain"),
    both("F116", "fault-connect-refused", replace(GONE, requests=0), place="closed"),
    chat("F117", "fault-tool-index-drift", call(PARIS)),
)
