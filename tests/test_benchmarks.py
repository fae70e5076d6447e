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
