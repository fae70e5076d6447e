"""Who made a model, by every spelling of the catalogue: `Open AI`, `openai` and `openai/...` are one vendor. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimlapi_transport.service.catalogue import Model


def vendor_of(found: Model) -> str:
    """What the catalogue says, else the first part of the id."""
    return found.developer or found.id.partition("/")[0]


def of_vendor(models: Iterable[Model], name: str) -> list[Model] | None:
    """The models of a vendor; None where the catalogue knows no such vendor."""
    models = list(models)
    groups = _groups(models)
    wanted = groups.get(_plain(name))
    if wanted is None:
        return None
    return [one for one in models if any(groups[spelling] == wanted for spelling in _spellings(one))]


def vendors(models: Iterable[Model]) -> list[str]:
    """One name for each vendor; where the catalogue has the id in the place of one, that is none."""
    named = {_plain(name): name for one in models if (name := vendor_of(one)) != one.id}
    return sorted(named.values(), key=str.lower)


def spellings(models: Iterable[Model]) -> set[str]:
    """All that a vendor may be called by."""
    return {name for one in models for name in (one.developer, _first(one)) if name}


def _groups(models: list[Model]) -> dict[str, str]:
    """Spelling -> one name for its vendor.

    A developer and the first part of an id that stand together are one vendor where one begins with the other
    (`mistral`, `mistralai`), or where that first part is mostly this developer's (`z-ai`, `Zhipu AI`); a model that
    one vendor made of another's (`nvidia/llama-...` of `meta-llama`) does not join the two.
    """
    together: dict[str, Counter[str]] = defaultdict(Counter)
    groups: dict[str, str] = {}

    def root(name: str) -> str:
        groups.setdefault(name, name)
        while groups[name] != name:
            name = groups[name]
        return name

    for one in models:
        developer, first = _plain(one.developer or ""), _plain(_first(one))
        for name in filter(None, (developer, first)):
            root(name)
        if developer and first:
            together[first][developer] += 1
    for first, developers in together.items():
        main = developers.most_common(1)[0][0]
        for developer in developers:
            if developer == main or developer.startswith(first) or first.startswith(developer):
                groups[root(developer)] = root(first)
    return {name: root(name) for name in groups}


def _spellings(one: Model) -> set[str]:
    return {_plain(name) for name in (one.developer or "", _first(one)) if _plain(name)}


def _first(one: Model) -> str:
    return one.id.partition("/")[0] if "/" in one.id else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
