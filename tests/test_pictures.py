"""What the guides show of the code is up to date; `make pictures` makes it again."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses ask for their module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def house() -> ModuleType:
    return tool("draw_house")


def test_the_house_is_drawn_as_it_is(house: ModuleType) -> None:
    assert house.PICTURE.read_text() == house.picture(), "run `make pictures`"


def test_the_tables_of_names_say_what_becomes_of_each() -> None:
    names = tool("write_names")
    pages = [page.read_text() for page in names.PAGES]
    assert sum(page.count("<!-- names of ") for page in pages) == len(names.CLASSES)
    for page in pages:
        assert page == names.written(page), "run `make pictures`"


def test_a_name_is_tried_on_the_class() -> None:
    names = tool("write_names")
    assert names.fate("openai_api_base", names.chat_aimlapi) == "`base_url`"
    assert names.fate("temperature", names.aimlapi) == "`temperature`"
    assert names.fate("use_responses_api", names.chat_aimlapi) == "`use_responses_api`"
    assert names.fate("client", names.chat_aimlapi).startswith("refused: pass an `http_client`")
    assert names.fate("route", names.chat_aimlapi) == "no effect; a warning says so"
    assert names.fate("api_version", names.embedding) == "not needed"


def test_rooms_are_read_from_the_imports(house: ModuleType, tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    (room / "__init__.py").write_text("from room.upper import thing\n")
    (room / "upper.py").write_text("from room.lower import thing\nfrom room import ground\nimport httpx\n")
    (room / "lower.py").write_text("def late():\n    from room.ground import other\n")
    (room / "ground.py").write_text("import json\n")
    read = house.read_room("room", tmp_path)
    assert read.inner == {"upper": {"lower", "ground"}, "lower": {"ground"}, "ground": set()}
    assert read.outer == {"upper": {"httpx"}, "lower": set(), "ground": {"json"}}
    assert house.levels(read.inner) == {"upper": 2, "lower": 1, "ground": 0}
    assert house.reduced(read.inner) == [("lower", "ground"), ("upper", "lower")]


def test_a_circle_of_imports_is_drawn_all_the_same(house: ModuleType) -> None:
    circle = {"one": {"other"}, "other": {"one"}, "third": set()}
    assert set(house.levels(circle)) == set(circle)
    assert house.lay_out(
        house.Room("aimlapi_transport", circle, {name: set() for name in circle}), 500
    ).chips.keys() == set(circle)
