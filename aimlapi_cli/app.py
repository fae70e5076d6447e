"""The command and its groups. To add a command, write it in a module of its own and name it here."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aimlapi_batch.cli import batch
from aimlapi_cli import account, ask, catalogue, chat, compare, doctor, tools
from aimlapi_cli.session import run
from aimlapi_transport.version import __version__

app = typer.Typer(
    name="aimlapi",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="AI/ML API on your terminal.",
    epilog="Exit codes: 0 done, 1 the provider or the network said no, 2 a wrong argument, 130 stopped by Ctrl-C.",
)

for command in (
    doctor.doctor,
    catalogue.models,
    catalogue.model,
    ask.ask,
    chat.chat,
    compare.compare,
    account.balance,
    account.usage,
    account.logs,
    tools.emulator,
    tools.record,
):
    app.command()(command)
app.add_typer(account.keys, name="keys")
app.add_typer(batch, name="batch")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Show the version, and exit.", is_eager=True)] = False,
) -> None:
    if show:
        sys.stdout.write(f"aimlapi-integrations {__version__}\n")
        raise typer.Exit


def main() -> None:
    """Runs the command; errors are one sentence, and Ctrl-C leaves no traceback."""
    sys.exit(run(app))
