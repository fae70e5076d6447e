"""Checks of the machine for `aimlapi doctor`: Python, the packages, the configuration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata

from aimlapi_cli.config import config_path, load, problems
from aimlapi_cli.findings import OK, WRONG, Line, Patient
from aimlapi_transport.errors import InvalidRequestError

_WHOLE = "aimlapi-integrations"
_OURS = (
    *(_WHOLE, "aimlapi-transport", "langchain-aimlapi", "llama-index-aimlapi", "llama-index-llms-aimlapi"),
    *("llama-index-embeddings-aimlapi", "llama-index-tools-aimlapi", "llama-index-readers-aimlapi"),
    *("aimlapi-emulator", "aimlapi-cli", "aimlapi-batch"),
)
_PACKAGES = (*_OURS, "langchain-core", "llama-index-core", "httpx", "orjson", "pydantic")


def python(_: Patient) -> Iterator[Line]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Line("Python", OK, f"{version} in {sys.prefix}")


def packages(_: Patient) -> Iterator[Line]:
    versions = {name: found for name in _PACKAGES if (found := _version(name))}
    yield Line("packages", OK, ", ".join(f"{name} {version}" for name, version in versions.items()))
    ours = {name: versions[name] for name in _OURS if name in versions}
    released = ours.get("aimlapi-transport") or ours.get(_WHOLE)
    for name, version in ours.items():
        if version != released:  # langchain-aimlapi 0.1.3 is the provider's own older package
            yield Line(
                "clash",
                WRONG,
                f"{name} {version} is installed beside {released} of the others, and has files of the same names",
                f"pip uninstall {name}, then pip install --force-reinstall --no-deps {_WHOLE}",
            )
    if _WHOLE in ours and len(ours) > 1 and _has_modules(_WHOLE):
        yield Line(
            "clash",
            WRONG,
            f"{_WHOLE} was installed from its source tree, beside distributions with the same files",
            f"pip uninstall {' '.join(ours)}, then install one of the two again",
        )
    for name in versions:
        for problem in _unmet(name):
            yield Line("clash", WRONG, problem, f"pip install --upgrade {name}")


def configuration(patient: Patient) -> Iterator[Line]:
    """The configuration file; where it cannot be read, no command that needs it works, and no further check is made."""
    try:
        found = load()
    except InvalidRequestError as error:
        patient.has_configuration = False
        path = config_path()
        advice = f"Correct {path}, or move it away." if path.exists() else "Correct AIMLAPI_CONFIG, or unset it."
        if "profile" in error.message and not path.exists():
            advice = "Unset AIMLAPI_PROFILE, or write the file: docs/command-line.md shows one."
        yield Line("configuration", WRONG, error.message, advice)
        return
    yield Line("configuration", OK, str(found.path) if found.exists else f"none ({found.path} is not there)")
    for problem in problems(found):
        yield Line("configuration", WRONG, problem, f"Correct it in {found.path}: only what uses it is stopped.")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _has_modules(name: str) -> bool:
    """Whether a distribution has modules of its own; the published `aimlapi-integrations` only requires others."""
    return any(path.suffix == ".py" for path in metadata.files(name) or ())


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
