"""The configuration file: defaults, profiles, templates and MCP servers. To add a setting, add a field and a row.

A TOML file, `config.toml`, in the folder that `platformdirs` names, or where AIMLAPI_CONFIG says. A profile
(`--profile`, AIMLAPI_PROFILE, or `profile` in the file) goes before the file's own defaults, an option before both.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from aimlapi_cli.files import read_text
from aimlapi_cli.nearest import sentence
from aimlapi_transport.errors import InvalidRequestError

PROJECT = "aimlapi-integrations"
_PARAMETERS = ("temperature", "max_tokens", "reasoning_effort")  # of the body, with a name of their own here
_TABLES = ("params", "profiles", "templates", "mcp")


@dataclass(frozen=True)
class Defaults:
    """What holds where no option has another: set both to the same.

    Attributes:
        key_variable: the environment variable that holds the key; the key itself is never in the file.
        params: body parameters.
        log: whether answers are kept in the local log; remember: whether `--continue` finds the last conversation.
    """

    model: str | None = None
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    base_url: str | None = None
    key_variable: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    log: bool | None = None
    remember: bool | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """All body parameters."""
        own = {name: getattr(self, name) for name in _PARAMETERS}
        return {**{name: value for name, value in own.items() if value is not None}, **self.params}

    @property
    def shown_variable(self) -> str | None:
        """`key_variable`, unless it looks like no name of a variable: then it may be a key, which is not shown."""
        is_name = self.key_variable is None or re.fullmatch(r"[A-Z][A-Z0-9_]*", self.key_variable)
        return self.key_variable if is_name else "(not shown: it may be a key)"

    def over(self, other: Defaults) -> Defaults:
        """These; where one says nothing, the other's. Parameters are then all in `params`."""
        own = {
            one.name: value
            for one in fields(self)
            if one.name != "params" and (value := getattr(self, one.name)) is not None
        }
        whole = replace(other, **own, params={**other.parameters, **self.parameters})
        return replace(whole, temperature=None, max_tokens=None, reasoning_effort=None)


@dataclass(frozen=True)
class Template:
    """A question that is asked again and again: `prompt` has places such as `{input}` and `{language}`."""

    prompt: str
    variables: Mapping[str, str] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)


@dataclass(frozen=True)
class McpServer:
    """How an MCP server is started, or where it is."""

    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True)
class Config:
    """The file, read: `defaults` are those of the profile that was chosen over the file's own."""

    path: Path
    exists: bool = False
    profile: str | None = None
    profiles: Mapping[str, Defaults] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    templates: Mapping[str, Template] = field(default_factory=dict)
    mcp: Mapping[str, McpServer] = field(default_factory=dict)


T = TypeVar("T")


class _Section(Mapping[str, T]):
    """The tables of a section, each read when it is asked for: one that is wrong stops no command without it."""

    def __init__(self, document: Mapping[str, Any], name: str, path: Path, read: Callable[[Any, str], T]) -> None:
        self._document, self._name, self._path, self._read = document, name, path, read

    def _rows(self) -> dict[str, Any]:
        found = self._document.get(self._name, {})
        if not isinstance(found, dict):
            raise self._no_table()
        return found

    def _no_table(self) -> InvalidRequestError:
        return InvalidRequestError(
            f"{self._path} has `{self._name}`, which is not a table of tables: write [{self._name}.NAME]."
        )

    def __getitem__(self, name: str) -> T:
        row = self._rows()[name]
        if not isinstance(row, dict):
            raise self._no_table()
        return self._read(row, f"{self._path}, {self._name.removesuffix('s')} {name}")

    def __contains__(self, name: object) -> bool:
        return name in self._rows()

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())


# Field -> its type, as the file has it: a text, unless it is another.
_TYPES: dict[str, tuple[type, ...]] = dict.fromkeys((one.name for one in fields(Defaults)), (str,)) | {
    "temperature": (int, float),
    "max_tokens": (int,),
    "params": (dict,),
    **dict.fromkeys(("log", "remember"), (bool,)),
}
# Parameters of the body that the command itself says.
OWN = ("model", "messages", "stream", "stream_options", "tools")
_WORDS: dict[type, str] = {
    **{str: "a text", int: "a whole number", float: "a number"},
    **{bool: "true or false", dict: "a table", list: "a list"},
}
_chosen: str | None = None


def choose(profile: str | None) -> None:
    """The profile of this command line."""
    global _chosen
    _chosen = profile


