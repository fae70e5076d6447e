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
from aimlapi_cli.session import ApiKey, BaseUrl, client, console


def chat(
    first: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="Id or alias of the model; without it, the configured one.",
            autocompletion=completion.models,
        ),
    ] = None,
    model: options.Model = None,
    system: options.System = None,
    file: options.Files = None,
    temperature: options.Temperature = None,
    max_tokens: options.MaxTokens = None,
    effort: options.Effort = None,
    param: options.Param = None,
    template: options.TemplateName = None,
    var: options.Var = None,
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
    go_on: options.Continue = False,
    load: options.Load = None,
    log: options.Log = None,
    profile: options.Profile = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A conversation. Ctrl-C stops an answer, Ctrl-D ends.

    /help lists its commands. Alt-Enter begins another line; so does all between three quotes.

    [dim]aimlapi chat openai/gpt-4o
    aimlapi chat openai/gpt-4o --tools weather.py --mcp "uvx mcp-server-time"[/dim]
    """
    if profile is not None:
        config.choose(profile)
    begun = options.begun(load, go_on)
    call = options.call_of(
        model or first or begun.model,
        system=system if system is not None else begun.system,
        temperature=temperature,
        max_tokens=max_tokens,
        effort=effort,
        params=param,
        template=template,
        variables=var,
        log=log,
    )
    call.need_model()
    out = console()
    with ExitStack() as stack:
        toolbox = None
        if tools or mcp:
            from aimlapi_cli.toolbox import Toolbox

            toolbox = Toolbox.of(tools or (), [_server(call.config, text) for text in mcp or ()], stack)
        read = reader()
        talk = Conversation(client(base_url, api_key), call, begun, out, read, toolbox, asks_first=approve)
        for path in file or ():
            talk.attach(path)
        more = f" {len(begun.messages)} messages before." if begun.messages else ""
        out.print(f"{call.model}. /help lists what you can do.{more}", style="dim", markup=False)
        _converse(talk)
    if talk.usd:
        out.print(f"${talk.usd:.6f}", style="dim")


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
    from aimlapi_transport.errors import InvalidRequestError

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
