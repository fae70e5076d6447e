"""What holds for the names and values of both classes' settings, ours or another class's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr, ValidationError

from aimlapi_transport.user_warnings import stacklevel

NO_KEY = "`{}` is no field: pass the key of the host in `base_url` as `api_key`."
_SECRET = ("api_key", "default_headers")  # values no error may show


def body_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The `model_kwargs` among the settings: a copy, to add to."""
    given = values.get("model_kwargs") or {}
    if not isinstance(given, Mapping):
        raise ValueError(f"`model_kwargs` is {given!r}: pass a dict of body parameters.")
    return dict(given)


def is_blank(value: Any) -> bool:
    """Whether a text is empty or white space: such an address counts as none."""
    return isinstance(value, str) and not value.strip()


def settled(taken: dict[str, Any], model_kwargs: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with their `model_kwargs` where there are any, and the key hidden."""
    if model_kwargs or "model_kwargs" in values:
        taken["model_kwargs"] = model_kwargs
    if isinstance(taken.get("api_key"), str):
        taken["api_key"] = SecretStr(taken["api_key"])
    return taken


def fitting(value: Any, validated: Callable[[Any], Any], name: str, accepted: Mapping[str, str]) -> Any:
    """The value of a field as Pydantic takes it; else an error that names it and what is accepted."""
    try:
        return validated(value)
    except ValidationError:
        shown = f"a {type(value).__name__} that does not fit" if name in _SECRET else repr(value)
        raise ValueError(f"`{name}` is {shown}: pass {accepted[name]}.") from None


def is_key(name: str) -> bool:
    """Whether a setting of this name would be a key: it must never travel in a body, as unknown settings do."""
    return name.lower().replace("_", "").endswith("apikey")


def warn(message: str) -> None:
    """A warning about the user's own line."""
    warnings.warn(message, stacklevel=stacklevel())
