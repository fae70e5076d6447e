"""Tools that a model may call: functions of Python files, and what MCP servers offer."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

from aimlapi_cli.config import McpServer
from aimlapi_cli.tool import Tool, as_text
from aimlapi_transport.errors import InvalidRequestError


class Toolbox:
    """Tools by their names."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            other = self._tools.setdefault(tool.name, tool)
            if other is not tool:
                raise InvalidRequestError(f"The tool {tool.name!r} is in {other.source} and in {tool.source}.")

    @classmethod
    def of(cls, files: Sequence[Path], servers: Sequence[tuple[str, McpServer]], stack: ExitStack) -> Toolbox:
        """The tools of files and servers; the servers end with the stack.

        Raises:
            InvalidRequestError: a file is no Python, or has no function; two tools have one name.
            Failure: a server does not start.
        """
        tools = [tool for path in files for tool in functions_of(path)]
        if servers:
            from aimlapi_cli.mcp_servers import McpServers

            tools += stack.enter_context(McpServers(servers)).tools()
        return cls(tools)

    def schemas(self) -> list[dict[str, Any]]:
        """As a request carries them."""
        return [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)},
            }
            for tool in self._tools.values()
        ]

    def listed(self) -> str:
        """For people."""
        lines = []
        for tool in self._tools.values():
            described = tool.description.partition("\n")[0]
            lines.append(f"{tool.name}({', '.join(tool.schema.get('properties', {}))}): {described} [{tool.source}]")
        return "\n".join(lines)

    def run(self, call: Any) -> str:
        """The result of a call as text; a failure is one, too, for the model to read."""
        tool = self._tools.get(call.name)
        if tool is None:
            return f"Error: there is no tool {call.name!r}; there are: {', '.join(self._tools)}."
        if call.parsed is None:
            return f"Error: the arguments are not a JSON object: {call.error}."
        try:
            return tool.run(call.parsed)
        except Exception as error:  # of the user's own code: whatever it is, the model is told, and the talk goes on
            return f"Error: {type(error).__name__}: {error}"


# -- Python files ------------------------------------------------------------------------------------------------------


def functions_of(path: Path) -> list[Tool]:
    """The public functions that a file defines, or those of its `__all__`.

    Raises:
        InvalidRequestError: the file is no Python, or has none.
    """
    module = _imported(path.expanduser())
    names = getattr(module, "__all__", None)
    if names is None:
        names = [
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
        ]
    tools = [_tool(name, getattr(module, name, None), path) for name in names]
    if not tools:
        raise InvalidRequestError(f"{path} has no function: a tool is a public function that the file defines.")
    return tools


def _imported(path: Path) -> ModuleType:
    if not path.is_file():
        raise InvalidRequestError(f"{path} cannot be read: it is not a file.")
    name = f"aimlapi_tools_{path.stem}".replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidRequestError(f"{path} is not a Python file: its name has to end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where annotations of its functions are looked up
    sys.path.insert(0, str(path.resolve().parent))  # as if it were run: what lies beside it can be imported
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise InvalidRequestError(f"{path} cannot be imported: {type(error).__name__}: {error}{line}.") from None
    return module


def _tool(name: str, function: Any, path: Path) -> Tool:
    from pydantic import TypeAdapter, ValidationError, validate_call
    from pydantic.errors import PydanticUserError

    if not callable(function):
        raise InvalidRequestError(f"{path}: {name} is not a function.")
    try:
        schema = TypeAdapter(function).json_schema()
        checked = validate_call(function)
    except (PydanticUserError, NameError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidRequestError(f"{path}: {name} cannot be a tool: {reason}") from None
    if schema.get("type") != "object":
        raise InvalidRequestError(f"{path}: {name} cannot be a tool: its parameters need names.")

    def run(arguments: dict[str, Any]) -> str:
        try:
            result = checked(**arguments)
        except ValidationError as error:
            where = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            return f"Error: the arguments are wrong: {where}."
        if inspect.isawaitable(result):
            import asyncio

            result = asyncio.run(_awaited(result))
        return as_text(result)

    return Tool(name, inspect.getdoc(function) or "", schema, run, path.name)


async def _awaited(value: Any) -> Any:
    return await value