def config_path() -> Path:
    """Where the file is, or would be."""
    given = os.environ.get("AIMLAPI_CONFIG")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_config_path

    return user_config_path(PROJECT, appauthor=False) / "config.toml"


def load(profile: str | None = None) -> Config:
    """The configuration.

    Raises:
        InvalidRequestError: the file cannot be read, or has an unknown name; there is no such profile.
    """
    path = config_path()
    wanted = profile or _chosen or os.environ.get("AIMLAPI_PROFILE") or None
    if not path.exists():
        if os.environ.get("AIMLAPI_CONFIG"):
            raise InvalidRequestError(f"AIMLAPI_CONFIG names {path}, which does not exist.")
        if wanted is not None:
            raise InvalidRequestError(f"There is no profile {wanted!r}: {path} does not exist.") from None
        return Config(path)
    document = _parsed(path)
    _check(document, {*_TYPES, *_TABLES, "profile"}, str(path))
    wanted = wanted or document.get("profile")
    profiles = _Section(document, "profiles", path, _defaults)
    len(profiles)  # raises where there can be none
    defaults = _defaults({name: value for name, value in document.items() if name in _TYPES}, str(path))
    if wanted is not None:
        if wanted not in profiles:
            raise InvalidRequestError(f"There is no profile {wanted!r} in {path}.{sentence(str(wanted), profiles)}")
        defaults = profiles[wanted].over(defaults)
    templates = _Section(document, "templates", path, _template)
    servers = _Section(document, "mcp", path, _server)
    return Config(path, True, wanted, profiles, defaults, templates, servers)


def problems(config: Config) -> list[str]:
    """What is wrong with profiles, templates and servers that this command does not use."""
    found: list[str] = []
    for section in (config.profiles, config.templates, config.mcp):
        names: Iterable[str] = ()
        with _noting(found):
            names = list(section)
        for name in names:
            with _noting(found):
                section[name]
    return found


@contextmanager
def _noting(found: list[str]) -> Iterator[None]:
    try:
        yield
    except InvalidRequestError as error:
        found.append(error.message)


def _parsed(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    if str(path) == os.devnull:
        return {}
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # TOML's own error is one, and so is that of an encoding
        raise InvalidRequestError(f"{path} is not valid TOML: {error}.") from None


def _check(row: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in row:
        if name not in known:
            near = sentence(name, known)
            if re.search(r"key|token|secret", name, re.IGNORECASE):
                near = " A key itself is never in the file: `key_variable` names the variable that holds it."
            raise InvalidRequestError(f"{where} has {name!r}, which is not a setting.{near}")


def _typed(row: Mapping[str, Any], name: str, types: tuple[type, ...], where: str) -> Any:
    value = row.get(name)
    if value is not None and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
        raise InvalidRequestError(f"{where} has `{name}` = {value!r}: it must be {_WORDS[types[-1]]}.")
    return value


def _defaults(row: Mapping[str, Any], where: str) -> Defaults:
    _check(row, set(_TYPES), where)
    found = {name: _typed(row, name, types, where) for name, types in _TYPES.items()}
    for name in found["params"] or ():
        if name in OWN:
            raise InvalidRequestError(f"{where} has `{name}` under `params`, which the command itself says.")
    return Defaults(**{name: value for name, value in found.items() if value is not None})


def _template(row: Mapping[str, Any], where: str) -> Template:
    _check(row, {*_TYPES, "prompt", "variables"}, where)
    prompt = _typed(row, "prompt", (str,), where)
    if not prompt:
        raise InvalidRequestError(f"{where} has no `prompt`.")
    variables = _typed(row, "variables", (dict,), where) or {}
    rest = {name: value for name, value in row.items() if name in _TYPES}
    return Template(prompt, {name: str(value) for name, value in variables.items()}, _defaults(rest, where))


def _server(row: Mapping[str, Any], where: str) -> McpServer:
    _check(row, {"command", "args", "env", "url"}, where)
    command, url = _typed(row, "command", (str,), where), _typed(row, "url", (str,), where)
    if (command is None) == (url is None):
        raise InvalidRequestError(f"{where} needs either `command` or `url`.")
    args, env = _typed(row, "args", (list,), where) or [], _typed(row, "env", (dict,), where) or {}
    return McpServer(command, tuple(map(str, args)), {name: str(value) for name, value in env.items()}, url)
