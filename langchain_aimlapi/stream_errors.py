"""The classes of `errors` for failures that a stream reports after it began: each is also a StreamError.

To catch one, catch its class in `errors`, or `StreamError`. Whether to retry, the class of the status says.
The classes follow from those of `aimlapi_transport.stream_errors`: the same names, and the same tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimlapi_transport import errors as base
from aimlapi_transport import stream_errors as transport
from langchain_aimlapi import errors

if TYPE_CHECKING:

    def __getattr__(name: str) -> type[base.AIMLAPIError]: ...


KINDS: dict[type[base.AIMLAPIError], type[base.AIMLAPIError]] = {
    getattr(base, name): getattr(errors, name) for name in errors.__all__ if hasattr(base, name)
}
"""The transport's class -> LangChain's, of all failures."""

_ours: dict[str, type[base.AIMLAPIError]] = {}
for _kind in vars(transport).values():  # a parent stands before its kinds
    if isinstance(_kind, type) and _kind.__module__ == transport.__name__:
        _bases = (*(KINDS[parent] for parent in _kind.__bases__), _kind)
        _made = type(_kind.__name__, _bases, {"__doc__": _kind.__doc__, "__module__": __name__})
        KINDS[_kind] = _ours[_kind.__name__] = _made
globals().update(_ours)

__all__ = list(_ours)
