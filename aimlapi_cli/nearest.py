"""The names nearest to one that is none, and errors that name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


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
def suggestions(ours: Any, model: str) -> Iterator[None]:
    """A call of a model that the catalogue does not know fails with the nearest ids beside the provider's words."""
    from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError, NotFoundError

    try:
        yield
    except (NotFoundError, InvalidRequestError) as error:
        if error.status_code is None:
            raise
        try:
            known = names_of(ours.models(include="all"))
        except AIMLAPIError:
            raise error from None
        hint = _other_command(model) if model in known else sentence(model, known)
        if not hint:
            raise
        error.message = f"{error.message.rstrip('.')}.{hint}"
        error.args = (error.message,)
        raise


def _other_command(model: str) -> str:
    """Which command a model of media is for; empty for another."""
    from aimlapi_cli.media_options import OPERATIONS
    from aimlapi_transport.media.operations import known_models

    command = next((name for name, operation in OPERATIONS.items() if model in known_models(operation)), None)
    return f" It is a model for `aimlapi {command}`." if command else ""
