"""Which endpoint makes what: one row per operation, and what the packaged facts say of a model. Pure.

To add an operation, add a row to `OPERATIONS`; to refresh the facts, run `tools/build_media_facts.py`.
Source: https://docs.aimlapi.com/api-references (repository aimlapi/api-docs, commit f14fa72)
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

from aimlapi_transport.errors import InvalidRequestError


class Operation(NamedTuple):
    """One kind of work.

    Attributes:
        name: as the method of the client is called.
        families: the first part of the names of the model families that do it.
        path: of the request, from the root of the host: each has a version of its own.
        poll_path: where a generation that takes minutes is asked for: `{id}` stands for its id, which is otherwise the
            query's `generation_id`. None where the reply is the answer.
        deadline: seconds to wait for a generation by default.
        first_pause, longest_pause: seconds between two questions for it, which grow by half each time.
    """

    name: str
    families: tuple[str, ...]
    path: str
    poll_path: str | None = None
    deadline: float = 600.0
    first_pause: float = 2.0
    longest_pause: float = 15.0


# The provider's samples ask each 10 or 15 seconds; its slowest film took 14 minutes, recorded waits for pictures
# go up to 78 seconds, and transcripts are there within seconds.
OPERATIONS = {
    row.name: row
    for row in (
        Operation("images", ("image", "3d"), "/v1/images/generations"),
        Operation("edit_image", ("image",), "/v1/images/generations"),
        Operation("video", ("video", "legacy"), "/v2/video/generations", "/v2/video/generations", deadline=1200.0),
        Operation("speech", ("tts",), "/v1/tts"),
        Operation("transcribe", ("stt",), "/v1/stt/create", "/v1/stt/{id}", first_pause=1.0, longest_pause=5.0),
        Operation("ocr", ("ocr",), "/v1/ocr"),
        Operation("music", ("music",), "/v2/generate/audio", "/v2/generate/audio"),
    )
}
EDITS_PATH = "/v1/images/edits"  # multipart, for the models whose facts name it
LATER = tuple(name for name, row in OPERATIONS.items() if row.poll_path)
"""The operations that take minutes: they are submitted, and asked for."""


class MediaModel(NamedTuple):
    """What the documents say of a media model.

    Attributes:
        id: as it is asked for.
        family: `image/edit-one` for example; its first part says what is made.
        path: of its requests, from the root of the host.
        required, optional: the fields it takes beside `model`.
        edits: the fields it takes at the multipart endpoint for edits; None where it is not served there.
        is_deprecated: whether the provider lists it as such.
    """

    id: str
    family: str
    path: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    edits: tuple[str, ...] | None = None
    is_deprecated: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields it takes beside `model`."""
        return self.required + self.optional


@lru_cache(maxsize=1)
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(resources.files(__package__).joinpath("models.json").read_bytes())
    return facts


def known_models(operation: str | None = None) -> tuple[str, ...]:
    """The ids of the packaged media models; of one operation, those that do it."""
    row = operation_named(operation) if operation else None
    models = _facts()["models"]
    return tuple(name for name, facts in models.items() if row is None or _family(facts) in row.families)


def model_facts(name: str) -> MediaModel | None:
    """What the documents say of a model; None for one they do not list: it may be newer than this package."""
    facts = _facts()["models"].get(name)
    if facts is None:
        return None
    sets = _facts()["field_sets"]
    required, optional = sets[facts["fields"]]
    edits = tuple(field for part in sets[facts["edits"]] for field in part) if "edits" in facts else None
    return MediaModel(
        name, facts["family"], facts["path"], tuple(required), tuple(optional), edits, "deprecated" in facts
    )


def operation_named(name: str) -> Operation:
    """The row of an operation.

    Raises:
        InvalidRequestError: there is none of this name.
    """
    if name not in OPERATIONS:
        raise InvalidRequestError(f"There is no operation {name!r}: pass one of {', '.join(OPERATIONS)}.")
    return OPERATIONS[name]


def check_takes_minutes(name: str) -> None:
    """Raises for an operation that is not submitted and waited for.

    Raises:
        InvalidRequestError: it names those that are.
    """
    if operation_named(name).poll_path is None:
        raise InvalidRequestError(f"`{name}` answers at once: call `{name}`. Submit {', '.join(LATER)}.")


def check_operation(operation: Operation, model: MediaModel) -> None:
    """Raises for a model that does something else.

    Raises:
        InvalidRequestError: it names the method to call.
    """
    kind = model.family.partition("/")[0]
    if kind not in operation.families:
        other = next(row.name for row in OPERATIONS.values() if kind in row.families)
        raise InvalidRequestError(f"{model.id} is a model for `{other}`, not for `{operation.name}`.")


def _family(facts: dict[str, Any]) -> str:
    family: str = facts["family"]
    return family.partition("/")[0]
