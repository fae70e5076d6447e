"""Checks of the machine for `aimlapi doctor`: Python and the packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata

from aimlapi_cli.findings import OK, WRONG, Line, Patient

_PACKAGES = ("aimlapi-integrations", "langchain-core", "llama-index-core", "httpx", "orjson", "pydantic")
_OLD = "langchain-aimlapi"  # another distribution with the same import name


def python(_: Patient) -> Iterator[Line]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Line("Python", OK, f"{version} in {sys.prefix}")


def packages(_: Patient) -> Iterator[Line]:
    versions = {name: found for name in _PACKAGES if (found := _version(name))}
    yield Line("packages", OK, ", ".join(f"{name} {version}" for name, version in versions.items()))
    old = _version(_OLD)
    if old:
        yield Line(
            "clash",
            WRONG,
            f"{_OLD} {old} has the same import name, `langchain_aimlapi`",
            f"pip uninstall {_OLD}, then pip install --force-reinstall --no-deps aimlapi-integrations",
        )
    for name in versions:
        for problem in _unmet(name):
            yield Line("clash", WRONG, problem, f"pip install --upgrade {name}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _unmet(name: str) -> Iterator[str]:
    """Requirements of a package that what is installed does not meet."""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return
    for text in metadata.requires(name) or ():
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        found = _version(needed.name)
        if found is not None and not needed.specifier.contains(found, prereleases=True):
            yield f"{name} wants {needed.name} {needed.specifier}, and {found} is installed"
