"""Whether the values of a media body are what the schemas list. To check another field, add a row to `CHECKS`.

Schemas differ by model in what they list; a value is refused that none of them takes.
Source: https://docs.aimlapi.com/api-references (repository aimlapi/api-docs, commit f14fa72)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aimlapi_emulator.server.errors import invalid

PRESETS: Mapping[str, tuple[int, int]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
"""The sizes of pictures that have names, in pixels."""


class Check(NamedTuple):
    """What a field takes: `is_valid` says it of a value, `expected` in words."""

    expected: str
    is_valid: Callable[[Any], bool]


def _text(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value.strip()) is not None


def _number(least: float, most: float, *, whole: bool = False) -> Callable[[Any], bool]:
    def is_valid(value: Any) -> bool:
        try:
            number = float(value)  # forms have text, and many schemas give a default as text
        except (TypeError, ValueError):
            return False
        return not isinstance(value, bool) and least <= number <= most and not (whole and number % 1)

    return is_valid


def _is_image_size(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(side := value.get(name), int) and side > 0 for name in ("width", "height"))
    return isinstance(value, str) and (value in PRESETS or _text(r"[\d.]+K|auto|[1-9]\d*[x*][1-9]\d*")(value))


_RATIO = _text(r"[1-9]\d*(\.\d+)?:[1-9]\d*(\.\d+)?|auto|adaptive|default|keep_ratio|match_input_image")
CHECKS: Mapping[str, Check] = {
    "n": Check("an integer from 1 to 10", _number(1, 10, whole=True)),
    "num_images": Check("an integer from 1 to 10", _number(1, 10, whole=True)),
    "size": Check("width x height in pixels, or auto", _text(r"[1-9]\d*[x*][1-9]\d*|auto|adaptive|[\d.]+K")),
    "image_size": Check(f"{', '.join(PRESETS)}, or an object of width and height", _is_image_size),
    "frame_size": Check("width:height", _text(r"[1-9]\d*:[1-9]\d*")),
    "aspect_ratio": Check("a ratio such as 16:9", _RATIO),
    "ratio": Check("a ratio such as 16:9", _RATIO),
    "duration": Check("seconds", lambda value: value == "auto" or _number(0.001, 600)(value)),
    "music_length_ms": Check("an integer from 10000 to 300000", _number(10_000, 300_000, whole=True)),
    "seconds_total": Check("a number from 1 to 47", _number(1, 47)),
    "speed": Check("a number from 0.25 to 4", _number(0.25, 4)),
    "prompt": Check("a string", lambda value: isinstance(value, str)),
    "text": Check("a string", lambda value: isinstance(value, str)),
}


def check_values(body: Mapping[str, Any], listed: tuple[str, ...]) -> None:
    """Raises Refused for the first field of the model whose value no schema lists; null is unset."""
    for name, check in CHECKS.items():
        value = body.get(name)
        if name in listed and value is not None and not check.is_valid(value):
            raise invalid(name, check.expected, repr(value)[:80])
