"""`aimlapi chat`: a conversation on the terminal."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from aimlapi_cli import completion, config, options, streams
from aimlapi_cli.conversation import Conversation
from aimlapi_cli.line_reader import reader
from aimlapi_cli.option_groups import with_options
from aimlapi_cli.session import client, console, fail
from aimlapi_transport.errors import InvalidRequestError


@with_options
def chat(
    first: options.Model = None,
    tools: Annotated[
        list[Path] | None, typer.Option(help="A Python file whose functions the model may call; may be repeated.")
    ] = None,
    mcp: Annotated[
        list[str] | None,
        typer.Option(
            help="An MCP server: a name of the configuration, a command in quotes, or an address.",
            autocompletion=completion.servers,
        ),
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Ask before each call of a tool.")] = False,
    *,
    talk: options.Talk,
) -> None:
    """A conversation. Ctrl-C stops an answer, Ctrl-D ends.

    /help lists its commands. Alt-Enter begins another line; so does all between three quotes.

    [dim]aimlapi chat openai/gpt-4o
    aimlapi chat openai/gpt-4o --tools weather.py --mcp "uvx mcp-server-time"[/dim]
    """
    if talk.profile is not None:
        config.choose(talk.profile)
    begun = options.begun(talk.load, talk.go_on)
    call = options.call_of(talk, talk.model or first or begun.model, begun)
    call.need_model()
    if approve and not (tools or mcp):
        raise InvalidRequestError("`--approve` is about tools: pass --tools or --mcp, too.")
    out = console()
    with ExitStack() as stack:
        toolbox = None
        if tools or mcp:
            from aimlapi_cli.toolbox import Toolbox

            toolbox = Toolbox.of(tools or (), [_server(call.config, text) for text in mcp or ()], stack)
        read = reader()
        ours = client(talk.base_url, talk.api_key)
        conversation = Conversation(ours, call, begun, out, read, toolbox, asks_first=approve)
        for path in talk.file or ():
            conversation.attach(path)
        more = f" {len(begun.messages)} messages before." if begun.messages else ""
        out.print(f"{call.model}. /help lists what you can do.{more}", style="dim", markup=False)
        _converse(conversation)
    if conversation.usd:
        out.print(f"${conversation.usd:.6f}", style="dim")
    if conversation.failures and not read.is_terminal:  # which nobody may have looked at
        fail(f"Messages without an answer: {conversation.failures}. The output has the reasons.")


def _converse(talk: Conversation) -> None:
    while not talk.is_over:
        try:
            line = talk.read.line()
        except EOFError:
            break
        except KeyboardInterrupt:
            if not talk.read.is_terminal:
                raise
            continue  # a line that was begun is given up
        if not line.strip():
            continue
        try:
            talk.take(line.strip())
        except KeyboardInterrupt:  # before or after an answer
            if not talk.read.is_terminal:
                raise
            talk.out.print("(stopped)", style="dim")


def _server(found: config.Config, text: str) -> tuple[str, config.McpServer]:
    """An MCP server by its name in the configuration, by its address or its command."""
    if text in found.mcp:
        return text, found.mcp[text]
    if text.startswith(("http://", "https://")):
        return text, config.McpServer(url=text)
    from aimlapi_cli.nearest import sentence

    try:
        words = command_words(text, backslash_escapes=os.name != "nt")
    except ValueError as error:
        raise InvalidRequestError(f"`--mcp` is {text!r}: {error}.") from None
    import shutil

    command, *arguments = words or [""]
    if shutil.which(command) is None:
        near = sentence(text, found.mcp)
        raise InvalidRequestError(f"`--mcp` is {text!r}: no server of {found.path}, and no program.{near}")
    return streams.printable(text), config.McpServer(command, tuple(arguments))


def command_words(text: str, *, backslash_escapes: bool) -> list[str]:
    r"""The words of a command, with quotes; a backslash is of a path (`C:\tools\server.exe`) unless it escapes.

    Raises:
        ValueError: a quotation has no end.
    """
    import shlex

    found = shlex.shlex(text, posix=True, punctuation_chars=False)
    found.whitespace_split, found.commenters = True, ""
    if not backslash_escapes:
        found.escape = ""
    return list(found)
