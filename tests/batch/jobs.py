"""Jobs on the emulator, their rows and their answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aimlapi_batch import Job
from aimlapi_emulator import EmulatorServer

GPT, CLAUDE = "openai/gpt-4o", "anthropic/claude-sonnet-4.5"


def rows(count: int = 30, **more: Any) -> list[dict[str, Any]]:
    return [{"id": number, "text": f"What is {number} + 1?", **more} for number in range(count)]


def written(path: str, given: list[dict[str, Any]]) -> Path:
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in given))
    return Path(path)


def job(server: EmulatorServer, source: Any, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": GPT, "prompt": "{text}", "key": "id", "base_url": server.base_url, "api_key": "k", **settings}
    return Job(source, output, **given)


def answers(path: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]
