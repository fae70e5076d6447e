"""What the page shows of an exchange: a row of the list, and all of it. Pure: the journal is given."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from aimlapi_emulator.inspector import media
from aimlapi_emulator.inspector.conversation import Place, Threads, messages_of, parameters_of
from aimlapi_emulator.inspector.guard import INSPECTOR
from aimlapi_emulator.inspector.replies import Reply, events, parts_of, read_media, read_reply
from aimlapi_emulator.media.files import PATH as FILES
from aimlapi_emulator.secrets import HIDDEN
from aimlapi_emulator.server.request_log import Exchange, Journal, Received

SHOWN = 200_000  # characters of a raw body on the page; exports have all
PIECES = 2_000  # on the time line
MAX_TEXTS = 64_000_000  # characters of texts that are remembered for searches
_ENDPOINTS = (
    ("/chat/completions", "chat"),
    ("/messages", "messages"),
    ("/responses", "responses"),
    ("/embeddings", "embeddings"),
    ("/batches", "batches"),
    ("/models", "models"),
    (f"{FILES}/", "file"),
)


class View:
    """The journal as the page sees it.

    Rows, and the text that is searched, are derived as an exchange ends and remembered: none is read again for a list.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._threads = Threads()
        self._places: dict[int, Place] = {}
        self._rows: dict[int, dict[str, Any]] = {}
        self._texts: dict[int, str] = {}
        self._characters = 0  # of the texts
        for received in journal.kept:  # of an earlier run: the first list and search are to be as fast as any
            if received.exchange is not None and received.exchange.summary is not None:
                self._end(received, received.exchange)
                self._text(received, received.exchange)
        journal.listeners.insert(0, self._listen)  # before what writes the summary into a file

    def _listen(self, received: Received) -> None:
        exchange = received.exchange
        if exchange is not None and exchange.seconds is not None and exchange.number not in self._rows:
            self._end(received, exchange)

    def _end(self, received: Received, exchange: Exchange) -> None:
        number = exchange.number
        if exchange.summary is not None:
            place = Place(*exchange.summary["place"])
            self._threads.restore(number, place, exchange.summary["turn"])
            self._rows[number], self._places[number] = exchange.summary["row"], place
            return
        reply = _reply(received, exchange)
        self._rows[number] = row = self._row(received, exchange, reply)
        place = self._places[number]
        exchange.summary = {
            "row": row,
            "place": [place.thread, place.before, place.shared],
            "turn": self._threads.known(number),
            "said": _said(reply),
        }
        self._text(received, exchange)

    def _text(self, received: Received, exchange: Exchange) -> str:
        """What a search looks at, remembered."""
        text = self._texts.get(exchange.number)
        if text is None:
            said = _said(_reply(received, exchange)) if exchange.summary is None else exchange.summary["said"]
            text = _searched(received, exchange, said)
            if exchange.summary is not None:  # it has ended
                self._texts[exchange.number] = text
                self._characters += len(text)
                while self._characters > MAX_TEXTS:
                    self._characters -= len(self._texts.pop(next(iter(self._texts))))
        return text

    def all(self) -> list[tuple[Received, Exchange]]:
        """What is kept, oldest first."""
        found = [(one, one.exchange) for one in tuple(self.journal.kept) if one.exchange is not None]
        if found and len(self._rows) > 2 * len(found) + 1000:  # what the journal has let go
            first = found[0][1].number
            self._rows = {number: row for number, row in self._rows.items() if number >= first}
            self._places = {number: place for number, place in self._places.items() if number >= first}
            self._texts = {number: text for number, text in self._texts.items() if number >= first}
            self._characters = sum(map(len, self._texts.values()))
        for received, _ in found:  # in order, for a turn is found by the one before it
            self._listen(received)
        return found

    def holds(self, received: Received, exchange: Exchange, words: list[str]) -> bool:
        """Whether each word, in lower case, is in the request, the reply, or what its stream spells out."""
        text = self._text(received, exchange)
        for word in words:
            if word not in text:
                escaped = json.dumps(word, ensure_ascii=False)[1:-1]
                if escaped == word or escaped not in text:
                    return False
        return True

    def find(self, number: int) -> tuple[Received, Exchange] | None:
        """An exchange by its number."""
        return next((one for one in reversed(self.all()) if one[1].number == number), None)

    def clear(self) -> None:
        """Forgets all."""
        self.journal.clear()
        self._threads, self._places, self._rows = Threads(), {}, {}
        self._texts, self._characters = {}, 0

    def row(self, received: Received, exchange: Exchange) -> dict[str, Any]:
        """An exchange in the list: seconds, tokens, US dollars."""
        if exchange.seconds is not None and exchange.number not in self._rows:
            self.all()
        return self._rows.get(exchange.number) or self._row(received, exchange, Reply())

    def _row(self, received: Received, exchange: Exchange, reply: Reply) -> dict[str, Any]:
        asked = _body(received, exchange)
        body = asked if isinstance(asked, dict) else {}
        kind, order = media.kind_of(received.path), media.generation_of(received.path, received.query)
        ended = exchange.seconds is not None
        counts = {"input": ("prompt_tokens", "input_tokens"), "output": ("completion_tokens", "output_tokens")}
        tokens = {
            side: next((reply.usage[name] for name in names if isinstance(reply.usage.get(name), int)), None)
            for side, names in counts.items()
        }
        row = {
            "id": exchange.number,
            "at": exchange.begun,
            "method": received.method,
            "path": received.path,
            "endpoint": kind or next((name for part, name in _ENDPOINTS if part in received.path), received.path),
            "model": str(body.get("model") or (self._threads.asked_before(order) if order else "")),
            "stream": bool(body.get("stream")),
            "status": exchange.status,
            "ttft": exchange.pieces[0][0] if exchange.pieces else None,
            "seconds": exchange.seconds,
            "input_tokens": tokens["input"],
            "output_tokens": tokens["output"],
            "cost_usd": reply.cost_usd if reply.cost_usd is not None else _told_cost(exchange),
            "error": exchange.error or reply.error,
            "asked": (media.asked_text(body) if kind else _asked(body))[:160],
            "answer": _answer(reply)[:160],
            "has_tokens": kind is None and received.method == "POST",
            "thread": None,
            "ended": ended,
        }
        if ended:
            failed = row["error"] is not None
            said = {"previous_response_id": order} if order else None if kind else received.json
            place = self._threads.add(exchange.number, said, reply, failed=failed, model=str(row["model"]))
            self._places[exchange.number] = place
            row["thread"] = place.thread
            if order is not None and place.before in self._rows:  # a question for an order is about what was ordered
                row["asked"] = self._rows[place.before]["asked"]
        return row

    def details(
        self, received: Received, exchange: Exchange, base_url: str, *, most: int | None = SHOWN
    ) -> dict[str, Any]:
        """All of an exchange; raw bodies up to `most` characters."""
        row = self.row(received, exchange)
        place = self._places.get(exchange.number) or self._threads.find(received.json)
        kind, body = media.kind_of(received.path), _body(received, exchange)
        parts = [
            (_part(exchange.number, place, file, base_url), is_reply)
            for place, (file, is_reply) in enumerate(media_files(received, exchange))
        ]
        if kind is not None:
            messages = _asked_media(body, [part for part, is_reply in parts if not is_reply])
            body = media.short(body)
        else:
            messages = messages_of(body)
        parameters = parameters_of(body)
        before = self.find(place.before) if place.before is not None else None
        former = parameters_of(before[0].json) if before and kind is None else parameters
        for index, message in enumerate(messages):
            message["is_new"] = before is not None and index >= place.shared
        reply = _reply(received, exchange)
        data = b"".join(piece for _, piece in exchange.pieces)
        return {
            **row,
            "thread": place.thread or None,
            "before": place.before,
            "messages": messages,
            "parameters": parameters,
            "changed": sorted(name for name in {*parameters, *former} if parameters.get(name) != former.get(name)),
            "request_headers": received.headers,
            "request": _cut(bytes(exchange.body).decode(errors="replace"), most),
            "request_is_cut": most is not None and len(exchange.body) > most,
            "query": received.query,
            "reply": {
                "role": "assistant",
                "parts": [
                    *([] if reply.parts and kind is not None else parts_of(reply.text)),
                    *reply.parts,
                    *(part for part, is_reply in parts if is_reply),
                ],
                "reasoning": reply.reasoning,
                "calls": [{**call, "result": None} for call in reply.calls],
            },
            "finish_reason": reply.finish_reason,
            "usage": reply.usage,
            "reply_headers": exchange.headers,
            "raw": _cut(data.decode(errors="replace"), most),
            "size": len(data),
            "pieces": [[after, len(piece), _piece(piece)] for after, piece in exchange.pieces[:PIECES]],
            "pieces_left_out": max(len(exchange.pieces) - PIECES, 0),
            "is_dropped": exchange.is_dropped,
            "curl": curl(received, exchange, base_url),
        }


