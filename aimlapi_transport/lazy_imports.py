"""Names of a package that are imported when they are first asked for: importing the package itself costs nothing. Pure.

__getattr__, __dir__ = lazy_names(__name__, {"Thing": "package.module_it_is_in"})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_OURS = ("aimlapi_", "langchain_aimlapi", "llama_index_aimlapi")


def lazy_names(
    package: str, where: Mapping[str, str], *, needs: tuple[str, str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`; the latter lists the public names and the module's dunder names.

    Args:
        where: name -> the module it is in.
        needs: a framework's module, its title, and the extra that brings it. Whatever package is missing, the error
            says what to install.
    """

    def __getattr__(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        try:
            module = import_module(where[name])
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if not missing or missing.startswith(_OURS):
                raise
            wanted, extra = f"the package `{missing.partition('.')[0]}`", "aimlapi-integrations"
            if needs is not None:
                extra = f"'aimlapi-integrations[{needs[2]}]'"
                wanted = needs[1] if needs[0].startswith(missing) else wanted
            raise ModuleNotFoundError(f"{name} needs {wanted}: run `pip install {extra}`.", name=missing) from error
        return getattr(module, name)

    def __dir__() -> list[str]:
        import sys

        own = (name for name in vars(sys.modules[package]) if name.startswith("__") and name.endswith("__"))
        return sorted({*own, *where})  # no submodule, and nothing the package imports for itself

    return __getattr__, __dir__
