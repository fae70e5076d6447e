"""Which models there are and what their schemas declare: the packaged survey, read as data.

To refresh the facts, rebuild `aimlapi_transport/models.json`; this only reads it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
DEFAULT_CONTEXT = 128_000


@dataclass(frozen=True, slots=True)
class Facts:
    """One catalogue entry. `context_length` is in tokens; `answers_as` is the upstream name a reply carries."""

    id: str
    family: str
    aliases: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    parameters: frozenset[str] = frozenset()
    limits: Any = None
    roles: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    claims: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    context_length: int | None = None
    developer: str | None = None
    answers_as: str = ""
    tells_cost: bool = True  # in `meta` and headers, as the provider itself does

    @property
    def serves_chat(self) -> bool:
        return CHAT in self.endpoints

    @property
    def serves_responses(self) -> bool:
        return RESPONSES in self.endpoints

    @property
    def takes_tools(self) -> bool:
        return "tools" in self.claims


@functools.cache
def all_models() -> dict[str, Facts]:
    """Every entry by its own id."""
    survey = orjson.loads(packaged_file("models.json").read_bytes())
    parameters, limits = survey["parameter_sets"], survey["limit_sets"]
    found = {}
    for id, row in survey["models"].items():
        found[id] = Facts(
            id=id,
            family=row["family"],
            aliases=tuple(row.get("aliases", ())),
            endpoints=tuple(row.get("endpoints", ())),
            parameters=frozenset(parameters[row["parameters"]] if "parameters" in row else ()),
            limits=limits[row["limits"]] if "limits" in row else {},
            roles=tuple(row.get("roles", ())),
            parts=tuple(row.get("parts", ())),
            tools=tuple(row.get("tools", ())),
            claims=frozenset(row.get("claims", ())),
            capabilities=frozenset(row.get("capabilities", ())),
            context_length=row.get("context_length"),
            developer=row.get("developer"),
            answers_as=(row.get("answers_as") or [""])[0],
        )
    return found


@functools.cache
def _by_name() -> dict[str, Facts]:
    """Ids and aliases; an id wins over an alias, a served entry over one that is only mentioned."""
    models = all_models()
    named = {id: facts for id, facts in models.items() if facts.endpoints}
    for facts in models.values():
        for alias in facts.aliases:
            if facts.endpoints:
                named.setdefault(alias, facts)
    for id, facts in models.items():
        served = next((named[alias] for alias in facts.aliases if alias in named), None)
        if served is not None:
            named.setdefault(id, served)
    return {name: _with_answer(facts, models) for name, facts in named.items()}


def _with_answer(facts: Facts, models: dict[str, Facts]) -> Facts:
    """An entry whose upstream name was only ever recorded under an alias carries that name too."""
    if facts.answers_as:
        return facts
    heard = (models[alias].answers_as for alias in facts.aliases if alias in models)
    return replace(facts, answers_as=next(filter(None, heard), ""))


def find_model(name: str) -> Facts | None:
    """The entry an id or alias names, exactly as written: dots and hyphens are different entries."""
    return _by_name().get(name)


def packaged_file(name: str) -> Path:
    """A file of the transport's data."""
    # without running its code: this server has to stay an independent witness
    spec = find_spec("aimlapi_transport")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in [*folders, str(Path(__file__).parents[2] / "aimlapi_transport")]:
        path = Path(folder) / name
        if path.exists():
            return path
    raise FileNotFoundError(f"aimlapi_transport/{name} is not installed")