def media_files(received: Received, exchange: Exchange) -> list[tuple[media.File, bool]]:
    """The files that a media exchange sends and gets, each with whether the reply has it."""
    if media.kind_of(received.path) is None:
        return []
    form = media.fields_of(bytes(exchange.body), received.headers.get("content-type", ""))
    sent = media.asked_files(form if form is not None else received.json)
    return [*((file, False) for file in sent), *((file, True) for file in _reply(received, exchange).files)]


def is_own(url: str, base_url: str) -> bool:
    """Whether an address is of a file that this server made."""
    asked, own = urlsplit(url), urlsplit(base_url)
    is_here = asked.hostname == own.hostname or {asked.hostname, own.hostname} <= {"127.0.0.1", "localhost", "::1"}
    return is_here and asked.netloc.rpartition(":")[2] == own.netloc.rpartition(":")[2] and asked.path.startswith(FILES)


def _body(received: Received, exchange: Exchange) -> Any:
    """The JSON of a request; the fields of a form, of a file its size."""
    if received.json is not None:
        return received.json
    return media.short(media.fields_of(bytes(exchange.body), received.headers.get("content-type", "")))


def _part(number: int, place: int, file: media.File, base_url: str) -> dict[str, Any]:
    """A file as the page shows it: from here, or where it is foreign, by a click."""
    is_foreign = file.data is None and not is_own(file.url or "", base_url)
    return {
        "kind": file.kind,
        "url": file.url,
        "media_type": file.media_type,
        "size": None if file.data is None else len(file.data),
        "is_foreign": is_foreign,
        "src": f"{INSPECTOR}/{'foreign' if is_foreign else 'media'}/{number}/{place}",
    }


