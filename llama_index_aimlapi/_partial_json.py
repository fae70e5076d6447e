"""The object that JSON text spells so far: the arguments of a call still being streamed.

For showing, never for running: a finished call's arguments are read strictly elsewhere.
"""

from __future__ import annotations

import string
from functools import cached_property
from typing import Any

from pydantic_core import from_json

_OF_SCALARS = string.ascii_letters + string.digits + "+-."


class PartialObject:
    """Text, and the object it spells so far: read when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.selection: Any = None  # what was made of it

    @cached_property
    def value(self) -> dict[str, Any]:
        """Strings as far as they go, other values when complete; empty for what is no object, or no JSON."""
        text = self.text
        if not _ends_in_string(text):
            text = text.rstrip(_OF_SCALARS)  # it may go on
        try:
            value = from_json(text, allow_partial="trailing-strings")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def _ends_in_string(text: str) -> bool:
    return text.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 1
