"""MCP servers, by the official package `mcp`: started with the conversation, stopped with it.

Source: https://modelcontextprotocol.io/docs/develop/build-client
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, TextIO, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from aimlapi_cli.config import McpServer
from aimlapi_cli.exits import Failure
from aimlapi_cli.tool import Tool, as_text

_SECONDS = 60.0  # for a server to answer


class McpServers:
    """Servers that run beside the conversation, on an event loop in a thread of its own."""

    def __init__(self, servers: Sequence[tuple[str, McpServer]]) -> None:
        self._servers = servers
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._clients: list[tuple[str, Any]] = []

    def __enter__(self) -> McpServers:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            for name, server in self._servers:
                written = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
                errors = cast(TextIO, stack.enter_context(written))
                try:
                    client = Client(_transport(server, errors), read_timeout_seconds=_SECONDS)
                    stack.enter_context(self._portal.wrap_async_context_manager(client))
                except Exception as error:  # of a process, of a network, of the protocol: groups of any of them
                    raise Failure(f"The MCP server {name} does not start: {_reason(error, errors)}") from None
                self._clients.append((name, client))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tools(self) -> list[Tool]:
        """The tools of all servers.

        Raises:
            Failure: a server does not say.
        """
        assert self._portal is not None
        found = []
        for name, client in self._clients:
            cursor = None
            while True:
                try:
                    page = self._portal.call(partial(client.list_tools, cursor=cursor))
                except MCPError as error:
                    raise Failure(f"The MCP server {name} lists no tools: {error}.") from None
                found += [self._tool(name, client, one) for one in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    break
        return found

    def _tool(self, server: str, client: Any, one: Any) -> Tool:
        def run(arguments: dict[str, Any]) -> str:
            assert self._portal is not None
            try:
                result = self._portal.call(partial(client.call_tool, one.name, arguments))
            except MCPError as error:  # of the connection: what a tool fails with is a result
                return f"Error: the MCP server {server} did not answer: {error}."
            text = "\n".join(map(_content, result.content)) or as_text(result.structured_content)
            return f"Error: {text}" if result.is_error else text

        name = re.sub(r"[^\w-]", "_", one.name)[:64]
        return Tool(name, one.description or one.title or "", one.input_schema, run, server)


def _transport(server: McpServer, errors: TextIO) -> Any:
    if server.url is not None:
        return server.url
    parameters = StdioServerParameters(command=server.command or "", args=list(server.args), env=dict(server.env))
    return stdio_client(parameters, errlog=errors)


def _content(block: Any) -> str:
    """A part of a result as text; what is none is named."""
    if block.type == "text":
        return str(block.text)
    resource = getattr(block, "resource", None)
    text = getattr(resource, "text", None)
    return str(text) if text is not None else f"[{block.type}]"


def _reason(error: BaseException, errors: TextIO) -> str:
    """What a failure comes down to: the innermost error, and the last thing the server wrote."""
    while isinstance(getattr(error, "exceptions", None), tuple):
        error = error.exceptions[0]  # type: ignore[attr-defined]  # an exception group, which Python 3.10 does not have
    errors.seek(0)
    written = [line.strip() for line in errors.read().splitlines() if line.strip()]
    said = f" It wrote: {written[-1][:200]}" if written else ""
    return f"{str(error) or type(error).__name__}.{said}"
