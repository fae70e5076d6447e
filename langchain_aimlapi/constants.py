"""Where the older distribution `langchain-aimlapi` has `AIMLAPI_HEADERS`. Deprecated, as the name is."""

from __future__ import annotations

from aimlapi_transport.lazy_imports import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"AIMLAPI_HEADERS": "langchain_aimlapi.deprecated"})