def _asked_media(body: Any, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a media request asks for, as a message."""
    parts = [*parts_of(media.asked_text(body)), *parts]
    message = {"role": "user", "parts": parts, "reasoning": "", "calls": [], "call_id": "", "is_beside": False}
    return [message] if parts else []


def _answer(reply: Reply) -> str:
    """A reply in a few words: its text, its files by their kinds, or its calls."""
    counts = Counter(file.kind for file in reply.files)
    files = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())
    return reply.text or files or ", ".join(f"{call['name']}()" for call in reply.calls)


def curl(received: Received, exchange: Exchange, base_url: str) -> str:
    """The command that repeats a request, with the key taken from the environment."""
    target = f"{base_url}{received.path}" + (f"?{received.query}" if received.query else "")
    lines = [
        f"curl -N {shlex.quote(target)}"
        if received.method == "POST"
        else f"curl -N -X {received.method} {shlex.quote(target)}"
    ]
    for name, value in received.headers.items():
        if name in ("content-type", "accept", "x-client-request-id"):
            lines.append(f"-H {shlex.quote(f'{name}: {value}')}")
        elif name == "authorization" and value == HIDDEN:
            lines.append('-H "authorization: Bearer $AIMLAPI_API_KEY"')
    if exchange.body:
        lines.append(f"--data-raw {shlex.quote(bytes(exchange.body).decode(errors='replace'))}")
    return " \\\n  ".join(lines)


def _reply(received: Received, exchange: Exchange) -> Reply:
    data = b"".join(piece for _, piece in exchange.pieces)
    kind = media.kind_of(received.path)
    if kind is not None:
        return read_media(kind, data, exchange.status)
    return read_reply(data, exchange.status, exchange.headers.get("content-type", ""))


def _told_cost(exchange: Exchange) -> float | None:
    try:
        return float(exchange.headers["x-aimlapi-usd-spent"])
    except (KeyError, ValueError):
        return None


def _asked(body: dict[str, Any]) -> str:
    for message in reversed(messages_of(body)):
        if message["role"] == "user":
            return " ".join(part["text"] for part in message["parts"] if part["kind"] == "text")
    return ""


def _piece(piece: bytes) -> str:
    """What a piece of a stream says, short."""
    found = events(piece)
    if not found:
        return piece[:120].decode(errors="replace")
    said = []
    for event in found:
        one = read_reply(b"data: " + json.dumps(event).encode(), None, "text/event-stream")
        called = "".join(f"{call.get('name', '')}({call.get('arguments', '')}" for call in one.calls)
        said.append(one.reasoning or one.text or called or str(event.get("type") or one.finish_reason or ""))
    return "".join(said)[:200]


def _said(reply: Reply) -> str:
    """What the pieces of a stream add up to."""
    calls = [f"{call.get('name', '')} {call.get('arguments', '')}" for call in reply.calls]
    return "\n".join((reply.error or "", reply.text, reply.reasoning, *calls))


def _searched(received: Received, exchange: Exchange, said: str) -> str:
    """What a search looks at, in lower case: both bodies, and what a stream spells out."""
    body = bytes(exchange.body).decode(errors="replace")
    if received.json is not None and "\\" in body:  # a letter that is escaped
        body = json.dumps(received.json, ensure_ascii=False, default=str)
    data = b"".join(piece for _, piece in exchange.pieces).decode(errors="replace")
    return "\n".join((received.path, received.query, exchange.error or "", body, said, data)).lower()


def _cut(text: str, most: int | None) -> str:
    if most is None or len(text) <= most:
        return text
    return f"{text[:most]}\n... {len(text) - most:,} more characters; the export has them"
