"""What a tool of an agent answers of a media model: a text, and the files. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.media.generations import Generation, GenerationStatus
from aimlapi_transport.media.values import MediaFile, MediaResult

Outcome = MediaResult | Generation | GenerationStatus
_NOUNS = {"images": "picture", "edit_image": "picture", "video": "film", "speech": "sound", "music": "sound"}


class ToolAnswer(NamedTuple):
    """What a tool answers.

    Attributes:
        text: for the language model.
        files: of the result; empty where there is none, or not yet.
        order: what was ordered and is under way; None for anything else.
    """

    text: str
    files: tuple[MediaFile, ...] = ()
    order: Generation | None = None


def result_of(outcome: Outcome) -> MediaResult | None:
    """What was made; None where it is under way."""
    return outcome if isinstance(outcome, MediaResult) else outcome.result


def tool_answer(outcome: Outcome, paths: Sequence[Path] = (), error: AIMLAPIError | None = None) -> ToolAnswer:
    """The answer of a tool: where the files of a result are, the text that was read, or how far an order is.

    Files that could not be saved are paid for: the answer has their addresses then, and why they are not here.

    Args:
        paths: where the files were saved.
        error: why they could not be.
    """
    if isinstance(outcome, Generation) and outcome.result is None:
        return ToolAnswer(f"Ordered. It takes minutes. Ask for its status with: {outcome.reference}", order=outcome)
    if isinstance(outcome, GenerationStatus) and outcome.result is None:
        return ToolAnswer(f"Not done yet ({outcome.provider_state or outcome.state}). Ask again later.")
    result = result_of(outcome)
    assert result is not None
    if result.text is not None:
        return ToolAnswer(result.text or "Nothing is said in it.", result.files)
    noun = _NOUNS.get(result.operation, "file")
    locations = [str(path) for path in paths] or [
        file.url or f"{file.size or 0:,} bytes of {file.media_type or 'data'}" for file in result.files
    ]
    head = f"1 {noun}" if len(locations) == 1 else f"{len(locations)} {noun}s"
    trouble = f". Not saved: {error.message}" if error is not None else ""
    return ToolAnswer(f"{head}: {', '.join(locations)}{trouble}", result.files)
