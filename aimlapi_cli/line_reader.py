"""Where lines come from: a terminal with history, editing and several lines; or a pipe."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from aimlapi_cli import streams
from aimlapi_cli.config import PROJECT

QUOTES = '"""'


class Reader(Protocol):
    """What reads lines."""

    is_terminal: bool

    def line(self) -> str:
        """The next line, or lines: EOFError at the end, KeyboardInterrupt where the line was given up."""

    def confirm(self, question: str) -> bool:
        """Whether the answer to a question is yes; at the end of the lines it is no."""


def reader() -> Reader:
    """The reader of this process's input."""
    return Typed() if streams.is_terminal(sys.stdin) and streams.is_terminal() else Piped()


class Piped:
    """Lines from a pipe; what is between two lines with three quotes is one."""

    is_terminal = False

    def __init__(self) -> None:
        self._unread: str | None = None

    def line(self) -> str:
        text = self._next()
        if not text.lstrip().startswith(QUOTES):
            return text
        while not is_closed(text):
            more = sys.stdin.readline()
            if not more:
                break
            text += more
        return unquoted(text)

    def confirm(self, question: str) -> bool:
        """An answer that is neither yes nor no is the next line."""
        streams.write(f"{question} [y/N]\n")
        answer = sys.stdin.readline()
        if answer.strip().lower() in ("y", "yes"):
            return True
        if answer.strip().lower() not in ("n", "no", ""):
            self._unread = answer
        return False

    def _next(self) -> str:
        text, self._unread = self._unread, None
        text = sys.stdin.readline() if text is None else text
        if not text:
            raise EOFError
        return text


class Typed:
    """Lines of a person: Enter sends, Alt-Enter begins another line, as does Enter between three quotes."""

    is_terminal = True

    def __init__(self) -> None:
        from platformdirs import user_state_path
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory, History, InMemoryHistory

        history: History = InMemoryHistory()
        folder = user_state_path(PROJECT, appauthor=False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "chat_history").touch(mode=0o600)
            history = FileHistory(str(folder / "chat_history"))
        except OSError:
            pass
        self._session: PromptSession[str] = PromptSession(
            history=history, multiline=True, key_bindings=_bindings(), prompt_continuation=". "
        )

    def line(self) -> str:
        return unquoted(self._session.prompt("> "))

    def confirm(self, question: str) -> bool:
        from prompt_toolkit import prompt

        try:
            return prompt(f"{streams.printable(question)} [y/N] ").strip().lower() in ("y", "yes")
        except (EOFError, KeyboardInterrupt):
            return False


def _bindings() -> Any:
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: Any) -> None:
        buffer = event.current_buffer
        if buffer.text.lstrip().startswith(QUOTES) and not is_closed(buffer.text):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    @bindings.add("c-j")
    def _(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def is_closed(text: str) -> bool:
    """Whether a text that begins with three quotes ends with three others."""
    text = text.strip()
    return len(text) >= 2 * len(QUOTES) and text.endswith(QUOTES)


def unquoted(text: str) -> str:
    """What is between the quotes; a text without them as it is."""
    stripped = text.strip()
    if not stripped.startswith(QUOTES):
        return text
    end = -len(QUOTES) if is_closed(stripped) else None
    return stripped[len(QUOTES) : end].strip("\n")
