"""Where the older distribution `langchain-aimlapi` has `AimlapiVideoModel`. Deprecated, as the class is."""

from __future__ import annotations

from langchain_aimlapi.deprecated import AimlapiVideoModel

__all__ = ["AimlapiVideoModel"]
