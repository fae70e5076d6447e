"""Where the older distribution `langchain-aimlapi` has `AimlapiLLM`. Deprecated, as the class is."""

from __future__ import annotations

from langchain_aimlapi.deprecated import AimlapiLLM

__all__ = ["AimlapiLLM"]
