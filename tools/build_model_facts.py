"""Builds aimlapi_transport/models.json, the packaged facts about known models, from the full survey.

    python tools/build_model_facts.py SURVEY.json

The survey was read from the provider's public OpenAPI documents and pages (api-docs repository); this keeps
what a client uses: which endpoints serve an id, which parameters its schema names, their limits, the roles
and content parts it takes, its context length. To refresh the facts, run it on a newer survey and commit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "aimlapi_transport" / "models.json"
CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
# Ids with a chat schema whose pages say that they are served under /v1/responses only.
# Source: docs/api-references/text-models-llm/openai/o3-pro.md
ONLY_RESPONSES = ("openai/o3-pro",)


def build(survey: dict[str, Any]) -> dict[str, Any]:
    """The packaged form: parameter lists and limits are stored once and named by position."""
    parameter_sets: list[Any] = []
    limit_sets: list[Any] = []

    def position(table: list[Any], value: Any) -> int:
        if value not in table:
            table.append(value)
        return table.index(value)

    models: dict[str, Any] = {}
    for model in survey["models"].values():
        served = [
            path for path in model["endpoints"] if model["id"] not in ONLY_RESPONSES or path.endswith("responses")
        ]
        facts: dict[str, Any] = {"family": model["family"], "endpoints": sorted(served)}
        chat = model["endpoints"].get(CHAT) if CHAT in served else None
        if chat:
            facts["parameters"] = position(parameter_sets, sorted(chat["parameters"]))
            facts["limits"] = position(limit_sets, chat["limits"])
            facts["roles"] = chat.get("roles", [])
            facts["parts"] = chat.get("content_parts", {}).get("user", [])
            facts["tools"] = chat.get("tool_kinds", [])
        facts["aliases"] = model["aliases"]
        facts["context_length"] = model["context_length"]
        facts["developer"] = model.get("developer")
        facts["capabilities"] = sorted(model["capabilities"])
        claims = {k for k, v in model["schema_claims"].items() if v is True}
        if not chat and "text" in model["endpoints"].get(RESPONSES, {}).get("parameters", ()):
            claims |= {"structured_output", "json_object"}  # its `text.format`
        facts["claims"] = sorted(claims)
        facts["answers_as"] = model.get("response_model_names", [])
        models[model["id"]] = {key: value for key, value in facts.items() if value not in (None, [])}
    share_by_alias(models)
    for row in models.values():
        settle(row, parameter_sets)
    return {
        "source": f"github.com/aimlapi/api-docs @ {survey['docs_repo_head']}",
        "parameter_sets": parameter_sets,
        "limit_sets": limit_sets,
        "models": models,
    }


SCHEMA = ("endpoints", "parameters", "limits", "roles", "parts", "tools", "claims", "capabilities")


def share_by_alias(models: dict[str, Any]) -> None:
    """Completes the rows of ids that are names of one model, by `aliases`.

    A context length that only one of them has is that of all; the smallest, where they name several. An id without a
    schema of its own and without an endpoint takes both from a name that has them.
    """
    by_name: dict[str, set[str]] = {}
    for key, row in models.items():
        for name in (key, *row.get("aliases", ())):
            by_name.setdefault(name, set()).add(key)
    found: dict[str, dict[str, Any]] = {}
    for key, row in models.items():
        others = sorted(set().union(*(by_name[name] for name in (key, *row.get("aliases", ())))) - {key})
        missing: dict[str, Any] = {}
        contexts = [models[other]["context_length"] for other in others if "context_length" in models[other]]
        if contexts and "context_length" not in row:
            missing["context_length"] = min(contexts)
        served = next((models[other] for other in others if "parameters" in models[other]), None)
        if served is not None and "endpoints" not in row:
            missing |= {name: served[name] for name in SCHEMA if name in served and not row.get(name)}
        found[key] = missing
    for key, missing in found.items():
        models[key] |= missing


# What is said of a model beside its request schema -> the parameter, or the types of parts, that the schema has for it.
PARAMETER_OF = {
    "tools": "tools",
    "structured_output": "response_format",
    "json_object": "response_format",
    "parallel_tool_calls": "parallel_tool_calls",
    "logprobs": "logprobs",
}
PARTS_OF = {"vision_image": ("image_url", "image"), "vision_video": ("video_url",)}


def settle(row: dict[str, Any], parameter_sets: list[Any]) -> None:
    """Takes out what the chat schema of an id contradicts.

    Pages, the catalogue and the schemas of other endpoints say of some ids what their chat schema does not list. The
    schema decides, for the provider checks a request against it; the others are heard where an id has none.
    """
    if "parameters" not in row:
        return
    listed, parts = parameter_sets[row["parameters"]], row.get("parts", ())
    for source in ("capabilities", "claims"):
        kept = [
            word
            for word in row.get(source, ())
            if (word not in PARAMETER_OF or PARAMETER_OF[word] in listed)
            and (word not in PARTS_OF or not parts or set(PARTS_OF[word]) & set(parts))
        ]
        if kept:
            row[source] = kept
        else:
            row.pop(source, None)


if __name__ == "__main__":
    packaged = build(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in packaged.pop("models").items())
    head = json.dumps(packaged, indent=None)[:-1]
    TARGET.write_text(f'{head},\n"models": {{\n{lines}\n}}}}\n', encoding="utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")
