"""How the frameworks' classes show themselves: the model, the host, and what was set; never a key. Pure.

Both frameworks' classes are Pydantic's. It is not imported here: a class's own `model_fields` say enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from aimlapi_transport import config


def repr_fields(model: Any, name: str, base_url: str | None, hidden: Collection[str]) -> Iterator[tuple[str, Any]]:
    """The arguments of a repr. Fields that say `repr=False`, and the `hidden` ones, are left out."""
    yield "model", name
    yield "host", config.settings.host_name(getattr(model, "preset", None), base_url)
    for field, info in type(model).model_fields.items():
        value = getattr(model, field, None)
        if info.repr and field not in hidden and value != info.get_default(call_default_factory=True):
            yield field, value
