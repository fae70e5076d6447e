"""The service endpoints: catalogue, prices, account and keys. Their modules are imported by the first call."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimlapi_transport.service import billing as billing
    from aimlapi_transport.service import calls as calls
    from aimlapi_transport.service import catalogue as catalogue
    from aimlapi_transport.service import keys as keys
    from aimlapi_transport.service import prices as prices

_MODULES = ("billing", "calls", "catalogue", "keys", "prices")


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
