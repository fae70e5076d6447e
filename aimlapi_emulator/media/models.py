"""Which media models there are and what their schemas list: the packaged survey, read as data.

To refresh the facts, rebuild `aimlapi_transport/media/models.json`; this only reads it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import orjson

from aimlapi_emulator.media.checks import check_values
from aimlapi_emulator.server.errors import Refused, invalid, kind_of
from aimlapi_emulator.server.facts import packaged_file

CREDITS = {"image": 80_000, "3d": 180_000, "video": 800_000, "tts": 4_000, "stt": 6_000, "ocr": 2_000, "music": 200_000}
"""What one of them costs, in credits: two million are a US dollar."""


@dataclass(frozen=True, slots=True)
class MediaModel:
    """One model. `family` is `video/i2v` for example."""

    id: str
    family: str
    path: str
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`image`, `3d`, `video`, `tts`, `stt`, `ocr` or `music`."""
        return "video" if self.family.startswith("legacy/") else self.family.partition("/")[0]

    def takes(self, *names: str) -> bool:
        """Whether its schema lists one of these fields."""
        return any(name in self.required or name in self.optional for name in names)


@functools.cache
def media_models() -> dict[str, MediaModel]:
    """Every media model by its id."""
    survey = orjson.loads(packaged_file("media/models.json").read_bytes())
    found = {}
    for id, row in survey["models"].items():
        required, optional = survey["field_sets"][row["fields"]]
        found[id] = MediaModel(id, row["family"], row["path"], tuple(required), tuple(optional))
    return found


def checked(body: Any, path: str, kinds: tuple[str, ...]) -> MediaModel:
    """The model that a body asks for, once its fields are what its schema requires; raises Refused otherwise."""
    if not isinstance(body, dict):
        raise invalid("body", "object", kind_of(body), "Invalid type")
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise invalid("model", "string", kind_of(name) if "model" in body else "undefined", "Required")
    model = media_models().get(name)
    if model is None:
        raise Refused(404, f"Model '{name[:200]}' not found.")
    if model.kind not in kinds:
        raise Refused(404, f"Model '{name[:200]}' is not served at {path}.")
    required = ("prompt", "image") if path.endswith("/edits") else model.required
    for field in required:
        if body.get(field) in (None, "", []):
            raise invalid(field, "a value", kind_of(body[field]) if field in body else "undefined", "Required")
    check_values(body, (*model.required, *model.optional))
    return model
