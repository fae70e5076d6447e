"""Which command makes what of media, and by which models."""

from __future__ import annotations

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.operations import known_models

# The command -> the method of the client.
OPERATIONS = {
    "image": "images",
    "edit": "edit_image",
    "video": "video",
    "say": "speech",
    "transcribe": "transcribe",
    "ocr": "ocr",
    "music": "music",
}


def command_of(model: str) -> str | None:
    """The command that a model of media is for; None for any other model."""
    return next((name for name, operation in OPERATIONS.items() if model in known_models(operation)), None)


def check_model(command: str, model: str) -> None:
    """Raises InvalidRequestError for a model of another command, and for none."""
    if not model.strip():
        raise InvalidRequestError("No model is named: pass its id (`aimlapi models --all` lists them).")
    other = command_of(model)
    if other is not None and model not in known_models(OPERATIONS[command]):
        raise InvalidRequestError(f"{model} is a model for `aimlapi {other}`, not for `aimlapi {command}`.")
