"""The table of distributions: every file is in exactly one, and each requires what it imports and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def load(name: str) -> ModuleType:
    """A program of tools/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


table = load("distributions")
ROWS = table.DISTRIBUTIONS
OURS = {module: row.name for row in ROWS for module in row.packages}  # folder -> distribution


def sources(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_every_file_is_in_exactly_one_distribution() -> None:
    """What the wheel of the whole tree holds, the distributions hold between them."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^packages = \[\n(.*?)\]", project[: project.index("sdist")], re.M | re.S)
    whole = [path for package in re.findall(r'"(\w+)"', listed) for path in sources(ROOT / package)]
    parts = [path for package in OURS for path in sources(ROOT / package)]
    assert len(OURS) == sum(len(row.packages) for row in ROWS)
    assert sorted(parts) == sorted(whole)


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules that a file names: by import, by `import_module` and `find_spec`, or in a table of lazy names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "find_spec", "Row"):  # Row: a command of `aimlapi`, by its module
                yield str(node.args[0].value)


def needs(package: str) -> set[str]:
    """The distributions that the files of a package name; for what no row of ours has, the module's own name."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
            top = name.partition(".")[0]
            if top == "zoneinfo":
                found.add("tzdata")  # where the system has no list of time zones, as Windows
            if top in sys.stdlib_module_names or top in ("", package, "tomllib", "sre_parse"):
                continue
            found.add(OURS.get(top, top))
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_distribution_requires_what_it_imports(row: object) -> None:
    modules = {name for package in row.packages for name in needs(package)}  # type: ignore[attr-defined]  # tools/ is not typed
    optional = {OURS.get(name, name) for name in row.optional}  # type: ignore[attr-defined]
    assert optional <= modules, "an optional module is imported nowhere"
    assert not optional & {table.base_name(one) for one in table.PROJECT["dependencies"]}, "the tree requires it"
    wanted = {table.BROUGHT_BY.get(name, name.replace("_", "-")) for name in modules - optional}
    declared = {table.base_name(one) for one in table.requirements(row)}
    if row.packages:  # type: ignore[attr-defined]
        assert declared == wanted - {row.name}  # type: ignore[attr-defined]


def test_ours_are_required_in_the_same_version_and_others_in_a_range() -> None:
    for row in ROWS:
        lists = [table.requirements(row), *table.extras(row).values()]
        for one in (one for wanted in lists for one in wanted):
            if table.base_name(one) in table.BY_NAME:
                assert one.endswith(f"=={table.VERSION}"), one
            else:
                assert re.search(r">=\d", one), one


def test_every_extra_of_the_tree_is_one_of_the_whole() -> None:
    """`pip install 'aimlapi-integrations[batch]'`, which messages and guides name, works for both."""
    extras = set(table.PROJECT["optional-dependencies"])
    assert set(table.extras(table.BY_NAME["aimlapi-integrations"])) == extras - {
        "demo",
        "test",
        "notebooks",
        "bench",
        "docs",
        "dist",
        "dev",
    }


def test_the_version_is_above_the_older_langchain_aimlapi() -> None:
    """The package index has `langchain-aimlapi` 0.1.3, of the provider: an upgrade has to be newer."""
    assert tuple(map(int, table.VERSION.split(".")[:3])) > (0, 1, 3)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_tree_of_a_distribution_is_complete(row: object, tmp_path: Path) -> None:
    table.stage(row, tmp_path)
    parsed = table.tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))
    assert parsed["project"]["name"] == row.name  # type: ignore[attr-defined]
    assert parsed["project"]["dependencies"] == table.requirements(row)
    for name in (*parsed["project"]["license-files"], parsed["project"]["readme"]):
        assert (tmp_path / name).is_file()
    staged = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    code = {path.relative_to(ROOT) for package in row.packages for path in sources(ROOT / package)}  # type: ignore[attr-defined]
    assert code <= staged
    assert {str(path) for path in staged - code} == {"pyproject.toml", "README.md", *table.FILES}
    assert all((tmp_path / package / "py.typed").is_file() for package in row.packages)  # type: ignore[attr-defined]
    assert (ROOT / "tools/smoke" / f"{row.name}.py").is_file()  # type: ignore[attr-defined]


def test_scripts_and_plugins_are_in_one_distribution_each() -> None:
    scripts: list[str] = []
    plugins: list[str] = []
    for row in ROWS:
        project = table.tomllib.loads(table.pyproject(row))["project"]
        scripts += project.get("scripts", {})
        plugins += project.get("entry-points", {}).get("pytest11", {})
    assert (scripts, plugins) == (["aimlapi"], ["aimlapi_emulator"])


def test_llamahub_finds_the_classes() -> None:
    found = {}
    for row in ROWS:
        tool = table.tomllib.loads(table.pyproject(row))["tool"]
        if "llamahub" in tool:
            found[tool["llamahub"]["import_path"]] = sorted(tool["llamahub"]["class_authors"])
    assert found == {
        "llama_index.llms.aimlapi": ["AIMLAPI"],
        "llama_index.embeddings.aimlapi": ["AIMLAPIEmbedding"],
        "llama_index.tools.aimlapi": ["AIMLAPIToolSpec"],
        "llama_index.readers.aimlapi": ["AIMLAPIOCRReader", "AIMLAPITranscriptReader"],
    }


def test_the_page_about_packages_has_a_line_for_each() -> None:
    page = (ROOT / "docs/packages.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.M) == [row.name for row in ROWS]


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.name not in ("aimlapi-cli", "aimlapi-batch")], ids=lambda row: row.name
)
def test_the_program_of_a_distribution_runs(row: object) -> None:
    """Here beside all others; `make dist` and `make check-wheel` run it with its distribution alone."""
    runpy.run_path(str(ROOT / "tools/smoke" / f"{row.name}.py"))  # type: ignore[attr-defined]


def test_the_lines_that_the_package_index_shows_of_a_distribution_run(
    aimlapi_emulator_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", aimlapi_emulator_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "any")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("text\nHello\n", encoding="utf-8")
    for row in ROWS:
        exec(compile(row.usage, row.name, "exec"), {})


def test_the_guide_names_the_oldest_versions_that_are_supported() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    guide = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    (python,) = re.findall(r'^requires-python = ">=([\d.]+)"', project, re.M)
    assert f"Python {python} or newer" in guide
    for package, extra in (("langchain-core", "langchain"), ("llama-index-core", "llama-index")):
        (oldest,) = re.findall(rf'^{extra} = \["{package}>=([\d.]+)', project, re.M)
        assert f"`{package}` {oldest} or newer" in guide
