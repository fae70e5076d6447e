"""Prints the reliability contract with what each call came to: `make reliability`. Ends with 1 where anything failed."""

from __future__ import annotations

import sys
import traceback
import warnings

from aimlapi_emulator.server.run import emulator
from tests.reliability.fault_runner import places, wrong
from tests.reliability.faults import FAULTS
from tests.reliability.forms import FORMS
from tests.reliability.kinds import KINDS
from tests.reliability.life import CHECKS


def faults() -> list[str]:
    """The table of faults; returns the lines about what failed."""
    print(f"{'':5} {'fault':<32}" + "".join(f"{form.name[:13]:>14}" for form in FORMS))
    failures, runs = [], 0
    with places() as at:
        for fault in FAULTS:
            cells = []
            for form in FORMS:
                if fault.expected(form.kind) is None:
                    cells.append("-")
                    continue
                found = wrong(fault, form, at)
                runs += 1
                cells.append("FAIL" if found else "pass")
                failures += [f"{fault.number} {fault.name} {form}: {line}" for line in found]
            print(f"{fault.number:5} {fault.name:<32}" + "".join(f"{cell:>14}" for cell in cells), flush=True)
    print(f"{runs - len({line.partition(':')[0] for line in failures})} of {runs} runs passed\n")
    return failures


def life() -> list[str]:
    """The table of life-cycle checks."""
    print(f"{'life-cycle check':<30}" + "".join(f"{kind:>14}" for kind in KINDS))
    failures = []
    with emulator() as server:
        for name, check in CHECKS.items():
            cells = []
            for kind in KINDS.values():
                try:
                    check(kind, server.base_url)
                    cells.append("pass")
                except Exception as error:
                    cells.append("FAIL")
                    failures.append(f"{name} {kind}: {''.join(traceback.format_exception_only(error)).strip()[:500]}")
            print(f"{name:<30}" + "".join(f"{cell:>14}" for cell in cells), flush=True)
    runs = len(CHECKS) * len(KINDS)
    print(f"{runs - len(failures)} of {runs} runs passed\n")
    return failures


def main() -> int:
    warnings.simplefilter("ignore")
    failures = faults() + life()
    print(*failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
