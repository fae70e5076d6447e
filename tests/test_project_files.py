"""The files that only the code host reads: they fit its schemas, and say the same as the rest of the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.dependabot": [ROOT / ".github/dependabot.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
    "vendor.github-issue-forms": [
        ROOT / ".github/ISSUE_TEMPLATE" / name for name in ("bug.yml", "model.yml", "wish.yml")
    ],
    "vendor.github-issue-config": [ROOT / ".github/ISSUE_TEMPLATE/config.yml"],
}


def parsed(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps() -> list[dict[str, Any]]:
    return [step for path in WORKFLOWS for job in parsed(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_fits_its_schema(schema: str) -> None:
    check = pytest.importorskip("check_jsonschema", reason="a tool of the extra `dev`; its schemas are in the package")
    with pytest.raises(SystemExit) as ended:
        check.main(["--default-filetype", "yaml", "--builtin-schema", schema, *map(str, SCHEMAS[schema])])
    assert ended.value.code == 0


def test_workflows_run_targets_that_there_are() -> None:
    commands = [line for step in steps() for line in step.get("run", "").splitlines()]
    named = [target for line in commands for target in re.findall(r"\bmake((?: [a-z-]+)+)", line)]
    assert named
    for target in " ".join(named).split():
        assert re.search(rf"^{target}\b.*:", MAKEFILE, re.M), target


def test_actions_are_pinned_to_a_version() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", name) for name in used), used


def test_a_job_may_write_only_what_it_needs() -> None:
    for path in WORKFLOWS:
        workflow = parsed(path)
        assert workflow["permissions"] == {"contents": "read"}, path.name
        assert all("runs-on" in job for job in workflow["jobs"].values())


def test_the_matrix_has_every_python_that_is_tried() -> None:
    matrix = parsed(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    tried = re.search(r"^PYTHONS = \((.*)\)$", (ROOT / "tools/build_dist.py").read_text(encoding="utf-8"), re.M)
    assert tried is not None and matrix["python"] == re.findall(r'"(3\.\d+)"', tried[1])


def test_hooks_run_what_the_makefile_runs() -> None:
    (local,) = parsed(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"  # one version of ruff: that of the extra `dev`
    assert {"ruff-format", "ruff"} <= {hook["id"] for hook in local["hooks"]}
