"""What a language model may pass when it uses a media model as a tool. Pure.

Both frameworks build the schemas of their tools from `arguments_of`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.fields import COMMON_NAMES, FILE_NAMES, field_for
from aimlapi_transport.media.operations import check_operation, model_facts, operation_named


class Argument(NamedTuple):
    """One argument of a tool.

    Attributes:
        type: `str`, `int`, `float` or `Any`.
        description: for the model that calls the tool.
    """

    name: str
    type: Any
    description: str
    is_required: bool


_FILE = "its address (https://...)"
_TEXTS: Mapping[str, tuple[Any, str]] = {
    "prompt": (str, "What to make, in words"),
    "text": (str, "What to say"),
    "lyrics": (str, "The words to sing, line by line"),
    "image": (str, f"The picture to begin with: {_FILE}"),
    "last_image": (str, f"The picture to end with: {_FILE}"),
    "video": (str, f"The film to change or to follow: {_FILE}"),
    "audio": (str, f"The sound to use: {_FILE}"),
    "document": (str, f"The document or picture to read: {_FILE}"),
    "size": (str, "Width and height in pixels, such as 1024x768, or a ratio, such as 16:9"),
    "aspect_ratio": (str, "Width to height, such as 16:9"),
    "n": (int, "How many"),
    "duration": (float, "Seconds"),
    "voice": (str, "The name of a voice"),
    "language": (str, "The language that is spoken, such as en"),
}
# What a model may choose; the rest is the business of whoever makes the tool. The first is what an unknown model takes.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "images": ("prompt", "image", "size", "n"),
    "edit_image": ("prompt", "image"),
    "video": ("prompt", "image", "last_image", "video", "audio", "duration", "aspect_ratio"),
    "speech": ("text", "voice"),
    "music": ("prompt", "lyrics", "audio", "duration"),
    "transcribe": ("audio", "language"),
    "ocr": ("document",),
}
_ALWAYS = {"edit_image": ("prompt", "image"), "transcribe": ("audio",), "ocr": ("document",)}


def arguments_of(operation: str, model: str, fixed: Sequence[str] = ()) -> tuple[Argument, ...]:
    """The arguments of a tool: those that the model's documents list, and few enough for a language model.

    Args:
        fixed: names that the program has set on the tool: common names, or the model's own.

    Raises:
        InvalidRequestError: the model does something else.
    """
    row, facts = operation_named(operation), model_facts(model)
    if facts is not None:
        check_operation(row, facts)
    chosen: dict[str, Argument] = {}
    covered: set[str] = set()
    for position, name in enumerate(_CHOICES[operation]):
        always = name in _ALWAYS.get(operation, ())
        field = field_for(name, facts) if name in COMMON_NAMES else None
        path = field.path.partition(".")[0] if field else name
        is_listed = facts is not None and path in facts.fields
        if not (is_listed or always or (facts is None and position == 0)):
            continue
        covered.add(path)
        if name in fixed or path in fixed:
            continue
        is_required = always or facts is None or path in facts.required
        kind, text = _TEXTS[name]
        chosen[name] = Argument(name, kind, text, is_required)
    for name in facts.required if facts is not None else ():
        if name not in (*covered, *fixed) and operation not in ("transcribe", "ocr"):  # `effect_scene`, ...
            chosen[name] = Argument(name, Any, f"`{name}`, as the documents of {model} describe it", True)
    return tuple(chosen.values())


def check_addresses(arguments: Mapping[str, Any], folder: str | os.PathLike[str] | None) -> None:
    """Raises where a language model names a file of this machine: only what the tool saved itself may be sent.

    Args:
        folder: where the tool saves.

    Raises:
        InvalidRequestError: it says what is taken.
    """
    for name, value in arguments.items():
        if name not in FILE_NAMES and not name.endswith(("_url", "_urls")):
            continue
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if not isinstance(item, str) or re.match(r"https?://|data:", item, re.IGNORECASE):
                continue
            if folder is None or Path(folder).resolve() not in Path(item).resolve().parents:
                raise InvalidRequestError(f"`{name}` is {item[:80]!r}: pass an address that begins with https://.")
