"""What people see of the classes: every setting is described, a repr is short and useful, an example runs."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from aimlapi_emulator import EmulatorServer
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding

ROOT = Path(__file__).parents[1]
KEY = "sk-test-0123456789"
CLASSES: list[type[BaseModel]] = [ChatAIMLAPI, AIMLAPIEmbeddings, AIMLAPI, AIMLAPIEmbedding]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_setting_of_ours_is_described(cls: type[BaseModel]) -> None:
    theirs = {name for base in cls.__mro__[1:] if not ours(base) for name in getattr(base, "model_fields", ())}
    assert [name for name, info in cls.model_fields.items() if name not in theirs and not info.description] == []


def ours(cls: type) -> bool:
    return cls.__module__.split(".")[0] in ("langchain_aimlapi", "llama_index_aimlapi", "aimlapi_transport")


@pytest.mark.parametrize(
    ("instance", "shown"),
    [
        (ChatAIMLAPI(model="openai/gpt-4o", api_key=KEY), "ChatAIMLAPI(model='openai/gpt-4o', host='api.aimlapi.com')"),
        (
            ChatAIMLAPI(model="some/model", preset="anyfast", temperature=0.5, metadata={"team": "search"}),
            "ChatAIMLAPI(model='some/model', host='www.anyfast.ai', preset='anyfast', temperature=0.5, "
            "metadata={'team': 'search'})",
        ),
        (
            ChatAIMLAPI(model="some/model", base_url="https://me:secret@proxy.example/v1", default_headers={"X-K": KEY}),
            "ChatAIMLAPI(model='some/model', host='proxy.example')",
        ),
        (AIMLAPI(model="openai/gpt-4o", api_key=KEY), "AIMLAPI(model='openai/gpt-4o', host='api.aimlapi.com')"),
        (AIMLAPI(model="some/model", max_retries=0), "AIMLAPI(model='some/model', host='api.aimlapi.com', max_retries=0)"),
        (
            AIMLAPIEmbeddings(model="text-embedding-3-small", api_key=KEY, dimensions=256),
            "AIMLAPIEmbeddings(model='text-embedding-3-small', host='api.aimlapi.com', dimensions=256)",
        ),
    ],
)  # fmt: skip
def test_a_repr_tells_model_host_and_what_was_set(instance: Any, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMLAPI_API_BASE", raising=False)
    assert repr(instance) == shown
    assert KEY not in str(instance)


def test_a_repr_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ChatAIMLAPI(model="some/model")
    monkeypatch.setenv("AIMLAPI_API_BASE", "no address")
    assert repr(model) == "ChatAIMLAPI(model='some/model', host='unknown')"


@pytest.mark.parametrize("cls", CLASSES)
def test_the_example_of_a_class_runs(
    cls: type[BaseModel], aimlapi_emulator: EmulatorServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", aimlapi_emulator.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "any")
    (example,) = re.findall(r"```python\n(.*?)```", inspect.getdoc(cls) or "", re.S)
    exec(inspect.cleandoc(example), {})
    assert capsys.readouterr().out


def test_the_guide_to_the_code_names_what_there_is() -> None:
    rows = re.findall(r"^\|(.+?)\|(.+?)\|(.+?)\|$", (ROOT / "docs" / "how-it-is-built.md").read_text(), re.M)
    told = [
        (room, name)
        for _, *cells in rows
        for room, cell in zip(("langchain_aimlapi", "llama_index_aimlapi"), cells, strict=True)
        for name in re.findall("`(.+?)`", cell)
    ]
    assert len(told) > 10
    assert [name for room, name in told if not (stands_in(room, name) or stands_in("aimlapi_transport", name))] == []


def test_the_table_of_changes_names_one_file_a_line() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text[text.index("| to | change |") :].split("\n\n")[0]
    files = [re.findall(r"`(.+?)`", line.split("|")[2]) for line in table.splitlines()[2:]]
    assert len(files) > 20
    assert [names for names in files if len(names) != 1 or not (ROOT / names[0]).is_file()] == []


def stands_in(room: str, name: str) -> bool:
    """Whether a package has this attribute, or this module with what is in it."""
    found: Any = import_module(room)
    for part in name.split("."):
        if isinstance(found, ModuleType) and hasattr(found, "__path__") and find_spec(f"{found.__name__}.{part}"):
            found = import_module(f"{found.__name__}.{part}")
        else:
            found = getattr(found, part, None)
    return found is not None
