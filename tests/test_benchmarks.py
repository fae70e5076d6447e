"""The benchmark runs: what it measures depends on the machine, whether it measures does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_row_of_each_kind_is_measured() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--rows", "import,calls,reconnects"]
    done = subprocess.run([*command, "--subjects", "AIMLAPI"], cwd=ROOT, capture_output=True, text=True, check=True)
    figures = [line for line in done.stdout.splitlines() if line.startswith("  AIMLAPI")]
    assert len(figures) == 3
    assert not [line for line in figures if " - " in line]


def test_pages_show_the_newest_run() -> None:
    """`python -m tests.benchmarks --from tests/benchmarks/results/<date>.json` writes them again."""
    from tests.benchmarks.pages import PLACES, newest, written

    results, about = newest()
    for page, mark, content in PLACES:
        text = page.read_text(encoding="utf-8")
        assert text == written(text, mark, content(results, about)), page.name


def test_the_table_for_users_is_short() -> None:
    from tests.benchmarks.pages import SHOWN
    from tests.benchmarks.rows import ROWS

    assert len(SHOWN) <= 15
    assert SHOWN.keys() <= {row.key for row in ROWS}
