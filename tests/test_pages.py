"""Every block of the README and the guides runs as it stands, alone and in order, and what they refer to exists."""

from __future__ import annotations

import contextlib
import importlib
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from aimlapi_emulator import EmulatorServer
from tests.pages import NAMES, PAGES, ROOT, Block, blocks, run_page

WITH_PYTHON = [name for name in NAMES if any(block.language == "python" for block in blocks(ROOT / name))]
_FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)


@pytest.fixture
def reader(server: EmulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder and environment: no more is set than the pages say; the key is one that no page can hold."""
    for variable in ("AIML_API_KEY", "POWERTOKENS_API_KEY", "ANYFAST_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", f"key-{secrets.token_hex(8)}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_each_block_of_a_page_runs_alone(name: str, reader: Path) -> None:
    """In the order of the page, each in a namespace and a folder of its own: whoever copies one block needs no other.

    Files that blocks name are written, and the tests among them pass.
    """
    run_page(ROOT / name, reader)


def python_blocks() -> list[Block]:
    return [block for name in WITH_PYTHON for block in blocks(ROOT / name) if block.language == "python"]


def test_no_block_uses_a_name_that_it_does_not_define(tmp_path: Path) -> None:
    """Nor does it import one that it does not use."""
    for block in python_blocks():
        (tmp_path / f"{block.where.replace('/', '.').replace(':', '.line')}.py").write_text(
            block.text, encoding="utf-8"
        )
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "F401,F811,F821,F841,I001",
    ]
    packages = '"aimlapi_batch","aimlapi_emulator","aimlapi_transport","langchain_aimlapi","llama_index_aimlapi"'
    isort = f"lint.isort.known-third-party=[{packages}]"
    done = subprocess.run([*command, "--config", isort, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_block_needs_both_frameworks() -> None:
    """A reader has one of them."""
    both = r"^(?:from|import) (langchain|llama_index)"
    assert [b.where for b in python_blocks() if len(set(re.findall(both, b.text, re.M))) > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_plain_markdown(name: str) -> None:
    """What only MkDocs reads is in the pages of the API's reference, which have a sentence for readers of GitHub."""
    text = _FENCED.sub("", (ROOT / name).read_text(encoding="utf-8"))
    found = re.findall(r"^ *(?:=== \"|!!! |\?\?\?\+? ).*$|^ *--8<--.*$|\{[:.#] ?[\w-]+.*\}$", text, re.M)
    assert found == []
    if "::: " in text:
        assert name.startswith("docs/reference/")
        assert "On GitHub" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_a_page_resolve(name: str) -> None:
    """A link into the repository names a file that is there and, in its title, a test that is in it."""
    page = ROOT / name
    for target, title in links(page):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{name}: {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{name}: {target}"
        if linked.parts[len(ROOT.parts)] == "tests" and linked.suffix == ".py":
            assert title, f"{name}: {target} names no test"
            assert re.search(rf"^(async )?def {title}\(", linked.read_text(), re.M), f"{name}: {title}"


def links(page: Path) -> list[tuple[str, str]]:
    """The relative links of a page, and their titles; images, too."""
    text = re.sub(r"`[^`\n]*`", "``", _FENCED.sub("", page.read_text(encoding="utf-8")))
    found = re.findall(r"\]\(([^)\s]+)(?: \"([^\"]*)\")?\)", text) + [
        (to, "") for to in re.findall(r'(?:src|href)="([^"]+)"', text)
    ]
    return [(target, title) for target, title in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """What links may point to: the headings, as MkDocs and GitHub spell them."""
    titles = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_each_page_is_in_the_sites_navigation() -> None:
    config = (ROOT / "mkdocs.yml").read_text()
    assert [name for name in NAMES if name.startswith("docs/") and name.removeprefix("docs/") not in config] == []


def test_every_cell_of_the_comparison_links_to_a_test() -> None:
    """But a dash, which says that it was not compared."""
    (table,) = re.findall(
        r"^\| \| `ChatAIMLAPI`, `AIMLAPI` \|.*\n\|[-|]+\|\n((?:\|.*\n)+)",
        (ROOT / "docs" / "compared.md").read_text(),
        re.M,
    )
    cells = [cell.strip() for row in table.splitlines() for cell in row.split(" | ")[1:]]
    assert len(cells) > 3 * 14
    assert [cell for cell in cells if not re.match(r'- ?\|?$|\[[^\]]+\]\(\.\./tests/\S+ "test_\w+"\)', cell)] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_the_index_of_recipes_lists_every_question() -> None:
    recipes = ROOT / "docs" / "recipes"
    asked = [
        f"{page.name}#{re.sub(r'[^a-z0-9 -]', '', title.lower()).strip().replace(' ', '-')}"
        for page in recipes.glob("*.md")
        if page.name != "index.md"
        for title in re.findall(r"^## (.+)$", page.read_text(), re.M)
    ]
    assert len(asked) >= 30
    assert sorted(asked) == sorted(
        re.findall(r"^- \[How [^\]]+\?\]\(([^)]+)\)$", (recipes / "index.md").read_text(), re.M)
    )


def test_all_pages_are_read() -> None:
    assert len(PAGES) > 30


def test_every_public_name_is_in_the_reference() -> None:
    """But those of the older distribution, which only warn."""
    text = "\n".join(page.read_text() for page in sorted((ROOT / "docs" / "reference").glob("*.md")))
    entries = re.findall(r"^::: (\S+)$", text, re.M)
    listed = {entry.rpartition(".")[2] for entry in entries}
    listed |= {
        name.strip() for members in re.findall(r"^ +members: \[(.*)\]$", text, re.M) for name in members.split(",")
    }
    for entry in entries:
        with contextlib.suppress(ModuleNotFoundError):
            listed |= set(getattr(importlib.import_module(entry), "__all__", ()))
    packages = ("langchain_aimlapi", "llama_index_aimlapi", "aimlapi_transport", "aimlapi_batch", "aimlapi_emulator")
    public = {name for package in packages for name in importlib.import_module(package).__all__}
    assert sorted(name for name in public - listed if not name.startswith(("__", "Aimlapi", "ChatAimlapi"))) == []
