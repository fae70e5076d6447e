"""The service endpoints: catalogue, prices, account and keys. Their modules are imported by the first call."""

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import lazy_modules

if TYPE_CHECKING:
    from aimlapi_transport.service import billing as billing
    from aimlapi_transport.service import calls as calls
    from aimlapi_transport.service import catalogue as catalogue
    from aimlapi_transport.service import keys as keys
    from aimlapi_transport.service import prices as prices

__getattr__ = lazy_modules(__name__, "billing", "calls", "catalogue", "keys", "prices")
