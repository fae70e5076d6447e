"""Conversations in files: what `/save` writes, `--load` reads, and `--continue` continues with."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aimlapi_cli import files
from aimlapi_cli.config import PROJECT
from aimlapi_transport.errors import InvalidRequestError

Messages = list[dict[str, Any]]


@dataclass
class Saved:
    """A conversation: its messages without the instruction, and what it cost in US dollars."""

    model: str | None = None
    system: str | None = None
    messages: Messages = field(default_factory=list)
    cost_usd: float = 0.0

    def to_json(self) -> str:
        """As it is kept."""
        text = json.dumps(vars(self), ensure_ascii=False, indent=2)
        return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"  # half a surrogate pair as JSON has it


def read(path: Path) -> Saved:
    """A saved conversation.

    Raises:
        InvalidRequestError: the file cannot be read, or holds none.
    """
    try:
        found = json.loads(files.read_text(path))
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{path} is not a saved conversation: {error}.") from None
    saved = _of(found)
    if saved is None:
        raise InvalidRequestError(f"{path} is not a saved conversation: it has no `messages` with a `role` each.")
    return saved


def _of(found: Any) -> Saved | None:
    if isinstance(found, list):  # messages alone, as others save them
        found = {"messages": found}
    messages = found.get("messages") if isinstance(found, dict) else None
    if not isinstance(messages, list) or not all(
        isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages
    ):
        return None
    model, system, cost = found.get("model"), found.get("system"), found.get("cost_usd")
    return Saved(
        model if isinstance(model, str) else None,
        system if isinstance(system, str) else None,
        messages,
        float(cost) if isinstance(cost, (int, float)) else 0.0,
    )


def last() -> Saved:
    """The last conversation.

    Raises:
        InvalidRequestError: there is none, or its file is damaged.
    """
    path = _last_path()
    if not path.exists():
        raise InvalidRequestError("There is no conversation to go on with: none was kept yet.")
    return read(path)


def keep_last(conversation: Saved) -> None:
    """Keeps a conversation for `--continue`, readable by its user only; a folder that cannot be written is no error."""
    path = _last_path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)  # of mode 600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(conversation.to_json())
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise


def write(path: Path, conversation: Saved) -> None:
    """Writes a conversation into a file.

    Raises:
        InvalidRequestError: it cannot be written.
    """
    try:
        path.expanduser().write_text(conversation.to_json(), encoding="utf-8")
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be written: {error.strerror or error}.") from None


def _last_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path(PROJECT, appauthor=False) / "last_conversation.json"
