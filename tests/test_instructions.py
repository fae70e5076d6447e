"""A chunk costs no more instructions than it did: depends on no clock. `python -m tests.benchmarks.counting` records anew."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.benchmarks.counting import RECORD, ROOT, version

RECORDED = json.loads(RECORD.read_text()).get(version())
MOST = 1.10


@pytest.mark.skipif(RECORDED is None, reason="recorded for other versions of Python")
def test_a_chunk_costs_no_more_than_it_did() -> None:
    """In a process of its own: no tracer of another test, nothing that another test has patched."""
    code = "import json; from tests.benchmarks.counting import counts; print(json.dumps(counts()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found.keys() == RECORDED.keys()
    dearer = {name: (count, RECORDED[name]) for name, count in found.items() if count > RECORDED[name] * MOST}
    assert dearer == {}, "instructions a chunk, now and recorded; see tests/benchmarks/counting.py"
