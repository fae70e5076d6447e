"""What is a secret in an exchange, and how it is hidden: one list of names, one of forms, for all that keeps or shows.

To hide another, add its name to a set or its form to `_FORMS`. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

HIDDEN = "(hidden)"
SHORTEST = 8  # bytes that are a secret, or the start of one

# Headers and cookies whose value is one, without their hyphens and in lower case.
_HEADERS = frozenset(
    (
        *("authorization", "proxyauthorization", "wwwauthenticate", "cookie", "setcookie", "authentication"),
        *(
            "apikey",
            "xapikey",
            "xgoogapikey",
            "openaiapikey",
            "anthropicapikey",
            "aimlapikey",
            "ocpapimsubscriptionkey",
        ),
        *("xauthtoken", "xaccesstoken", "xauthkey", "xsecret", "xapisecret", "xcsrftoken", "xsessionid", "token"),
        *("xamzsecuritytoken", "xvaulttoken", "privatetoken", "xgitlabtoken", "xfunctionskey", "xclientsecret"),
    )
)
# Keys of a query, a form or JSON. `token`, `key` and the like are hidden in queries alone: in JSON they are pieces of
# an answer, a cache's name, ...
_FIELDS = (
    *("api[-_]?key", "apikey", "x[-_]api[-_]key", "access[-_]?token", "refresh[-_]?token", "id[-_]?token"),
    *("auth[-_]?token", "bearer[-_]?token", "client[-_]?secret", "secret[-_]?key", "secret[-_]?access[-_]?key"),
    *(
        "private[-_]?key",
        "password",
        "passwd",
        "passphrase",
        "authorization",
        "session[-_]?token",
        "aimlapi[-_]api[-_]key",
    ),
    *(
        "openai[-_]api[-_]key",
        "anthropic[-_]api[-_]key",
        "google[-_]api[-_]key",
        "credentials?",
        "api[-_]?secret",
        "secret",
    ),
)
_QUERY = (*_FIELDS, "key", "token", "sig", "signature", "auth", "pass", "code", "session")
_FIELD = re.compile(rf"(?:{'|'.join(_FIELDS)})", re.IGNORECASE)
_QUERY_FIELD = re.compile(rf"(?:[\w.-]*[-_.])?(?:{'|'.join(_QUERY)})", re.IGNORECASE)
_NAME = rb"(?:[\w.-]{0,40}[-_.])?(?:" + "|".join(_FIELDS).encode() + rb")"
# api_key=..., in forms, addresses and prose: looked for at each "=", of which a long base64 text has one
_ASSIGNED = re.compile(rb"\s{0,3}=\s{0,3}[\"']?([^\s\"'&\\<>,;=]+)")
_ENDS_IN_FIELD = re.compile(b"(?:" + "|".join(_FIELDS).encode() + b")$", re.IGNORECASE)
_LONGEST_FIELD = 24  # characters
_EVENT = re.compile(rb"^data: ?(.+?)\r?$", re.MULTILINE)
# What must be in a text, in lower case, for a form to be looked for: most texts hold no secret, and a form costs more.
_FORMS: tuple[tuple[bytes, re.Pattern[bytes]], ...] = tuple(
    (needed, re.compile(form, flags))
    for needed, form, flags in (
        # "api_key": "...", also as text in JSON (\"api_key\": \"...\"), at any depth of escaping
        (b'"', rb'(\\*"' + _NAME + rb'\\*"\s*:\s*\\*")((?:(?!\\*").)+)', re.IGNORECASE | re.DOTALL),
        (b"=", rb"([?&](?:key|token|sig|signature|auth)=)([^\s\"'&\\<>]+)", re.IGNORECASE),
        # a word of prose after "bearer" or "token" is shorter, or has no digit
        (b"bearer", rb"(bearer\s+)([A-Za-z0-9._~+/=-]{16,})", re.IGNORECASE),
        (b"bearer", rb"(bearer\s+)(?=[A-Za-z._~+/=-]*\d)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE),
        (b"basic", rb"(basic\s+)(?=[A-Za-z._~+/=-]*\d)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE),
        (b"token ", rb"(token\s+)(?=[A-Za-z._~+/=-]*\d)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE),
        (b"", rb"()(\b(?:sk|pk|rk|key|ghp|gho|xox[abp]|glpat|hf)[-_][A-Za-z0-9_-]{12,})", 0),
        (b"aiza", rb"()(AIza[A-Za-z0-9_-]{20,})", 0),
        (b"eyj", rb"()(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)", 0),  # a JSON web token
        (b"private key", rb"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.+?)(?=-----END|$)", re.DOTALL),
        (b"@", rb"([a-z0-9+.-]://[^\s/@:\"]*:)([^\s/@\"]+)(?=@)", re.IGNORECASE),  # user:password@host
    )
)


def is_secret_header(name: str) -> bool:
    """Whether the value of a header is a secret."""
    plain = re.sub(r"[-_]", "", name.lower())
    return plain in _HEADERS or plain.endswith(("apikey", "authtoken", "accesstoken", "secret", "sessiontoken"))


def public_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers that can be kept and shown."""
    return {
        name: HIDDEN if is_secret_header(name) else public(value.encode("utf-8", "replace")).decode("utf-8", "replace")
        for name, value in headers
    }


