"""Every block of the README and the guides runs as it stands, and what they refer to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aimlapi_emulator import EmulatorServer
from tests.pages import ROOT, blocks, run_page

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_blocks_of_a_page_run(
    name: str, server: EmulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, in one namespace, with no more set than a reader was told to set."""
    for variable in ("AIML_API_KEY", "POWERTOKENS_API_KEY", "ANYFAST_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
    monkeypatch.chdir(tmp_path)
    if name == "docs/observability.md":
        pytest.importorskip("opentelemetry.sdk", reason="comes with the extra `test`")
    run_page(ROOT / name, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_page_exist(name: str) -> None:
    """Make targets, extras, modules and scripts; and no block is of a language nobody checks."""
    for block in blocks(ROOT / name):
        assert block.language in ("python", "text", "console"), f"{block.where}: {block.language!r}"
        if block.language != "console":
            continue
        for line in block.text.splitlines():
            command = line.partition("#")[0].strip()
            for target in re.findall(r"\bmake((?: [a-z-]+)+)", command):
                for one in target.split():
                    assert re.search(rf"^{one}:", MAKEFILE, re.M), f"{block.where}: make {one}"
            for extras in re.findall(r"(?:aimlapi-integrations|\.)\[([a-z,-]+)\]", command):
                for extra in extras.split(","):
                    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.M), block.where
            for script in re.findall(r"python3? ([a-z]+/\S+\.py)", command):
                assert (ROOT / script).is_file(), f"{block.where}: {script}"
            for module in re.findall(r"python3? -m (aimlapi_\w+)", command):
                assert (ROOT / module / "__main__.py").is_file(), f"{block.where}: {module}"


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_a_page_resolve(name: str) -> None:
    """A link into the repository names a file that is there and, in its title, a test that is in it."""
    page = ROOT / name
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target, title in re.findall(r"\[[^\]]*\]\(([^)\s]+)(?: \"([^\"]*)\")?\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{name}: {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{name}: {target}"
        if linked.parts[len(ROOT.parts)] == "tests":
            assert title, f"{name}: {target} names no test"
            assert re.search(rf"^(async )?def {title}\(", linked.read_text(), re.M), f"{name}: {title}"


def test_every_line_of_the_comparison_links_to_a_test() -> None:
    (table,) = re.findall(
        r"^\| `ChatAIMLAPI`, `AIMLAPI` \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", (ROOT / "README.md").read_text(), re.M
    )
    rows = table.splitlines()
    assert len(rows) > 10
    assert [row for row in rows if not re.match(r'\| \[[^\]]+\]\(tests/\S+ "test_\w+"\)', row)] == []


def anchors(page: Path) -> set[str]:
    """What links may point to: the headings, as MkDocs and GitHub spell them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
