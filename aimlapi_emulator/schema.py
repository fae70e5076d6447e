"""A value for a JSON schema: from a text where it offers one, else the plainest value the schema allows.

To support another keyword of JSON Schema, honour it where its type is filled (`_string`, `_number`, ...).
"""

from __future__ import annotations

import math
import re
from typing import Any

from aimlapi_emulator.clues import Clues
from aimlapi_emulator.patterns import example
from aimlapi_emulator.words import sentences

MAX_DEPTH = 12
MAX_ITEMS = 64
MAX_LENGTH = 10_000
FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_FORMAT_PATTERNS = {
    "date": r"\b\d{4}-\d{2}-\d{2}\b",
    "date-time": r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})",
    "email": r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.]+\w",
    "uri": r"https?://[^\s'\"<>)]+[^\s'\"<>).,?!]",
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "ipv4": r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
}


class Filler:
    """Fills schemas from one text. `found` counts the values the text gave, `guessed` those it did not."""

    def __init__(self, text: str) -> None:
        self.clues = Clues(text)
        self.text = text
        self.found = 0
        self.guessed = 0
        self._root: Any = None

    def fill(self, schema: Any, name: str = "") -> Any:
        """A value the schema allows; `name` is what the value is for."""
        self._root = schema
        return self._fill(schema, name, 0)

    def _fill(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict):
            return {} if depth == 0 else None
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self._choice(schema["enum"], name, schema)
        for union in ("anyOf", "oneOf"):
            options = schema.get(union)
            if isinstance(options, list) and options:
                return self._option([*map(self._resolve, options)], name, depth)
        if isinstance(schema.get("type"), list):  # ["string", "null"] is an anyOf in short
            return self._option([{**schema, "type": kind} for kind in schema["type"]], name, depth)
        kind = _type_of(schema)
        if depth > MAX_DEPTH and kind in ("object", "array"):
            return {} if kind == "object" else []
        description = str(schema.get("description") or schema.get("title") or "")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, name, whole=kind == "integer")
        if kind == "boolean":
            return self._boolean(schema, name)
        if kind == "null":
            return None
        return self._string(schema, name, description)

    def _resolve(self, schema: Any) -> dict[str, Any]:
        """The schema behind $ref and allOf; a reference that leads nowhere allows anything."""
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, dict):
                return {}
            reference = schema.get("$ref")
            if isinstance(reference, str):
                target: Any = self._root
                for step in [s for s in reference.lstrip("#").split("/") if s]:
                    step = step.replace("~1", "/").replace("~0", "~")
                    target = target.get(step) if isinstance(target, dict) else None
                schema = (
                    {**target, **{k: v for k, v in schema.items() if k != "$ref"}} if isinstance(target, dict) else {}
                )
                continue
            parts = schema.get("allOf")
            if isinstance(parts, list) and parts:
                merged = {key: value for key, value in schema.items() if key != "allOf"}
                for part in parts:
                    merged = _merge(merged, self._resolve(part))
                schema = merged
                continue
            return schema
        return {}

    def _option(self, options: list[dict[str, Any]], name: str, depth: int) -> Any:
        """The first alternative the text can serve; null only if the text says nothing and null is allowed."""
        real = [option for option in options if _type_of(option) != "null"]
        nullable = len(real) < len(options)
        for option in real or options:
            trial = Filler(self.text)
            trial._root, trial.clues = self._root, self.clues
            value = trial._fill(option, name, depth + 1)
            if trial.found or not nullable:
                self.found += trial.found
                self.guessed += trial.guessed
                return value
        return None

    def _choice(self, options: list[Any], name: str, schema: dict[str, Any]) -> Any:
        spoken = self.text.lower()
        places = [
            (spoken.find(str(option).lower().replace("_", " ")), at)
            for at, option in enumerate(options)
            if option is not None
            and re.search(rf"(?<!\w){re.escape(str(option).lower().replace('_', ' '))}(?!\w)", spoken)
        ]
        if places:
            self.found += 1
            return options[min(places)[1]]
        if "default" in schema and schema["default"] in options:
            return schema["default"]
        self.guessed += 1
        return options[0]

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = [key for key in schema.get("required") or [] if isinstance(key, str)]
        filled: dict[str, Any] = {}
        ordered = [*properties, *(key for key in required if key not in properties)]
        for key in sorted(ordered, key=lambda key: self._greed(properties.get(key))):
            inner = properties.get(key, {})
            if key in required:
                filled[key] = self._fill(inner, key, depth + 1)
                continue
            trial = Filler(self.text)
            trial._root, trial.clues = self._root, Clues(self.text)
            trial.clues._taken = list(self.clues._taken)
            value = trial._fill(inner, key, depth + 1) if depth < MAX_DEPTH else None
            if trial.found and not trial.guessed and trial.said(inner, key):
                filled[key] = value
                self.clues._taken = trial.clues._taken
        return {key: filled[key] for key in ordered if key in filled}

    def _greed(self, schema: Any) -> int:
        """Fields that know what they look for choose first, plain strings last."""
        schema = self._resolve(schema)
        kind = _type_of(schema)
        return 1 if kind in ("object", "array") else 2 if kind == "string" and not schema.get("enum") else 0

    def said(self, schema: Any, name: str) -> bool:
        """An optional field is given only if the text plainly speaks of it: by its name, or one of its options."""
        schema = self._resolve(schema)
        if isinstance(schema.get("enum"), list):
            return True
        for option in schema.get("anyOf") or []:
            if isinstance(self._resolve(option).get("enum"), list):
                return True
        parts = [part for part in re.split(r"[\W_]+", name.lower()) if len(part) > 2]
        return any(re.search(rf"\b{re.escape(part)}", self.text.lower()) for part in parts)

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        least = _count(schema.get("minItems"), 0)
        most = _count(schema.get("maxItems"), MAX_ITEMS)
        fixed = schema.get("prefixItems")
        if isinstance(fixed, list) and fixed:
            return [self._fill(item, name, depth + 1) for item in fixed[:MAX_ITEMS]]
        items = self._resolve(schema.get("items", {}))
        values: list[Any] = []
        for value in self._listed(items, name)[:most]:
            if value not in values or not schema.get("uniqueItems"):
                values.append(value)
        self.found += bool(values)
        if not values and most > 0 and depth < MAX_DEPTH:
            values = [self._fill(items, _singular(name), depth + 1)]
        while len(values) < min(least, MAX_ITEMS):
            extra = self._fill(items, _singular(name), depth + 1)
            if extra in values and schema.get("uniqueItems"):
                extra = _another(extra, len(values))
            values.append(extra)
        return values

    def _listed(self, items: dict[str, Any], name: str) -> list[Any]:
        """All values of the text that could be items: numbers, options, or the things it lists."""
        kind = _type_of(items)
        if {"const", "anyOf", "oneOf"} & items.keys() or isinstance(items.get("type"), list):
            return []
        if isinstance(items.get("enum"), list):
            spoken = self.text.lower()
            return [option for option in items["enum"] if str(option).lower() in spoken]
        if kind in ("integer", "number"):
            numbers = [_within(number, items, kind == "integer") for number in self.clues.numbers()]
            return numbers
        if kind == "string" and not items.get("pattern") and not items.get("format"):
            listed = re.search(
                rf"(?i:{re.escape(_singular(name) or name)}\w*(?: are| is)?:?\s+)([^.?!\n]*(?:,| and )[^.?!\n]*)",
                self.text,
            )
            if listed:
                named = (part.strip(" \"'") for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", listed.group(1)))
                return [_fit(part, items) for part in named if part]
            return [_fit(value, items) for value in self.clues.quoted() or self.clues.names()]
        return []

    def _number(self, schema: dict[str, Any], name: str, *, whole: bool) -> float | int:
        number = self.clues.number(name)
        if number is None:
            self.guessed += 1
            default = schema.get("default")
            number = float(default) if isinstance(default, (int, float)) else 1.0
        else:
            self.found += 1
        return _within(number, schema, whole)

    def _boolean(self, schema: dict[str, Any], name: str) -> bool:
        label = self.clues.labelled(name)
        if label is not None:
            self.found += 1
            return label.lower() not in ("false", "no", "off", "0", "not")
        spoken = re.sub(r"[\W_]+", " ", name.lower()).strip()
        match = re.search(
            rf"(?P<no>\b(?:not|no|without|don't)\s+(?:\w+\s+)?)?\b{re.escape(spoken)}\b", self.text.lower()
        )
        if spoken and match:
            self.found += 1
            return match.group("no") is None
        self.guessed += 1
        return bool(schema.get("default", True))

    def _string(self, schema: dict[str, Any], name: str, description: str) -> str:
        value = self._string_from_text(schema, name, description)
        if value is None:
            self.guessed += 1
            default = schema.get("default")
            value = default if isinstance(default, str) else _usual(name) or self._remark()
        else:
            self.found += 1
        pattern, form = schema.get("pattern"), schema.get("format")
        if isinstance(form, str) and form in FORMATS:
            fits = form in _FORMAT_PATTERNS and re.fullmatch(_FORMAT_PATTERNS[form], value)
            return value if fits else FORMATS[form]
        if isinstance(pattern, str):
            return example(pattern, value)
        return _fit(value, schema)

    def _string_from_text(self, schema: dict[str, Any], name: str, description: str) -> str | None:
        form = schema.get("format")
        if isinstance(form, str) and form in _FORMAT_PATTERNS:
            return self.clues.matching(_FORMAT_PATTERNS[form])
        if isinstance(schema.get("pattern"), str):
            return self.clues.matching(schema["pattern"])
        value = self.clues.labelled(name) or self.clues.hinted(name, description)
        return value if value is not None else self.clues.loose()

    def _remark(self) -> str:
        """For a field the text does not speak of: its first sentence, else a plain word."""
        said = sentences(self.text)
        return said[0] if said else "text"


def _usual(name: str) -> str | None:
    """The usual example for a field whose name says its format."""
    parts = re.split(r"[\W_]+", name.lower())
    named = {"email": "email", "mail": "email", "date": "date", "url": "uri", "uri": "uri", "uuid": "uuid"}
    return next((FORMATS[form] for part, form in named.items() if part in parts), None)


def _type_of(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if any(key in schema for key in ("minimum", "maximum", "multipleOf")):
        return "number"
    return "string"


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = {**one, **other}
    for key in ("properties", "$defs"):
        if isinstance(one.get(key), dict) and isinstance(other.get(key), dict):
            merged[key] = {**one[key], **other[key]}
    if isinstance(one.get("required"), list) and isinstance(other.get("required"), list):
        merged["required"] = [*one["required"], *other["required"]]
    return merged


def _within(number: float, schema: dict[str, Any], whole: bool) -> float | int:
    """The nearest number the schema allows."""

    def bound(key: str) -> float | None:
        value = schema.get(key)
        ok = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if ok else None  # type: ignore[arg-type]

    step = bound("multipleOf") or (1.0 if whole else 0.0)
    nudge = step or 1e-6
    low, high = bound("minimum"), bound("maximum")
    above, below = bound("exclusiveMinimum"), bound("exclusiveMaximum")
    low = above + nudge if above is not None and (low is None or above >= low) else low
    high = below - nudge if below is not None and (high is None or below <= high) else high
    number = max(number, low) if low is not None else number
    number = min(number, high) if high is not None else number
    if step > 0:
        number = (
            math.ceil(number / step - 1e-9) * step
            if low is not None and number <= low
            else math.floor(number / step + 1e-9) * step
        )
    if whole or (number == int(number) and abs(number) < 2**53):
        return int(number)
    return number


def _fit(text: str, schema: dict[str, Any]) -> str:
    least = min(_count(schema.get("minLength"), 0), MAX_LENGTH)
    most = _count(schema.get("maxLength"), MAX_LENGTH)
    text = text[:most]
    return text if len(text) >= least else (text + " " + "x" * least)[:least] if text else "x" * least


def _count(value: Any, otherwise: int) -> int:
    ok = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 10**9
    return int(value) if ok else otherwise


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _another(value: Any, at: int) -> Any:
    if isinstance(value, str):
        return f"{value} {at + 1}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value + at
    return value
