"""The three streams: any encoding, closed ones, full disks; and what may reach a terminal. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, TextIO

# Everything a terminal obeys rather than shows: C0 but for tab and newline, DEL, C1, and marks that reorder a line.
_OBEYED = [*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
CONTROLS: dict[int, str | None] = {code: None for code in _OBEYED if chr(code) not in "\t\n"}
CONTROLS[0x1B] = "␛"  # seen, so that what follows it makes sense

_MOST_SAID = 1000  # characters of a sentence
_is_read = False  # whether what is piped in was taken as a file


class LostError(OSError):
    """A result that neither stdout nor stderr takes."""


def prepare() -> None:
    """Makes the streams take any text; to write to a closed one is an error, as it is for a full disk."""
    global _is_read
    _is_read = False
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    if sys.stdout is None:
        # Read-only: writing fails as on the closed one, and no file that is opened later gets its number.
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    # What is piped in and out is UTF-8 unless the user said otherwise: files are hardly ever in a system's old code
    # page, which on Windows lacks most of the characters that models write.
    given = os.environ.get("PYTHONIOENCODING")
    for stream in (sys.stdout, sys.stderr):
        is_piped = not given and not is_terminal(stream)
        _reconfigure(stream, errors="replace", **({"encoding": "utf-8"} if is_piped else {}))
    is_piped = not given and not is_terminal(sys.stdin)
    _reconfigure(sys.stdin, errors="replace", **({"encoding": "utf-8-sig"} if is_piped else {}))


def _reconfigure(stream: TextIO, **settings: str) -> None:
    with contextlib.suppress(AttributeError, ValueError, OSError):  # a stream of a test or of a notebook
        getattr(stream, "reconfigure")(**settings)  # noqa: B009 - TextIO does not name it


def argument(text: str) -> str:
    """An argument of the command line as text: UTF-8, whatever the locale; bytes that are none stay surrogates."""
    with contextlib.suppress(UnicodeError):  # no argument of a process: it is text already
        return text if os.name == "nt" else os.fsencode(text).decode("utf-8", "surrogateescape")
    return text


def file_name(text: str) -> str:
    """The name of a file that an argument, or a part of it, says: as the system's calls take it."""
    with contextlib.suppress(UnicodeError):
        return text if os.name == "nt" else os.fsdecode(text.encode("utf-8", "surrogateescape"))
    return text


def finish() -> None:
    """Writes out what is buffered.

    Raises:
        OSError: it cannot be written.
    """
    sys.stdout.flush()
    with contextlib.suppress(OSError):
        sys.stderr.flush()


def give_up() -> None:
    """Throws away what cannot be written, so that the interpreter does not fail on it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a person looks at it."""
    stream = sys.stdout if stream is None else stream
    try:
        return bool(stream.isatty())
    except ValueError:  # closed
        return False


def printable(text: str) -> str:
    """A text without what a terminal would obey: a title, the clipboard, the cursor, colours."""
    return text.translate(CONTROLS)


def piped() -> str:
    """What is piped in, as text; empty where a person would have to type it.

    Raises:
        InvalidRequestError: it is no text.
    """
    text = "" if sys.stdin is None or is_terminal(sys.stdin) else sys.stdin.read().strip()
    if "\0" in text:
        from aimlapi_transport.errors import InvalidRequestError

        raise InvalidRequestError("What is piped in is not text: pass a file by its path, or `-` where a file goes.")
    return text


def piped_bytes() -> bytes:
    """What is piped in, where `-` stands for a file.

    Raises:
        InvalidRequestError: it was read before.
    """
    global _is_read
    if _is_read:
        from aimlapi_transport.errors import InvalidRequestError

        raise InvalidRequestError("`-` is there twice, and what is piped in is one file: pass the path of the other.")
    _is_read = True
    return sys.stdin.buffer.read()


def write(text: str, stream: TextIO | None = None) -> None:
    """Text of others: cleaned for a terminal, as it is into a file or a pipe. It is out when this returns."""
    stream = sys.stdout if stream is None else stream
    stream.write(printable(text) if is_terminal(stream) else text)
    stream.flush()


def write_result(text: str) -> None:
    """Text that cannot be had again, a new key for example: where stdout does not take it, stderr does.

    Raises:
        OSError: stdout did not take it.
        LostError: stderr did not either.
    """
    try:
        write(text)
    except OSError as error:
        try:
            if _is_null(sys.stderr):
                raise OSError
            write(text, sys.stderr)
        except (OSError, ValueError):
            raise LostError(*error.args) from error
        raise


def _is_null(stream: TextIO) -> bool:
    """Whether what is written to it is thrown away."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(os.devnull))
    except (AttributeError, OSError, ValueError):  # a stream of a test or of a notebook
        return False


def one_line(message: str) -> str:
    """A message of several lines as one: its first line may say that something is wrong, and the second what.

    Of a very long one the middle is left out: its end says what to do.
    """
    lines = [" ".join(line.split()) for line in message.splitlines()]
    text = "; ".join(line.rstrip(";") for line in lines if line)
    return text if len(text) <= _MOST_SAID else f"{text[: _MOST_SAID // 2]} ... {text[-_MOST_SAID // 2 :]}"


def say(message: str, colour: str = "") -> None:
    """A sentence to a person, on stderr, as one line; coloured (an SGR number) where a terminal shows it."""
    text = f"aimlapi: {one_line(message) or 'It failed without a message.'}"
    try:
        if is_terminal(sys.stderr):
            text = printable(text)
            if colour and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
                text = f"\x1b[{colour}m{text}\x1b[0m"
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody listens
        pass


def write_json(value: Any, *, indent: int | None = 2) -> None:
    """JSON; characters that stdout cannot hold are escaped, none is lost."""
    write(json_text(value, indent=indent))


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """What `write_json` writes."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-")
    is_utf8 = encoding in ("utf-8", "utf8")
    text = json.dumps(value, default=_plain, ensure_ascii=not is_utf8, indent=indent)
    if is_utf8:  # half a surrogate pair, which UTF-8 cannot hold, as JSON escapes it
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text + "\n"


def _plain(value: Any) -> Any:
    from datetime import datetime
    from decimal import Decimal

    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
