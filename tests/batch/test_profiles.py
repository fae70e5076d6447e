"""`aimlapi --profile NAME batch run`: the address and the key of the configuration reach the job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimlapi_cli.app import run
from aimlapi_emulator import EmulatorServer


def test_a_profile_reaches_a_job(server: EmulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_API_BASE", "AIMLAPI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    config = tmp_path / "config.toml"
    config.write_text(f'[profiles.work]\nbase_url = "{server.base_url}"\nkey_variable = "WORK_KEY"\n')
    monkeypatch.setenv("AIMLAPI_CONFIG", str(config))
    monkeypatch.setenv("WORK_KEY", "any-key")
    rows, answers = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    rows.write_text('{"id": 1, "text": "Hello"}\n')
    command = ["--profile", "work", "batch", "run", str(rows), "-o", str(answers)]
    assert run([*command, "--model", "openai/gpt-4o", "--prompt", "{text}", "--key", "id"]) == 0
    assert json.loads(answers.read_text())["text"]
