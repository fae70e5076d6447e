"""What a text offers a field: the numbers, names, dates and quotes in it, each given out once.

To make a field find its value, add a row to HINTS: words in the field's name -> patterns to look for, best first.
"""

from __future__ import annotations

import re
from typing import Any

from aimlapi_emulator.mind.regex_text import is_tame
from aimlapi_emulator.mind.words import proper_nouns

_NAME = r"[A-Z][\w'’.&-]*[\w](?:\s+(?:(?:of|de|la|the)\s+)?[A-Z][\w'’.&-]*[\w])*(?:,\s*[A-Z][A-Za-z]+\b)?"
_DATE = (
    r"\b\d{4}-\d{2}-\d{2}\b|\b(?:today|tomorrow|yesterday)\b|"
    r"\b(?:(?:next|this) )?(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|"
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r" \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"
)
_NOBODY = "What|Who|Where|When|Which|How|Why|It|This|That|These|Those|There|He|She|They|We|You|I|The|A|An|My|Your|Our"
_STREETS = "Street|St|Avenue|Ave|Road|Rd|Lane|Boulevard|Blvd|Drive|Square"
_PLACE = ("city", "location", "place", "town", "country", "region", "destination", "address", "state")
_PEOPLE = ("name", "person", "customer", "user", "author", "artist", "recipient", "attendee", "company", "who")
_ASKED = ("query", "question", "search", "keywords", "topic", "subject", "term", "q")
HINTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("email", "mail", "to", "recipient", "cc"), (r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.]+\w",)),
    (("url", "uri", "link", "website"), (r"https?://[^\s'\"<>)]+[^\s'\"<>).,?!]",)),
    (
        ("image", "picture", "video", "film", "audio", "sound", "recording", "document", "file", "path"),
        (r"https?://[^\s'\"<>)]+[^\s'\"<>).,?!]", r"(?<![\w./~-])[\w./~-]*[\w-]\.[a-z][a-z0-9]{1,4}\b"),
    ),
    (("reference",), (r"\b[a-z]+:[\w.#/-]+:[\w.:/-]*[\w/-]",)),  # of a generation: operation:model:id
    (("phone", "telephone"), (r"\+?\d[\d ()-]{6,}\d",)),
    (("date", "day", "deadline", "when"), (_DATE,)),
    (("time", "hour"), (r"\b\d{1,2}:\d{2}(?:\s?[ap]m)?\b|\b\d{1,2}\s?[ap]m\b|\b(?:noon|midnight)\b", _DATE)),
    (("timezone",), (r"\b[A-Z]\w+/[A-Z]\w+\b|\bUTC(?:[+-]\d+)?\b",)),
    (("origin", "departure", "source"), (rf"\bfrom\s+(?P<v>{_NAME})",)),
    (("destination", "arrival", "target", "to"), (rf"\b(?:to|for|towards)\s+(?P<v>{_NAME})",)),
    (
        ("street", "address"),
        (rf"\b(?:\d{{1,6}}\s)?(?:[A-Z]\w+\s){{1,4}}(?:{_STREETS})\b",),
    ),
    (
        _PLACE,
        (
            rf"\b(?:in|at|near|for|around|to|of|from)\s+(?P<v>{_NAME})",
            r"\b(?:in|at|near|around)\s+(?!the\b|an?\b|my\b|your\b|this\b|that\b)(?P<v>[a-z]{3,})[.?!]?\s*$",
        ),
    ),
    (("author", "artist", "singer", "creator", "by"), (rf"\bby\s+(?P<v>{_NAME})",)),
    (("name", "title"), (r"(?i:\b(?:named|called|titled)\s+)(?P<v>\"[^\"\n]+\"|'[^'\n]+')",)),
    (
        _PEOPLE,
        (
            rf"(?i:\b(?:named|called|name is|i am|i'm|for|by|with|to)\s+)(?P<v>{_NAME})",
            rf"(?m:^)(?!(?:{_NOBODY})\b)(?P<v>{_NAME})(?=\s(?:is|was|has|lives|works)\b)",
        ),
    ),
    (("agent",), (r"(?i:\b(?:hand(?:ing)?[ -]?off|transfer|delegate|over)\s+to\s+(?:the\s+)?)(?P<v>[\w-]+)",)),
    (("currency", "symbol", "ticker", "code"), (r"\b[A-Z]{2,5}\b",)),
    (("language", "lang"), (r"\b(?:in|into|to)\s+(?P<v>[A-Z][a-z]+)\b",)),
    (
        ("expression", "equation", "formula", "calculation"),
        (r"[-+]?[\d.(][\d\s.+*/^()×÷%-]*[\d)]",),
    ),
    (
        _ASKED,
        (r"(?i:\b(?:search(?: the web)?(?: for)?|look up|find(?: out)?|google|about|query)\s+)(?P<v>[^.?!\n]+)",),
    ),
    (
        ("text", "content", "message", "body", "note", "sentence", "phrase"),
        (r"(?i:\b(?:saying|say|that says|text|message|note):?\s+)(?P<v>[^?!\n]+?)[.?!]?\s*$",),
    ),
)
LARGEST = float(2**53)  # a longer row of digits is no number anyone counts with
_NUMBER_WORDS = dict(
    zip(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
        ],
        range(16),
        strict=True,
    )
)
_NUMBER = re.compile(
    r"(?<![\w.])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w])|(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?=\D|$)|\b(?:"
    + "|".join(_NUMBER_WORDS)
    + r")\b",
    re.IGNORECASE,
)
_DATED = re.compile(rf"{_DATE}|https?://\S+|(?<![\w.+-])[\w.+-]{1, 64}@[\w-]+\.[\w.]+|\b\d{{1,2}}:\d{{2}}\b")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|「([^」\n]+)」|(?<!\w)'([^'\n]+)'(?!\w)|`([^`\n]+)`")


