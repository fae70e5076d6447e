"""The cassettes on disk: where they lie, what they hold, how they are written.

A cassette is vcrpy's own format with one more key at its top: `source` says where the interactions come from
(`kind: published`, `live` or `emulated`). vcrpy reads past it, and `write` keeps it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cassette_yaml
import yaml

ROOT = Path(__file__).resolve().parents[2]
CASSETTES = ROOT / "cassettes"
HOST = "https://api.aimlapi.com"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Cassette:
    """One file under `cassettes/`, by its name there without the suffix: `published/qwen3-32b--chat-1`."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """Where it lies."""
        return CASSETTES / f"{self.name}.yaml"

    @property
    def data(self) -> dict[str, Any]:
        """What it holds. Read once: do not change it."""
        return _read(self.path)

    @property
    def source(self) -> dict[str, Any]:
        """Where its interactions come from."""
        source: dict[str, Any] = self.data["source"]
        return source

    @property
    def request(self) -> dict[str, Any]:
        """The body of its first request."""
        body: dict[str, Any] = json.loads(self.data["interactions"][0]["request"]["body"])
        return body

    @property
    def reply(self) -> str:
        """The body of its first response."""
        text: str = self.data["interactions"][0]["response"]["body"]["string"]
        return text

    @property
    def is_stream(self) -> bool:
        """Whether its first request asks for a stream."""
        return self.request.get("stream") is True


def cassettes(*folders: str) -> list[Cassette]:
    """All cassettes in these folders of `cassettes/`, or in all of them, by name."""
    roots = [CASSETTES / folder for folder in folders] or [CASSETTES]
    paths = sorted(path for root in roots for path in root.rglob("*.yaml"))
    return [Cassette(path.relative_to(CASSETTES).with_suffix("").as_posix()) for path in paths]


def write(path: Path, source: dict[str, Any], interactions: list[dict[str, Any]]) -> bool:
    """Writes a cassette; says whether the file changed. The same arguments give the same bytes."""
    text = cassette_yaml.dump({"source": source, "interactions": interactions, "version": 1})
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return True


def interaction(
    uri: str,
    body: str,
    status: tuple[int, str],
    headers: dict[str, list[str]],
    reply: str,
    *,
    method: str = "POST",
) -> dict[str, Any]:
    """One request and its response as vcrpy holds them, JSON replies laid out for a reader."""
    stream = bool(body) and json.loads(body).get("stream") is True
    sent = {"accept": ["text/event-stream" if stream else "application/json"]}
    return {
        "request": {
            "method": method,
            "uri": uri,
            "headers": {**sent, "content-type": ["application/json"]} if body else sent,
            "body": body or None,
        },
        "response": {
            "status": {"code": status[0], "message": status[1]},
            "headers": headers,
            "body": {"string": laid_out(reply)},
        },
    }


def laid_out(body: str) -> str:
    """JSON over several lines; any other text as it is."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2) + "\n"
    except ValueError:
        return body


@cache
def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    return data
