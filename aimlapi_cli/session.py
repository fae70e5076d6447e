"""What every command has in common: where to ask, with which key, how to show errors, and the terminal."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

FAILED, WRONG, STOPPED = 1, 2, 130  # exit codes

BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="Address of the host up to /v1.", envvar="AIMLAPI_API_BASE", show_envvar=True),
]
ApiKey = Annotated[
    str | None,
    typer.Option("--api-key", help="The key; better in AIMLAPI_API_KEY, where no list of processes shows it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV, for tables.")]


def console(*, error: bool = False) -> Console:
    """The terminal, or a pipe, which gets plain text; NO_COLOR is kept to."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 10_000  # a pipe has no edge to wrap at
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def client(base_url: str | None, api_key: str | None, **settings: Any) -> Any:
    """A blocking client of the host."""
    from aimlapi_transport import Client

    return Client(base_url=base_url, api_key=api_key, **settings)


def streamed(ours: Any, model: str, messages: list[dict[str, Any]], **parameters: Any) -> Any:
    """A streamed answer with its token counts, where the model takes to be asked for them."""
    added = {"stream_options": {"include_usage": True}}
    return ours.stream(ours.request(model, messages, parameters=parameters, added=added, stream=True))


def run(app: Callable[..., Any]) -> int:
    """Runs a command line; the exit code."""
    try:
        with said(), warnings.catch_warnings():
            warnings.showwarning = _warn
            app(standalone_mode=True)
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else FAILED
    except KeyboardInterrupt:
        return STOPPED
    return 0


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line, without the place in the code."""
    console(error=True).print(f"aimlapi: {message}", style="yellow", markup=False, soft_wrap=True)


@contextmanager
def said() -> Iterator[None]:
    """Errors as one sentence on stderr, and their exit code."""
    try:
        yield
    except InvalidRequestError as error:
        fail(error.message, WRONG if error.status_code is None else FAILED)
    except AIMLAPIError as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def fail(message: str, code: int = FAILED) -> None:
    """Ends the command with a sentence."""
    first = message.strip().splitlines()[0] if message.strip() else "It failed without a message."
    console(error=True).print(f"aimlapi: {first}", style="red", markup=False, soft_wrap=True)
    raise SystemExit(code)
