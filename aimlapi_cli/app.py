"""The script `aimlapi`: one boundary around everything, from which an error comes out as a sentence and an exit code.

It imports neither Typer nor Rich before the boundary: without the extra `cli` it says so. What else it needs is
imported when an interrupt does no harm.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys

TYPE_CHECKING = False  # typing's own is an import more before an interrupt is handled
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_STOPPED = 130  # exits.STOPPED, before that is imported


def main() -> None:
    """Runs the command line, and ends the process."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until a command runs there is nothing to undo, and an interrupted import may fail with any error.
        signal.signal(signal.SIGINT, _stop)
        # The interpreter's last steps run no handler, but would end by the signal. The first registered runs last.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    try:
        code = run()
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _stop)  # all is written: an interrupt has nothing to clean up
    except KeyboardInterrupt:  # while `run` dealt with another error
        os._exit(_STOPPED)
    sys.exit(code)


def _stop(*_: object) -> None:
    """Ends the process at once, with the exit code of an interrupt."""
    os._exit(_STOPPED)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line, by default the process's; the exit code."""
    import warnings

    from aimlapi_cli import exits, streams

    try:
        streams.prepare()
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            if any(one[0] == "error" for one in warnings.filters):  # PYTHONWARNINGS: here they are sentences
                warnings.simplefilter("default")
            code = _command(arguments)
        streams.finish()
    except BaseException as error:
        if _debugs() and isinstance(error, Exception):
            import traceback

            traceback.print_exception(error)
        sentence, code = exits.explain(error)
        if sentence:
            streams.say(sentence, "31")
        elif code == exits.STOPPED and streams.is_terminal(sys.stderr):
            sys.stderr.write("\n")
        streams.give_up()
    return code


def _command(arguments: Sequence[str] | None) -> int:
    from aimlapi_cli import exits
    from aimlapi_cli.commands import command

    code = command().main(
        args=None if arguments is None else list(arguments), prog_name="aimlapi", standalone_mode=False
    )
    return code if isinstance(code, int) else exits.DONE


def _debugs() -> bool:
    return os.environ.get("AIMLAPI_DEBUG", "").strip().lower() not in ("", "0", "false", "no", "off")


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line, without the place in the code."""
    from aimlapi_cli import streams

    # What the library says besides is about its own arguments.
    streams.say(str(message).replace("; `strict_parameters=True` raises instead", ""), "33")
