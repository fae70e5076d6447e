"""A local stand-in for the provider: its wire protocol over real HTTP, without a key, the same every time.

from aimlapi_emulator import emulator

with emulator() as server:
    print(server.base_url)  # http://127.0.0.1:PORT/v1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimlapi_emulator.server.run import EmulatorServer, emulator
    from aimlapi_emulator.unless_key import emulator_unless_key

__all__ = ["EmulatorServer", "emulator", "emulator_unless_key"]


def __getattr__(name: str) -> Any:
    # the server brings Starlette and Uvicorn along: only who starts one pays for the import
    if name in __all__:
        try:
            from aimlapi_emulator import unless_key
            from aimlapi_emulator.server import run as server
        except ModuleNotFoundError as error:
            if error.name not in ("starlette", "uvicorn"):
                raise
            needed = "The emulator needs its extra: run `pip install 'aimlapi-integrations[emulator]'`."
            raise ModuleNotFoundError(needed, name=error.name) from error
        return getattr(unless_key if name == "emulator_unless_key" else server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__") and name.endswith("__")), *__all__})
