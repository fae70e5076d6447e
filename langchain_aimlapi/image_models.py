"""Where the older distribution `langchain-aimlapi` has `AimlapiImageModel`. Deprecated, as the class is."""

from __future__ import annotations

from langchain_aimlapi.deprecated import AimlapiImageModel

__all__ = ["AimlapiImageModel"]
