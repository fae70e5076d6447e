"""`aimlapi emulator` and `aimlapi record`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from aimlapi_cli.session import fail


def emulator(
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    inspect: Annotated[bool, typer.Option("--inspect", help="Show what passes on a page, under /_inspect.")] = False,
    upstream: Annotated[
        str | None, typer.Option(help="Pass requests on to a provider: https://api.aimlapi.com/v1")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="A folder: write a cassette of each exchange.")] = None,
    keep: Annotated[Path | None, typer.Option(help="A file: keep what passes across restarts, for the page.")] = None,
) -> None:
    """The provider on your machine, for work without a key.

    With `--upstream` it is a window in front of the real one.

    [dim]aimlapi emulator &
    export AIMLAPI_API_BASE=http://127.0.0.1:8765/v1 AIMLAPI_API_KEY=any[/dim]
    """
    from aimlapi_emulator.server.run import run

    try:
        run(host, port, inspect=inspect, upstream=upstream, record_to=record, keep=keep)
    except ValueError as error:
        fail(str(error), 2)
    except OSError as error:
        if error.filename is not None:
            raise
        fail(f"It cannot listen on {host}:{port}: {error.strerror or error}.")


def record(
    only: Annotated[str, typer.Option(help="Names to record, such as 'claude-*'.")] = "*",
    limit: Annotated[int | None, typer.Option(help="At most so many requests.", min=1)] = None,
    repository: Annotated[Path, typer.Option(help="A clone of the project.")] = Path(),
) -> None:
    """Records the published requests again, live. It costs money.

    They go into the cassettes of a clone.

    [dim]aimlapi record --only 'claude-*' --limit 3[/dim]
    """
    tool = repository / "tools" / "record_cassettes.py"
    if not tool.is_file():
        fail(f"{repository.resolve()} is not a clone of the project: there is no {tool.name} in its `tools`.", 2)
    command = [sys.executable, str(tool), "--only", only, *(["--limit", str(limit)] if limit else [])]
    raise typer.Exit(subprocess.run(command, cwd=repository, check=False).returncode)