def public_query(query: str) -> str:
    """A query without its secrets; what is none stays as it is written."""
    parts = []
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        is_secret = equals and value and _QUERY_FIELD.fullmatch(unquote(name))
        parts.append(f"{name}={HIDDEN}" if is_secret else part)
    return public("&".join(parts).encode("utf-8", "replace")).decode("utf-8", "replace")


def secrets_of(headers: Iterable[tuple[str, str]], query: str = "") -> list[bytes]:
    """The secrets that a request brings, longest first: a reply may repeat them anywhere, in any form."""
    found: set[str] = set()
    for name, value in headers:
        if is_secret_header(name):
            found |= {word.strip("\"'").partition("=")[2] or word for word in re.split(r"[\s;,]+", value)}
            found |= {value.strip(), *value.split()}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if value and _QUERY_FIELD.fullmatch(unquote(name)):
            found |= {value, unquote(value)}
    plain = {word for word in found if len(word) >= SHORTEST and word.lower() not in ("bearer", "basic")}
    return sorted((word.encode("utf-8", "replace") for word in plain), key=len, reverse=True)


def public(data: bytes, secrets: Sequence[bytes] = ()) -> bytes:
    """A body without secrets: those that are known, and whatever has the form of one."""
    return b"".join(kept for kept, _ in _pieces(data, secrets))


def public_json(value: Any, raw: bytes, secrets: Sequence[bytes] = ()) -> Any:
    """The value of a JSON body without its secrets.

    Args:
        raw: the body it was read from.
    """
    kept = public(raw, secrets)
    if kept == raw:
        return value
    try:
        return json.loads(kept)
    except (ValueError, RecursionError):
        return None


def public_pieces(pieces: Sequence[bytes], secrets: Sequence[bytes] = ()) -> list[bytes]:
    """The pieces of a body without secrets; as many pieces as before.

    Also those that the end of a piece cuts, and those that the events of a stream spell out together.
    """
    ends, total = [], 0
    for piece in pieces:
        total += len(piece)
        ends.append(total)
    found: list[bytearray] = [bytearray() for _ in pieces]
    at, index = 0, 0
    whole = b"".join(pieces)
    for kept, length in _pieces(whole, secrets, _spelled_spans(whole, secrets)):
        if len(kept) == length and kept != HIDDEN.encode():  # as it was: shared out among its pieces
            offset = 0
            while offset < length:
                while index < len(ends) - 1 and at + offset >= ends[index]:
                    index += 1
                upto = length if index == len(ends) - 1 else min(length, ends[index] - at)
                found[index] += kept[offset:upto]
                offset = upto
        elif found:  # hidden: into the piece where it begins
            while index < len(ends) - 1 and at >= ends[index]:
                index += 1
            found[index] += kept
        at += length
    return [bytes(piece) for piece in found]


def _pieces(data: bytes, secrets: Sequence[bytes], more: Iterable[tuple[int, int]] = ()) -> Iterator[tuple[bytes, int]]:
    """The parts of a body in order: what is kept of each, and how long it was."""
    at = 0
    for start, end in sorted([*secret_spans(data, secrets), *more]):
        if end <= at:
            continue
        start = max(start, at)
        if start > at:
            yield data[at:start], start - at
        yield HIDDEN.encode(), end - start
        at = end
    if at < len(data):
        yield data[at:], len(data) - at


def secret_spans(data: bytes, secrets: Sequence[bytes] = ()) -> list[tuple[int, int]]:
    """Where secrets begin and end in a text: those that are known, and whatever has the form of one."""
    spans: list[tuple[int, int]] = []
    for secret in secrets:
        at = data.find(secret) if len(secret) >= SHORTEST else -1
        while at >= 0:
            spans.append((at, at + len(secret)))
            at = data.find(secret, at + len(secret))
    lower = data.lower()
    for needed, form in _FORMS:
        if needed in lower:
            spans += ((match.start(2), match.end(2)) for match in form.finditer(data) if match[2] != HIDDEN.encode())
    for match in _ASSIGNED.finditer(data):
        name = data[max(match.start() - _LONGEST_FIELD, 0) : match.start()]
        if match[1] != HIDDEN.encode() and _ENDS_IN_FIELD.search(name):
            spans.append((match.start(1), match.end(1)))
    return spans


def _spelled_spans(data: bytes, secrets: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Where an event stream spells a secret out over several events: the texts of one field, one after the other."""
    fields: dict[tuple[str, ...], list[tuple[bytes, int, int]]] = {}
    for line in _EVENT.finditer(data):
        try:
            event = json.loads(line[1])
        except (ValueError, RecursionError):
            continue
        for path, text in _texts_in(event, ()):
            written = json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")
            at = line[1].find(written)
            if at >= 0:
                start = line.start(1) + at + 1
                fields.setdefault(path, []).append((text.encode("utf-8", "replace"), start, start + len(written) - 2))
    for pieces in fields.values():
        joined = b"".join(text for text, _, _ in pieces)
        for first, last in secret_spans(joined, secrets):
            at = 0
            for said, start, end in pieces:
                if at < last and at + len(said) > first and end > start:
                    yield start, end
                at += len(said)


def _texts_in(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts_in(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts_in(item, (*path, str(index)))
