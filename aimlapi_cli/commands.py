"""The commands, imported when they are run. To add one, write it in a module of its own and add a row here."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from aimlapi_cli.exits import CODES
from aimlapi_cli.help import Command, Group


class Row(NamedTuple):
    """Where a command is, and the first line of its docstring, which the list of commands shows."""

    module: str
    attribute: str
    help: str


COMMANDS = {
    "doctor": Row("aimlapi_cli.doctor", "doctor", "Looks at Python, packages, key, network and account."),
    "models": Row("aimlapi_cli.catalogue", "models", "The models there are, with their prices. Needs no key."),
    "model": Row("aimlapi_cli.catalogue", "model", "All that is known of one model, and the code to use it."),
    "ask": Row("aimlapi_cli.ask", "ask", "One answer, as plain text."),
    "chat": Row("aimlapi_cli.chat", "chat", "A conversation. Ctrl-C stops an answer, Ctrl-D ends."),
    "compare": Row("aimlapi_cli.compare", "compare", "Asks several models the same: speed, tokens, cost and answers."),
    "image": Row("aimlapi_cli.media", "image", "Pictures by a prompt."),
    "edit": Row("aimlapi_cli.media", "edit", "A picture changed by a prompt."),
    "video": Row("aimlapi_cli.media", "video", "A video by a prompt; it takes minutes."),
    "say": Row("aimlapi_cli.media", "say", "A text spoken."),
    "transcribe": Row("aimlapi_cli.media", "transcribe", "What is said in a recording, as text."),
    "ocr": Row("aimlapi_cli.media", "ocr", "The text of a document or a picture, as Markdown."),
    "music": Row("aimlapi_cli.media", "music", "A piece of music by a prompt; it takes minutes."),
    "batch": Row("aimlapi_batch.cli", "batch", "Many rows through a model; nothing paid for is lost."),
    "balance": Row("aimlapi_cli.account", "balance", "What is left on the account, in US dollars."),
    "usage": Row("aimlapi_cli.account", "usage", "What was spent, by model, by day or both."),
    "logs": Row("aimlapi_cli.account", "logs", "The key's requests at the provider, the newest first."),
    "keys": Row("aimlapi_cli.keys", "keys", "The account's keys: needs a management key."),
    "log": Row("aimlapi_cli.log", "log", "The answers that were kept on this machine, the newest first."),
    "config": Row(
        "aimlapi_cli.log",
        "configuration",
        "What holds by default: the configuration file, its profiles and templates.",
    ),
    "emulator": Row("aimlapi_cli.tools", "emulator", "The provider on your machine, for work without a key."),
    "record": Row("aimlapi_cli.tools", "record", "Records the published requests again, live. It costs money."),
}


class _Lazy(Group):
    """Commands by their rows; the one that runs, by its module."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None or name not in COMMANDS else load(name), rest


def command() -> Any:
    """The whole command line, as Click (or Typer's own copy of it) has one."""
    app = typer.Typer(
        name="aimlapi",
        cls=_Lazy,
        no_args_is_help=True,
        rich_markup_mode="rich",
        help="AI/ML API on your terminal.",
        epilog="Exit codes: " + "; ".join(f"{code} {text.split(';')[0]}" for code, text in CODES.items()) + ".",
    )
    app.callback(invoke_without_command=True)(_whole_line)
    for name, row in COMMANDS.items():
        app.command(name, help=row.help)(_stand_in)
    return typer.main.get_command(app)


def load(name: str) -> Any:
    """The command of this name, imported."""
    row = COMMANDS[name]
    found = getattr(import_module(row.module), row.attribute)
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, signal.SIG_DFL):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on there is something to clean up
    if not isinstance(found, typer.Typer):
        group = typer.Typer(add_completion=False, rich_markup_mode="rich")
        group.command(name, cls=Command)(found)
        return typer.main.get_command(group)
    for info in found.registered_commands:
        if not issubclass(info.cls or object, Command):
            info.cls = Command
    found.info.cls = Group
    return typer.main.get_command(found)


def _stand_in() -> None:
    """What a command's row is registered with."""


def _whole_line(
    ctx: typer.Context,
    show: Annotated[bool, typer.Option("--version", help="Show the version, and exit.", is_eager=True)] = False,
    profile: Annotated[str | None, typer.Option(help="A profile of the configuration, for any command.")] = None,
) -> None:
    from aimlapi_cli import config

    config.choose(profile)
    if ctx.invoked_subcommand is None and not show:
        ctx.fail("There is no command.")
    if show:
        from aimlapi_transport.version import __version__

        sys.stdout.write(f"aimlapi-integrations {__version__}\n")
        raise typer.Exit
