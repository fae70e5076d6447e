"""What a language model may pass when it uses a media model as a tool, and what it is answered. Pure.

Both frameworks build the schemas of their tools from `arguments_of`, and their texts with `summary`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError
from aimlapi_transport.media.fields import COMMON_NAMES, FILE_NAMES, field_for
from aimlapi_transport.media.generations import Generation, GenerationStatus
from aimlapi_transport.media.operations import model_facts, operation_named
from aimlapi_transport.media.values import MediaResult


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
        fixed: names that whoever makes the tool has set: common ones, or the model's own of the same thing.
    """
    operation_named(operation)
    facts = model_facts(model)
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
        if name not in (*covered, *fixed) and operation not in (
            "transcribe",
            "ocr",
        ):  # `effect_scene`, `character`, ...
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


_NOUNS = {"images": "picture", "edit_image": "picture", "video": "film", "speech": "sound", "music": "sound"}


class Saved(NamedTuple):
    """What came of saving the files of a result.

    Attributes:
        paths: where they are; empty where nothing was to be saved, or not all could be.
        error: why they could not be saved.
    """

    paths: Sequence[Path] = ()
    error: AIMLAPIError | None = None


def summary(result: MediaResult, saved: Saved) -> str:
    """What a tool answers: where its files are, or the text that was read.

    Files that could not be saved are paid for: the answer has their addresses then, and why they are not here.
    """
    if result.text is not None:
        return result.text or "Nothing is said in it."
    noun = _NOUNS.get(result.operation, "file")
    locations = [str(path) for path in saved.paths] or [
        file.url or f"{file.size or 0:,} bytes of {file.media_type or 'data'}" for file in result.files
    ]
    head = f"1 {noun}" if len(locations) == 1 else f"{len(locations)} {noun}s"
    trouble = f". Not saved: {saved.error.message}" if saved.error is not None else ""
    return f"{head}: {', '.join(locations)}{trouble}"


def ordered(generation: Generation) -> str:
    """What a tool answers that does not wait."""
    return f"Ordered. It takes minutes. Ask for its status with: {generation.reference}"


def progress(status: GenerationStatus) -> str:
    """What a tool answers of a generation that is under way."""
    return f"Not done yet ({status.provider_state or status.state}). Ask again later."