class Clues:
    """The values one text offers. Taking a value uses it up, so that two fields do not get the same one."""

    def __init__(self, text: str) -> None:
        self.text = text[:20_000]
        # the 2026 of 2026-05-01 is no number of its own
        self._plain = _DATED.sub(lambda match: " " * len(match.group()), self.text)
        self.taken: list[str] = []

    def knows(self, name: str) -> bool:
        """Whether a field's name alone says what kind of value to look for."""
        return any(_parts(name) & set(kinds) for kinds, _ in HINTS)

    def is_given(self, option: Any) -> bool:
        return f"={option}" in self.taken

    def give(self, option: Any) -> Any:
        """Notes that an option was chosen; unlike a quote or a name, its words are free for other fields."""
        self.taken.append(f"={option}")
        return option

    def labelled(self, name: str) -> str | None:
        """`name: value`, `name is value`, `"name": "value"`, `name = value`."""
        spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ").replace("-", " ").strip()
        if len(spaced) < 2:
            pattern = rf"\b{re.escape(name)}\s*(?:=|:)\s*" if name else None
        else:
            label = r"[\s_-]*".join(re.escape(part) for part in spaced.split())
            pattern = rf"(?<!\w)[\"'*]*{label}[\"'*]*(?:\s*(?:=|:)\s*|\s+(?:is|are|was|named|called)\s+|\s+(?=[\"']))"
        if pattern is None:
            return None
        match = re.search(pattern + r"(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s,;\n][^,;\n]*))", self.text, re.IGNORECASE)
        if not match:
            return None
        value = next(group for group in match.groups() if group is not None)
        value = re.split(r"\.(?:\s|$)|[?!](?:\s|$)|\s+(?:and|with|but)\s+", value)[0]
        value = value.strip(" .*\"'})]")
        return self._take(value) if value else None

    def number(self, name: str = "") -> float | None:
        """The number beside the field's name, else the first one left."""
        for word in [part for part in re.split(r"[\W_]+", name) if len(part) > 1]:
            near = rf"(?i:\b{re.escape(word)}\b)\W+(?:(?:is|of|to|be|=|:)\s*)*(?P<a>{_NUMBER.pattern})"
            near += rf"|(?P<b>{_NUMBER.pattern})[ -](?i:{re.escape(word)})\b"
            match = re.search(near, self._plain)
            value = (match.group("a") or match.group("b")) if match else None
            if value and self._free(value):
                return _as_number(self._take(value))
        if "age" in name.lower().split("_"):
            match = re.search(r"(\d+)[ -]?(?:years?|y/?o)\b", self._plain)
            if match:
                return _as_number(self._take(match.group(1)))
        left = list(self.taken)
        for match in _NUMBER.finditer(self._plain):
            if match.group() in left:
                left.remove(match.group())
                continue
            return _as_number(self._take(match.group()))
        return None

    def numbers(self) -> list[float]:
        return [_as_number(match.group()) for match in _NUMBER.finditer(self._plain)]

    def quoted(self) -> list[str]:
        return [next(g for g in match.groups() if g is not None) for match in _QUOTED.finditer(self.text)]

    def names(self) -> list[str]:
        return proper_nouns(self.text)

    def hinted(self, name: str, description: str = "") -> str | None:
        """A value of the kind the field's name (or else its description) speaks of."""
        for where in (name, description):
            parts = _parts(where)
            for kinds, patterns in HINTS:
                if not parts & set(kinds):
                    continue
                for value in self._matches(patterns):
                    return self._take(value)
                if set(kinds) & {"name", "city"}:
                    for value in [*self.quoted(), *self.names()]:
                        if self._free(value):
                            return self._take(value)
        return None

    def matching(self, pattern: str) -> str | None:
        """The first piece of the text that a schema's own pattern describes."""
        if not is_tame(pattern):
            return None
        try:
            for match in re.finditer(pattern.strip("^$"), self.text[:2000]):
                if match.group() and re.search(pattern, match.group()):
                    return match.group()
        except (re.error, RecursionError):
            pass
        return None

    def loose(self) -> str | None:
        """A quote or a name nobody has taken yet."""
        for value in [*self.quoted(), *self.names()]:
            if self._free(value):
                return self._take(value)
        return None

    def _matches(self, patterns: tuple[str, ...]) -> list[str]:
        found = []
        for pattern in patterns:
            for match in re.finditer(pattern, self.text):
                value = (match.groupdict().get("v") or match.group()).strip(" .?!\"'")
                if value and self._free(value):
                    found.append(value)
        return found

    def _free(self, value: str) -> bool:
        return value not in self.taken

    def _take(self, value: str) -> str:
        self.taken.append(value)
        return value


def _parts(name: str) -> set[str]:
    return set(re.split(r"[\W_]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))


def _as_number(text: str) -> float:
    if text.lower() in _NUMBER_WORDS:
        return float(_NUMBER_WORDS[text.lower()])
    return max(-LARGEST, min(LARGEST, float(text.replace(",", ""))))
