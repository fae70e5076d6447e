"""Names of a package that are imported when they are first asked for: importing the package itself costs nothing. Pure.

__getattr__, __dir__ = lazy_names(__name__, {"Thing": "package.module_it_is_in"})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy_names(
    package: str, where: Mapping[str, str], *, needs: tuple[str, str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`; the latter lists the public names and the module's dunder names.

    Args:
        where: name -> the module it is in.
        needs: a framework's module, its title, and the extra that brings it; the ImportError names the extra.
    """

    def __getattr__(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        try:
            module = import_module(where[name])
        except ModuleNotFoundError as error:
            if needs is None or error.name != needs[0]:
                raise
            message = f"{name} needs {needs[1]}: run `pip install 'aimlapi-integrations[{needs[2]}]'`."
            raise ModuleNotFoundError(message, name=error.name) from error
        return getattr(module, name)

    def __dir__() -> list[str]:
        import sys

        own = (name for name in vars(sys.modules[package]) if name.startswith("__") and name.endswith("__"))
        return sorted({*own, *where})  # no submodule, and nothing the package imports for itself

    return __getattr__, __dir__
