"""Builds aimlapi_transport/models.json, the packaged facts about known models, from the full survey.

    python tools/build_model_facts.py ../shared/models.json

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
    return {
        "source": f"github.com/aimlapi/api-docs @ {survey['docs_repo_head']}",
        "parameter_sets": parameter_sets,
        "limit_sets": limit_sets,
        "models": models,
    }


if __name__ == "__main__":
    packaged = build(json.loads(Path(sys.argv[1]).read_text()))
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in packaged.pop("models").items())
    head = json.dumps(packaged, indent=None)[:-1]
    TARGET.write_text(f'{head},\n"models": {{\n{lines}\n}}}}\n')
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")
