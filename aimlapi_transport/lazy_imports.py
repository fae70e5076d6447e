"""Names of a package that are imported when they are first asked for: importing the package itself costs nothing.

__getattr__, __dir__ = lazy_names(__name__, {"Thing": "package.module_it_is_in"})
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OURS = ("aimlapi_", "langchain_aimlapi", "llama_index_aimlapi")


class Framework(NamedTuple):
    """What a package is for: its module, its title, and the extra of ours that brings it."""

    module: str
    title: str
    extra: str


def lazy_names(
    package: str, where: Mapping[str, str], *, framework: Framework | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`; the latter lists the public names and the module's dunder names.

    Args:
        where: name -> the module it is in.
        framework: which the names need. Whatever package is missing, the error says what to install.
    """

    def __getattr__(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_or_explain(where[name], name, framework), name)

    def __dir__() -> list[str]:
        names = vars(sys.modules[package])
        own = (name for name in names if name.startswith("__") and name.endswith("__"))
        # no submodule, nothing the package imports for itself, and no name that warns when it is looked at
        return sorted({*own, *names.get("__all__", where)})

    return __getattr__, __dir__


def lazy_modules(package: str, *names: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package whose modules are imported when they are first used: `package.module.function()`.

    For type checkers, its `__init__` imports them under TYPE_CHECKING.
    """

    def __getattr__(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(f"{package}.{name}")

    return __getattr__


def import_or_explain(module: str, wanted: str, framework: Framework | None) -> Any:
    """The module.

    Args:
        wanted: what it is imported for, as the message names it.

    Raises:
        ModuleNotFoundError: a package is missing; it says what to install.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not missing or missing.startswith(_OURS):
            raise
        needed, extra = f"the package `{missing.partition('.')[0]}`", "aimlapi-integrations"
        if framework is not None:
            extra = f"'aimlapi-integrations[{framework.extra}]'"
            needed = framework.title if framework.module.startswith(missing) else needed
        raise ModuleNotFoundError(f"{wanted} needs {needed}: run `pip install {extra}`.", name=missing) from error
