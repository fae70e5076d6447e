"""Hosts, model families and settings: facts as tables. Pure: no I/O.

A framework's class is imported without these modules: its first instance needs them.
"""

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import lazy_modules

if TYPE_CHECKING:
    from aimlapi_transport.config import hosts as hosts
    from aimlapi_transport.config import model_families as model_families
    from aimlapi_transport.config import settings as settings

__getattr__ = lazy_modules(__name__, "hosts", "model_families", "settings")
