"""Builds aimlapi_emulator/published.json, the replies the emulator replays, from the survey's recordings.

    python tools/build_emulator_recordings.py FOLDER

Kept are replies the provider itself published (recorded, not schema examples and not suspect) for chat and
embeddings whose request is known whole. Of several replies to one request the plainest and newest is kept:
a clean stream before one that leaks an internal envelope, a page of today before one of its history.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "aimlapi_emulator" / "published.json"
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")


def build(folder: Path) -> list[dict[str, Any]]:
    """The rows to package, sorted, one per request."""
    best: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(recording, dict) or not _is_wanted(recording):
            continue
        request = {k: v for k, v in recording["request"].items() if not (k == "stream" and v is False)}
        key = recording["endpoint"] + json.dumps(request, sort_keys=True)
        candidate = (_rank(recording, path.name), _row(recording, request, path))
        if key not in best or candidate[0] > best[key][0]:
            best[key] = candidate
    return [best[key][1] for key in sorted(best)]


def _is_wanted(recording: dict[str, Any]) -> bool:
    request = recording.get("request")
    return (
        recording.get("authenticity") == "recorded"
        and recording.get("endpoint") in ENDPOINTS
        and isinstance(request, dict)
        and "model" in request
        and "unresolved_expressions" not in recording.get("request_provenance", {})
        and bool(recording.get("sse") or recording.get("body"))
    )


def _rank(recording: dict[str, Any], name: str) -> tuple[Any, ...]:
    lines = recording.get("sse") or [""]
    first = json.loads(lines[0].removeprefix("data:") or "null") if recording.get("sse") else recording["body"]
    clean = "event" not in (first or {})
    return (clean, not recording["provenance"].get("history", False), (first or {}).get("created", 0), name)


def _row(recording: dict[str, Any], request: dict[str, Any], path: Path) -> dict[str, Any]:
    places = [recording["provenance"], *recording.get("also", [])]
    page = next((place for place in places if place["file"].startswith("docs/")), places[0])
    pinned = f" @ {page.get('commit') or page.get('blob')}" if page.get("commit") or page.get("blob") else ""
    row = {
        "source": f"{page['file']}:{page['lines']}{pinned}",
        "name": path.stem,
        "endpoint": recording["endpoint"],
        "status": recording["status"],
        "request": request,
    }
    return {**row, "sse": recording["sse"]} if recording.get("sse") else {**row, "body": recording["body"]}


if __name__ == "__main__":
    rows = build(Path(sys.argv[1]))
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    TARGET.write_text(
        f'{{"origin": "published replies of github.com/aimlapi/api-docs",\n"recordings": [\n{lines}\n]}}\n',
        encoding="utf-8",
    )
    print(f"{len(rows)} recordings, {TARGET.stat().st_size // 1024} KB")
