"""The names nearest to one that is none, and errors that name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from aimlapi_cli.exits import reword


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names that look like this one, the likest first; none where none does."""
    by_form: dict[str, str] = {}
    for one in sorted(set(known)):
        by_form.setdefault(one.lower(), one)
        by_form.setdefault(one.lower().rpartition("/")[2], one)  # a model without its vendor
    found = difflib.get_close_matches(name.lower(), by_form, n=most * 2, cutoff=0.5)
    return list(dict.fromkeys(by_form[one] for one in found))[:most]


def sentence(name: str, known: Iterable[str]) -> str:
    """` The nearest: a, b, c.`, empty where nothing is near."""
    found = nearest(name, known)
    return f" The nearest: {', '.join(found)}." if found else ""


def names_of(models: Iterable[Any]) -> list[str]:
    """Ids and aliases of a catalogue."""
    return [name for model in models for name in (model.id, *model.aliases)]


@contextmanager
def suggestions(ours: Any, model: str, operation: str | None = None) -> Iterator[None]:
    """A call of an unknown model fails with the nearest ids beside the provider's words.

    Args:
        operation: of media, whose models are then suggested; by default those of the catalogue.
    """
    from aimlapi_transport.errors import InvalidRequestError, NotFoundError

    try:
        yield
    except (NotFoundError, InvalidRequestError) as error:
        hint = "" if error.status_code is None else _hint(ours, model, operation)
        if hint:
            reword(error, f"{error.message.rstrip('.')}.{hint}")
        raise


def _hint(ours: Any, model: str, operation: str | None) -> str:
    """The nearest ids, or the command that a model of media is for; empty where neither is known."""
    from aimlapi_cli.media_models import command_of
    from aimlapi_transport.errors import AIMLAPIError
    from aimlapi_transport.media.operations import known_models

    if operation is not None:
        return "" if model in (known := known_models(operation)) else sentence(model, known)
    try:
        names = names_of(ours.models(include="all"))
    except AIMLAPIError:
        return ""
    if model not in names:
        return sentence(model, names)
    command = command_of(model)
    return f" It is a model for `aimlapi {command}`." if command else ""
