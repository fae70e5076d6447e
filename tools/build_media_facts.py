"""Builds aimlapi_transport/media/models.json, the packaged facts about media models, from the full survey.

    python tools/build_media_facts.py FILE

The survey was read from the provider's public OpenAPI documents and pages (repository aimlapi/api-docs, commit
f14fa72, 2026-08-21): for each model id its endpoint, family, and the fields its schema requires and takes. This
keeps those; lists of fields are stored once and named by position.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "aimlapi_transport" / "media" / "models.json"
SOURCE = "github.com/aimlapi/api-docs @ f14fa72 (2026-08-21)"
EDITS = "POST /v1/images/edits"


def build(survey: dict[str, Any]) -> dict[str, Any]:
    field_sets: list[Any] = []

    def position(facts: dict[str, Any]) -> int:
        value = [[name for name in facts[part] if name != "model"] for part in ("required", "optional")]
        if value not in field_sets:
            field_sets.append(value)
        return field_sets.index(value)

    models: dict[str, Any] = {}
    for name, facts in sorted(survey.items()):
        path = facts["endpoint"].split()[1]
        row: dict[str, Any] = {"family": facts["family"], "fields": position(facts), "path": path}
        if EDITS in facts.get("also", {}):
            row["edits"] = position(facts["also"][EDITS])
        if facts["status"] == "deprecated":
            row["deprecated"] = True
        models[name] = row
    return {"source": SOURCE, "field_sets": field_sets, "models": models}


if __name__ == "__main__":
    packaged = build(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in packaged["models"].items())
    sets = ",\n".join(json.dumps(value) for value in packaged["field_sets"])
    TARGET.write_text(
        f'{{"source": {json.dumps(packaged["source"])},\n"field_sets": [\n{sets}\n],\n"models": {{\n{lines}\n}}}}\n',
        encoding="utf-8",
    )
    print(f"{TARGET}: {TARGET.stat().st_size} bytes, {len(packaged['models'])} models")
