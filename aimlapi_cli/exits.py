"""Exit codes, and what an error says: one sentence and one code. To map an error, add a row. Imports nothing heavy."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimlapi_transport.errors import AIMLAPIError

DONE, FAILED, WRONG, WAITING, FAULT, STOPPED = 0, 1, 2, 3, 70, 130

# docs/command-line.md shows this table; a test keeps them alike.
CODES = {
    DONE: "done; also when a reader such as `head` closed the pipe early",
    FAILED: "an error of the provider, the network or this machine, or a missing key; "
    "the reason is one sentence on stderr",
    WRONG: "a wrong argument or setting",
    WAITING: "`aimlapi batch` stopped at its budget, or because no row could be answered: rows wait; "
    "or a video, music or a transcript is not ready yet",
    FAULT: "a bug in `aimlapi`; with `AIMLAPI_DEBUG=1` it shows a traceback",
    STOPPED: "stopped by Ctrl-C",
}
# The module that is missing -> the extra that installs it.
_EXTRAS = {
    **dict.fromkeys(("typer", "click", "rich", "prompt_toolkit", "matplotlib", "tomli", "pydantic"), "cli"),
    **dict.fromkeys(("starlette", "uvicorn"), "emulator"),
    **dict.fromkeys(("pyarrow", "aimlapi_batch"), "batch"),
    **dict.fromkeys(("ray",), "ray"),
    **dict.fromkeys(("mcp",), "mcp"),
}
# Errors of a stream that is written to; those that name a file are of that file.
_OUTPUT = (
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF) if hasattr(errno, "EDQUOT") else (errno.ENOSPC, errno.EIO)
)


class Failure(Exception):
    """Ends the command with a sentence and a code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def reword(error: AIMLAPIError, message: str) -> None:
    """Gives an error another message."""
    error.message, error.args = message, (message,)


def sentence_of(error: AIMLAPIError) -> str:
    """What an error says to a person: nothing about its attributes."""
    return str(error).replace(" `partial` has what arrived.", "")


def explain(error: BaseException) -> tuple[str | None, int]:
    """The sentence (None: nothing to say) and the exit code of an error."""
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        return None, STOPPED
    if isinstance(error, SystemExit):
        if isinstance(error.__context__, BrokenPipeError):  # Click's own way out of a pipe that was closed
            return None, DONE
        code = error.code
        if code is None or isinstance(code, int):
            return None, code or DONE
        return str(code), FAILED
    if isinstance(error, Failure):
        return str(error), error.code
    if isinstance(error, BrokenPipeError):
        return None, DONE
    if isinstance(error, ImportError):
        return _missing(error)
    if _is_usage(error):
        return _usage(error)
    api_error = _api_error(error)
    if api_error is not None:
        return api_error
    if isinstance(error, OSError):
        return _os_error(error), FAILED
    return f"A fault in aimlapi itself: {_place(error)}. AIMLAPI_DEBUG=1 shows all of it.", FAULT


def _missing(error: ImportError) -> tuple[str, int]:
    name = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(name)
    if isinstance(error, ModuleNotFoundError) and extra is not None:
        return f"{name} is not installed: pip install 'aimlapi-integrations[{extra}]'", FAILED
    return f"A package cannot be imported: {error}. `pip install --force-reinstall {name or 'it'}` may help.", FAILED


def _is_usage(error: BaseException) -> bool:
    """Whether it is Typer's (or Click's) own error of a command line: both write it by `format_message`."""
    return callable(getattr(error, "format_message", None)) and isinstance(getattr(error, "exit_code", None), int)


def _usage(error: BaseException) -> tuple[str, int]:
    message = str(getattr(error, "format_message")()).strip()  # noqa: B009 - of either library's class
    context = getattr(error, "ctx", None)
    if not message:  # a group without a command: its help was shown
        return "", WRONG
    where = f" (See {context.command_path} --help.)" if context is not None else ""
    return f"{message}{where}", int(getattr(error, "exit_code"))  # noqa: B009


def _api_error(error: BaseException) -> tuple[str, int] | None:
    from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

    if isinstance(error, InvalidRequestError):
        is_wrong = error.status_code is None and not isinstance(error.__cause__, OSError)  # such as a full disk
        code = WRONG if is_wrong else FAILED
        return error.message, getattr(error, "exit_code", code)
    return (sentence_of(error), FAILED) if isinstance(error, AIMLAPIError) else None


def _os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename}: {reason}."
    if isinstance(error, FileNotFoundError):  # of the system's call for it
        return f"{reason}: does the folder that you are in still exist?"
    return f"The output cannot be written: {reason}." if error.errno in _OUTPUT else f"{reason}."


def _place(error: BaseException) -> str:
    trace, where = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        where = f" ({Path(code.co_filename).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {str(error)[:200]}{where}"
