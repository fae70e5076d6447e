"""Values -> YAML a reviewer can read: bodies as blocks, other scripts as they are, never base64.

PyYAML's own emitter escapes emoji and quotes any text with a blank before a line end, so a cassette is written
here and read by any YAML loader. Law: reading what was written gives the value that was written.
"""

from __future__ import annotations

import re
from typing import Any

_WIDE = 100  # characters: longer texts become blocks
_PLAIN = re.compile(r"[A-Za-z](?:[\w ./()<>=+,;'-]|:(?=\S))*(?<! )", re.ASCII)
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
# What YAML 1.1 takes for a line end, or does not take at all.
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def dump(value: dict[str, Any]) -> str:
    """A mapping, not empty, of mappings, lists, texts, numbers, booleans and None, as a YAML document."""
    return "".join(_lines(value, ""))


def _lines(value: dict[str, Any] | list[Any], indent: str) -> list[str]:
    """A mapping or a list, not empty, every line at least this far in."""
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            start = f"{indent}{_scalar(key)}:"
            if isinstance(item, dict) and item:
                lines += [f"{start}\n", *_lines(item, indent + "  ")]
            elif isinstance(item, list) and item:
                lines += [f"{start}\n", *_lines(item, indent)]
            else:
                lines.append(f"{start} {_leaf(item, indent)}")
        return lines
    for item in value:
        if isinstance(item, (dict, list)) and item:
            first, *rest = _lines(item, indent + "  ")
            lines += [f"{indent}- {first[len(indent) + 2 :]}", *rest]
        else:
            lines.append(f"{indent}- {_leaf(item, indent)}")
    return lines


def _leaf(item: Any, indent: str) -> str:
    if isinstance(item, str) and _is_block(item):
        return _block(item, indent + "  ")
    return f"{_scalar(item)}\n"


def _is_block(text: str) -> bool:
    return ("\n" in text.strip("\n") or len(text) > _WIDE) and not _UNPRINTABLE.search(text)


def _block(text: str, indent: str) -> str:
    # YAML guesses the indentation from the first line: say it where that line would mislead.
    width = "2" if text[0] in " \t\n" else ""
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    lines = "".join(f"{indent}{line}\n" if line else "\n" for line in body.split("\n"))
    return f"|{width}{'-+'[ends > 1] if ends != 1 else ''}\n{lines}" + "\n" * (ends - 1)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        return f'"{_escaped(value)}"'
    if isinstance(value, (int, float)):
        return repr(value)
    if value == {} or value == []:
        return "{}" if isinstance(value, dict) else "[]"
    raise TypeError(f"a cassette holds no {type(value).__name__}: {value!r}")


def _escaped(text: str) -> str:
    text = re.sub(r'["\\\n\t\r]', lambda found: _ESCAPES[found[0]], text)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
