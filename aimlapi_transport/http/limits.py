"""The path that guides named for `Limits`; it is in `config.limits`."""

from aimlapi_transport.config.limits import DEFAULT as DEFAULT
from aimlapi_transport.config.limits import Limits as Limits
