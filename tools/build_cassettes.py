"""Published replies -> cassettes: `python tools/build_cassettes.py FOLDER` rewrites `cassettes/published`.

Every payload that is a recording of a chat completion or a response and shows its request becomes one, as published:
nothing is invented, so a stream whose capture shows no `[DONE]` has none. What had to be completed is in the
cassette's `source.notes`. Running it twice changes no file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "cassettes"))

from cassette_files import CASSETTES, HOST, interaction, write

ENDPOINTS = ("/v1/chat/completions", "/v1/responses")
HOSTS = {"aimlapi": HOST, "anyfast": "https://www.anyfast.ai"}


def main() -> int:
    """Builds all published cassettes from a folder of payloads and removes those without one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wire", type=Path, help="the folder with INDEX.json and the payloads")
    wire: Path = parser.parse_args().wire
    built, changed = set(), 0
    for name, payload in recordings(wire):
        path = CASSETTES / "published" / f"{Path(name).stem}.yaml"
        if path in built:
            raise SystemExit(f"two payloads would become {path.name}: rename one")
        changed += write(path, source_of(payload), [interaction_of(name, payload)])
        built.add(path)
    stale = set((CASSETTES / "published").glob("*.yaml")) - built
    for path in stale:
        path.unlink()
    print(f"{len(built)} published cassettes: {changed} written, {len(stale)} removed")
    return 0


def recordings(wire: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The file name and content of each recorded reply of either endpoint that shows its request."""
    for entry in json.loads((wire / "INDEX.json").read_text(encoding="utf-8"))["recordings"]:
        if entry["authenticity"] == "recorded" and entry["has_request"] and entry["endpoint"] in ENDPOINTS:
            yield entry["file"], json.loads((wire / entry["file"]).read_text(encoding="utf-8"))


def interaction_of(name: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The published request and reply as one interaction."""
    request = _request_of(payload)
    stream = request.get("stream") is True
    if stream:
        reply = "".join(f"{line}\n\n" for line in payload["sse"])
    else:
        reply = json.dumps(payload["body"], ensure_ascii=False)
    return interaction(
        HOSTS[name.partition("/")[0]] + payload["endpoint"],
        json.dumps(request, ensure_ascii=False, separators=(",", ":")),
        (payload["status"], "OK"),
        {"content-type": ["text/event-stream" if stream else "application/json"]},
        reply,
    )


def source_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Where the reply and the request were published, and what to know about them."""
    notes = list(payload.get("notes", ()))
    if payload["endpoint"] == "/v1/responses" and "input" not in payload["request"]:
        notes.append("the published request says `messages`, as of a chat completion: they were sent as `input`")
    if any("role" not in message for message in payload["request"].get("messages", ())):
        notes.append("the published request has no role in its message: `user` was added")
    notes += [
        f"the published sample fills in `{name}` at run time: its place is marked <<{name}>>"
        for name in payload["request_provenance"].get("unresolved_expressions", ())
    ]
    return {
        "kind": "published",
        **_place(payload["provenance"]),
        "recorded_from": "api.aimlapi.com",
        "printed_as": payload["parse"],
        "request": _place(payload["request_provenance"]),
        **({"also": [_place(place) for place in payload["also"]]} if payload.get("also") else {}),
        "notes": notes,
    }


def _place(provenance: dict[str, Any]) -> dict[str, str]:
    document: str = provenance["file"]
    if document.endswith(".txt"):
        document = f"source document {document.removesuffix('.txt')}"
    versions: dict[str, str] = {name: provenance[name] for name in ("commit", "blob") if name in provenance}
    return {"document": document, "lines": provenance["lines"], **versions}


def _request_of(payload: dict[str, Any]) -> dict[str, Any]:
    word = "messages" if payload["endpoint"] == "/v1/chat/completions" else "input"
    return {
        word if name == "messages" else name: [*map(_with_role, value)] if name == "messages" else value
        for name, value in payload["request"].items()
    }


def _with_role(message: dict[str, Any]) -> dict[str, Any]:
    return message if "role" in message else {"role": "user", **message}


if __name__ == "__main__":
    sys.exit(main())
