"""A value for a JSON schema: from a text where it offers one, else the plainest value the schema allows.

To support another keyword of JSON Schema, honour it where its type is filled (`_string`, `_number`, ...).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from aimlapi_emulator.mind.clues import Clues
from aimlapi_emulator.mind.regex_text import example
from aimlapi_emulator.mind.schema_limits import another, count, fit, fits, merge, singular, texts, type_of, within
from aimlapi_emulator.mind.words import sentences

MAX_DEPTH = 12
MAX_OPTIONAL = 4  # levels down to which an optional field is looked for
MAX_STEPS = 1_000  # a schema that refers to itself has no end: past this, the plainest value will do
MAX_ITEMS = 64
UNIONS = ("anyOf", "oneOf")
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
# "either 'yes' or 'no'" in a description: an enum in words
_OPTIONS_TOLD = re.compile(r"(?:['\"`][^'\"`\n]{1,64}['\"`],?\s+)+or\s+['\"`][^'\"`\n]{1,64}['\"`]")
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
        self._spoken = text.lower()
        self._steps = 0
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
            self.found += isinstance(schema["const"], str) and bool(self._said_of([schema["const"]]))
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self._choice(schema["enum"], schema, name)
        options = self._options(schema)
        if options is not None:
            return self._option(options, name, depth)
        kind = type_of(schema)
        if kind in ("object", "array") and self._is_deep(depth):
            return {} if kind == "object" else []
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
        described = schema.get("description") or schema.get("title")
        description = described if isinstance(described, str) else ""
        options_told = _OPTIONS_TOLD.search(description[:1000])
        if options_told:
            return self._choice(re.findall(r"['\"`]([^'\"`\n]+)['\"`]", options_told.group()), schema, name)
        return self._string(schema, name, description)

    def _is_deep(self, depth: int) -> bool:
        self._steps += 1
        return depth > MAX_DEPTH or self._steps > MAX_STEPS

    def _resolve(self, schema: Any, seen: tuple[str, ...] = ()) -> dict[str, Any]:
        """The schema behind $ref and allOf; a reference that leads nowhere, or back, allows anything."""
        self._steps += 1
        if not isinstance(schema, dict):
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            if reference in seen:
                return beside
            target: Any = self._root
            for step in [s for s in reference.lstrip("#").split("/") if s]:
                target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
            return {**self._resolve(target, (*seen, reference)), **self._resolve(beside, seen)}
        parts = schema.get("allOf")
        if isinstance(parts, list) and parts:
            merged = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts if self._steps <= MAX_STEPS else ():
                merged = merge(merged, self._resolve(part, seen))
            return merged
        return schema

    def _options(self, schema: dict[str, Any]) -> list[dict[str, Any]] | None:
        """The alternatives of a union, each with what is said beside it; None if there are none."""
        for union in UNIONS:
            given = schema.get(union)
            if isinstance(given, list) and given:
                beside = {key: value for key, value in schema.items() if key != union}
                return [merge(beside, self._resolve(option)) for option in given]
        if isinstance(schema.get("type"), list):  # ["string", "null"] is an anyOf in short
            return [{**schema, "type": kind} for kind in schema["type"] if isinstance(kind, str)]
        return None

    def _option(self, options: list[dict[str, Any]], name: str, depth: int) -> Any:
        """The alternative the text serves wholly, else in part; null only if it says nothing and null is allowed."""
        real = [option for option in options if type_of(option) != "null"]
        if self._is_deep(depth):
            real = [o for o in real if type_of(o) not in ("object", "array") and not {*UNIONS} & o.keys()]
            return self._fill(real[0], name, depth + 1) if real else None
        partly: dict[str, Any] | None = None
        for option in real:
            before = self._state()
            value = self._fill(option, name, depth + 1)
            found, guessed = self.found > before[0], self.guessed > before[1]
            if found and not guessed:
                return value
            self._return_to(before)
            partly = partly or (option if found else None)
        if partly is None and len(real) < len(options):
            return None
        return self._fill(partly or real[0], name, depth + 1) if real else None

    def _state(self) -> tuple[int, int, list[str]]:
        return self.found, self.guessed, list(self.clues.taken)

    def _return_to(self, state: tuple[int, int, list[str]]) -> None:
        self.found, self.guessed, self.clues.taken = state[0], state[1], list(state[2])

    def _said_of(self, options: Iterable[Any]) -> list[Any]:
        """The options the text names, in the order it names them."""
        places = []
        for at, option in enumerate(options):
            spelled = str(option).lower()
            for spelling in {spelled, spelled.replace("_", " ")} if option is not None and spelled else ():
                match = re.search(rf"(?<!\w){re.escape(spelling)}(?!\w)", self._spoken)
                if match:
                    places.append((match.start(), at, option))
        return [option for _, _, option in sorted(places, key=lambda place: place[:2])]

    def _choice(self, options: list[Any], schema: dict[str, Any], name: str) -> Any:
        """The option the text names: after the field's own `from` or `to`, else the first not yet given away."""
        named = self._said_of(options)
        if named:
            self.found += 1
            led = [part for part in name.lower().split("_") if part in ("from", "to", "in", "into")]
            pointed = [
                o for o in named for p in led if re.search(rf"\b{p} {re.escape(str(o).lower())}\b", self._spoken)
            ]
            left = [option for option in named if not self.clues.is_given(option)]
            return self.clues.give([*pointed, *left, *named][0])
        if "default" in schema and schema["default"] in options:
            return schema["default"]
        self.guessed += 1
        return options[0]

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = texts(schema.get("required"))
        needed = schema.get("dependentRequired")
        if isinstance(needed, dict):
            for key in required:  # grows while it is read: what is needed may need more
                required.extend(other for other in texts(needed.get(key)) if other not in required)
        filled: dict[str, Any] = {}
        ordered = [*properties, *(key for key in dict.fromkeys(required) if key not in properties)]
        for key in sorted(ordered, key=lambda key: self._greed(key, properties.get(key))):
            inner = properties.get(key, {})
            if key in required:
                filled[key] = self._fill(inner, key, depth + 1)
            elif depth < MAX_OPTIONAL and self._steps < MAX_STEPS:
                before = self._state()
                value = self._fill(inner, key, depth + 1)
                if self.found > before[0] and self.guessed == before[1] and self.said(inner, key):
                    filled[key] = value
                else:
                    self._return_to(before)
        least = min(count(schema.get("minProperties"), 0), MAX_ITEMS)
        for key, inner in self._further(schema, [key for key in ordered if key not in filled]):
            if len(filled) >= least:
                break
            filled[key] = self._fill(inner, key, depth + 1)
        return {key: filled[key] for key in [*ordered, *filled] if key in filled}

    def _further(self, schema: dict[str, Any], left: list[str]) -> Iterable[tuple[str, Any]]:
        """Properties nobody asked for: the optional ones, then whatever else the schema lets in."""
        for key in left:
            yield key, schema["properties"].get(key)
        patterns = schema.get("patternProperties")
        for pattern, inner in patterns.items() if isinstance(patterns, dict) else ():
            yield example(pattern, "key"), inner
        others = schema.get("additionalProperties", {})
        for at in range(MAX_ITEMS if others is not False else 0):
            yield f"key_{at + 1}", others if isinstance(others, dict) else {}

    def _greed(self, key: str, schema: Any) -> int:
        """Fields that know what they look for choose first, plain strings last."""
        schema = self._resolve(schema)
        kind = type_of(schema)
        if kind in ("object", "array"):
            return 1
        return 2 if kind == "string" and not schema.get("enum") and not self.clues.knows(key) else 0

    def said(self, schema: Any, name: str) -> bool:
        """An optional field is given only if the text plainly speaks of it: by its name, or one of its options."""
        schema = self._resolve(schema)
        if isinstance(schema.get("enum"), list):
            return True
        if any(isinstance(option.get("enum"), list) for option in self._options(schema) or []):
            return True
        parts = [part for part in re.split(r"[\W_]+", name.lower()) if len(part) > 2]
        return any(re.search(rf"\b{re.escape(part)}", self._spoken) for part in parts)

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        least = min(count(schema.get("minItems"), 0), MAX_ITEMS)
        most = count(schema.get("maxItems"), MAX_ITEMS)
        unique = bool(schema.get("uniqueItems"))
        fixed = schema.get("prefixItems")
        values = [self._fill(i, name, depth + 1) for i in fixed[:MAX_ITEMS]] if isinstance(fixed, list) else []
        if isinstance(schema.get("contains"), dict):
            values.append(self._fill(schema["contains"], name, depth + 1))
        items = self._resolve(schema.get("items", {}))
        if not values:
            for value in self._listed(items, name)[:most]:
                if value not in values or not unique:
                    values.append(value)
            self.found += bool(values)
        if not values and most > 0 and depth < MAX_DEPTH:
            values = [self._fill(items, singular(name), depth + 1)]
        while len(values) < least:
            extra = self._fill(items, singular(name), depth + 1)
            if unique and extra in values:
                others = items["enum"] if isinstance(items.get("enum"), list) else [another(extra, len(values))]
                extra = next((other for other in others if other not in values), None)
                if extra is None:
                    break
            values.append(extra)
        return values

    def _listed(self, items: dict[str, Any], name: str) -> list[Any]:
        """All values of the text that could be items: numbers, options, or the things it lists."""
        kind = type_of(items)
        if {"const", "anyOf", "oneOf"} & items.keys() or isinstance(items.get("type"), list):
            return []
        if isinstance(items.get("enum"), list):
            return self._said_of(items["enum"])
        if kind in ("integer", "number"):
            numbers = [within(number, items, kind == "integer") for number in self.clues.numbers()]
            return numbers
        if kind == "string" and not items.get("pattern") and not items.get("format"):
            listed = re.search(
                rf"(?i:{re.escape(singular(name) or name)}\w*(?: are| is)?:?\s+)([^.?!\n]*(?:,| and )[^.?!\n]*)",
                self.text,
            )
            if listed:
                named = (part.strip(" \"'") for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", listed.group(1)))
                return [fit(part, items) for part in named if part]
            return [fit(value, items) for value in self.clues.quoted() or self.clues.names()]
        return []

    def _number(self, schema: dict[str, Any], name: str, *, whole: bool) -> float | int:
        number = self.clues.number(name)
        if number is None:
            self.guessed += 1
            default = schema.get("default")
            number = float(default) if isinstance(default, (int, float)) else 1.0
        else:
            self.found += 1
        return within(number, schema, whole)

    def _boolean(self, schema: dict[str, Any], name: str) -> bool:
        label = self.clues.labelled(name)
        if label is not None:
            self.found += 1
            return label.lower() not in ("false", "no", "off", "0", "not")
        spoken = re.sub(r"[\W_]+", " ", name.lower()).strip()
        match = re.search(rf"(?P<no>\b(?:not|no|without|don't)\s+(?:\w+\s+)?)?\b{re.escape(spoken)}\b", self._spoken)
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
            formed = form in _FORMAT_PATTERNS and re.fullmatch(_FORMAT_PATTERNS[form], value)
            value = value if formed else FORMATS[form]
        if isinstance(pattern, str):
            return example(pattern, fit(value, schema), lambda text: fits(text, schema))
        return fit(value, schema)

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
