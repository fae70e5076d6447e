"""What every command has in common: where to ask, with which key, and the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from aimlapi_cli import streams
from aimlapi_cli.exits import FAILED, STOPPED, Failure

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "FAILED",
    "STOPPED",
    "ApiKey",
    "AsCsv",
    "AsJson",
    "BaseUrl",
    "client",
    "confirm",
    "console",
    "fail",
    "progress",
]

BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="Address of the host up to /v1; by default AIMLAPI_API_BASE."),
]
ApiKey = Annotated[
    str | None,
    typer.Option("--api-key", help="The key; better in AIMLAPI_API_KEY, where no list of processes shows it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV, for tables.")]


def console(*, error: bool = False) -> Console:
    """The terminal, where nothing but Rich's own styling is obeyed; or a pipe, which gets plain text."""
    from aimlapi_cli.terminal import Terminal

    stream = sys.stderr if error else sys.stdout
    is_terminal = streams.is_terminal(stream)
    width = None if is_terminal else 10_000  # a pipe has no edge to wrap at
    return Terminal(file=stream, width=width, highlight=False, soft_wrap=not is_terminal)


def client(base_url: str | None, api_key: str | None, **settings: Any) -> Any:
    """A blocking client of the host."""
    from aimlapi_transport import Client

    return Client(**connection(base_url, api_key), **settings)


def connection(base_url: str | None, api_key: str | None) -> dict[str, Any]:
    """The address and the key that a client is made with: an option, the environment, then the configuration.

    Raises:
        InvalidRequestError: the configuration names a variable for the key that is not set.
    """
    from aimlapi_cli.config import load

    config = load()
    variable = config.defaults.key_variable
    if api_key is None and variable is not None:
        api_key = os.environ.get(variable, "").strip() or None
        if api_key is None:
            from aimlapi_transport.errors import AuthenticationError

            raise AuthenticationError(
                f"`key_variable` in {config.path} names {config.defaults.shown_variable}, which is not set."
            )
    if base_url is None and config.defaults.base_url is not None:
        from aimlapi_transport.config.hosts import AIMLAPI
        from aimlapi_transport.config.settings import environment_address

        base_url = None if environment_address(AIMLAPI) else config.defaults.base_url
    return {"base_url": base_url, "api_key": api_key}


def streamed(ours: Any, model: str, messages: list[dict[str, Any]], parameters: Mapping[str, Any]) -> Any:
    """A streamed answer with its token counts, where the model takes to be asked for them."""
    added = {"stream_options": {"include_usage": True}}
    return ours.stream(ours.request(model, messages, parameters=parameters, added=added, stream=True))


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Ends the command with a sentence."""
    raise Failure(message, code)


def confirm(question: str) -> None:
    """Asks a person on stderr, and ends the command unless the answer is yes."""
    sys.stderr.write(f"{streams.printable(question)} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer or not streams.is_terminal(sys.stdin):  # a terminal shows the Enter that was typed
        sys.stderr.write("\n")
    if not answer:
        fail("Nothing was done: the question got no answer.")
    if answer.strip().lower() not in ("y", "yes"):
        fail("Nothing was done.")


@contextmanager
def progress(total: int, label: str = "") -> Iterator[Callable[[], None]]:
    """A bar on stderr while `total` things are done, as wide as the terminal; nothing where there is none.

    Yields:
        What to call after each.
    """
    out = console(error=True)
    if not out.is_terminal:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(label), BarColumn(bar_width=None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, expand=out.width < 60) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)
