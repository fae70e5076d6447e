"""The notebooks are what their sources show today, also live, and are fit to be handed on."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aimlapi_emulator import EmulatorServer

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks" / "source").glob("*.py"))

pytest.importorskip("nbclient", reason="comes with the extra `notebooks`")
pytest.importorskip("ipykernel", reason="comes with the extra `notebooks`")
pytest.importorskip("matplotlib", reason="comes with the extra `notebooks`")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::UserWarning")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses ask for their module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load("build_notebooks")


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    return load("site_pages")


def kept(name: str) -> Any:
    import nbformat

    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def code(name: str) -> list[Any]:
    return [cell for cell in kept(name)["cells"] if cell["cell_type"] == "code"]


def test_there_are_ten_and_each_is_of_a_source() -> None:
    assert [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))] == NAMES
    assert len(NAMES) == 12


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_what_its_cells_show(name: str, tool: ModuleType) -> None:
    """Word for word, but for clocks and pictures; `make notebooks` writes them again."""
    made = tool.run(ROOT / "notebooks" / "source" / f"{name}.py")
    assert tool.compared(kept(name)) == tool.compared(made), "run `make notebooks`"


@pytest.mark.parametrize("name", ["01-quickstart", "05-reasoning", "09-failure"])
def test_a_notebook_runs_with_a_key(name: str, tool: ModuleType, server: EmulatorServer) -> None:
    """Its cells do without the emulator's own object, which they have only where no key is set."""
    source = ROOT / "notebooks" / "source" / f"{name}.py"
    live = tool.run(source, AIMLAPI_API_KEY="sk-live-key", AIMLAPI_API_BASE=server.base_url)
    first = next(cell for cell in live["cells"] if cell["cell_type"] == "code")
    assert first["outputs"][0]["text"] == "Live: answers are paid for.\n"
    assert "sk-live-key" not in json.dumps(live)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_valid_and_tells_nothing_of_the_run(name: str) -> None:
    import nbformat

    nbformat.validate(kept(name))
    assert [cell["execution_count"] for cell in code(name)] == list(range(1, len(code(name)) + 1))
    written = (ROOT / "notebooks" / f"{name}.ipynb").read_text()
    assert not re.search(r"sk-[A-Za-z0-9]{8}|Bearer |127\.0\.0\.1|0x[0-9a-f]{8}|/home/|/root/|/tmp/|iopub", written)
    assert str(ROOT) not in written
    assert not any(value in written for key, value in os.environ.items() if "API_KEY" in key and len(value) > 10)
    assert set(kept(name)["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_fails_or_warns(name: str) -> None:
    outputs = [output for cell in code(name) for output in cell["outputs"]]
    assert outputs
    assert [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_opens_with_who_answers(name: str) -> None:
    """The emulator is named for what it is, with the way to run live; the first cell starts it in the same few lines."""
    opening = " ".join(kept(name)["cells"][0]["source"].split())
    assert opening.startswith("# ")
    for said in ("emulator", "a local server", "set `aimlapi_api_key`"):
        assert said in opening.lower()
    assert code(name)[0]["source"] == code(NAMES[0])[0]["source"]


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_a_notebook_resolve(name: str) -> None:
    prose = "\n".join(cell["source"] for cell in kept(name)["cells"] if cell["cell_type"] == "markdown")
    for target in re.findall(r"\]\(([^)#]+)", prose):
        assert (ROOT / "notebooks" / target).exists(), target


def test_every_notebook_stands_in_the_guide() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text()
    assert re.findall(r"notebooks/([\w-]+)\.ipynb", page) == NAMES


def test_a_source_is_cut_at_its_marks(tool: ModuleType) -> None:
    cells = tool.cells(
        '"""Not a cell."""\n\n# %% [markdown]\n# # Title\n#\n# Prose\n\n# %%\nx = 1\n\n\n# %% varies\nprint(x)\n'
    )
    assert cells == [
        tool.Cell("# Title\n\nProse", is_prose=True),
        tool.Cell("x = 1"),
        tool.Cell("print(x)", varies=True),
    ]


def test_what_tells_of_one_run_is_taken_out(tool: ModuleType) -> None:
    def printed(text: str, name: str = "stdout") -> Any:
        return {"output_type": "stream", "name": name, "text": text}

    result = {"output_type": "execute_result", "execution_count": 9, "data": {}, "metadata": {}}
    cell = {"cell_type": "code", "source": "x", "metadata": {"execution": {"iopub.status.busy": "2026-01-01"}}}
    cell |= {"execution_count": 9, "outputs": [printed("a"), printed("b"), printed("c", "stderr"), result]}
    (made,) = tool.normalised({"cells": [cell]})["cells"]
    assert (made["metadata"], made["execution_count"]) == ({}, 1)
    assert made["outputs"] == [printed("ab"), printed("c", "stderr"), {**result, "execution_count": 1}]


def test_what_varies_is_compared_by_its_kind_only(tool: ModuleType) -> None:
    def notebook(text: str, **metadata: Any) -> Any:
        output = {"output_type": "stream", "name": "stdout", "text": text}
        return {"cells": [{"cell_type": "code", "source": "x", "metadata": metadata, "outputs": [output]}]}

    assert tool.compared(notebook("1")) != tool.compared(notebook("2"))
    assert tool.compared(notebook("1", tags=["varies"])) == tool.compared(notebook("2", tags=["varies"]))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_the_guides_holds_the_whole_notebook(name: str, pages: ModuleType) -> None:
    page = pages.as_page(ROOT / "notebooks" / f"{name}.ipynb")
    for cell in code(name):
        assert f"```python\n{cell['source']}\n```" in page
        for output in cell["outputs"]:
            assert output.get("text", "").strip("\n").rstrip() in page
            assert ("image/png" in output.get("data", ())) <= ("data:image/png;base64," in page)
    assert ".ipynb" not in page and "../docs/" not in page


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ({"output_type": "stream", "text": ["one\n", "two\n"]}, "```text\none\ntwo\n```"),
        ({"data": {"text/plain": "used", "text/html": "<table></table>"}}, '<div class="output"><table></table></div>'),
        ({"data": {"text/plain": "x", "text/markdown": "| a |"}}, "| a |"),
        (
            {"data": {"text/plain": "<Figure>", "image/png": "iVBO\n"}},
            '<img alt="Figure" src="data:image/png;base64,iVBO">',
        ),
    ],
)
def test_an_output_is_shown_in_its_richest_form(output: Any, shown: str, pages: ModuleType) -> None:
    assert pages._shown(output) == shown


@pytest.mark.parametrize(
    ("uri", "link", "in_site"),
    [
        ("notebooks.md", "../notebooks/01-quickstart.ipynb", "notebooks/01-quickstart.md"),
        ("index.md", "../CONTRIBUTING.md#tests", "contributing.md#tests"),
        ("reference/langchain.md", "../../langchain_aimlapi/usage.py", "../source/langchain_aimlapi/usage.py.txt"),
        ("contributing.md", "docs/tools.md", "tools.md"),
        ("security.md", "CONTRIBUTING.md", "contributing.md"),
        ("reference/langchain.md", "../tools.md", "../tools.md"),
        ("tools.md", "https://example.com/a.md", "https://example.com/a.md"),
        ("tools.md", "#an-agent", "#an-agent"),
    ],
)
def test_links_of_the_repository_lead_to_pages_of_the_site(
    uri: str, link: str, in_site: str, pages: ModuleType
) -> None:
    assert pages.linked_in_site(f"[a]({link})", uri) == f"[a]({in_site})"
    assert pages.linked_in_site(f"```text\n[a]({link})\n```", uri) == f"```text\n[a]({link})\n```"
