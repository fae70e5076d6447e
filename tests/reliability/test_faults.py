"""Every fault of the contract, by every call of both frameworks: the table is `faults.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aimlapi_emulator.faults.table import FAULTS as EMULATED
from tests.reliability.fault_runner import Places, places, wrong
from tests.reliability.faults import FAULTS, Fault
from tests.reliability.forms import FORMS, Form

RUNS = [(fault, form) for fault in FAULTS for form in FORMS if fault.expected(form.kind) is not None]
USED_BY_LIFE_CHECKS = {"F002": "fault-echo", "F085": "fault-endless", "F086": "fault-close-after-answer"}


@pytest.fixture(scope="module")
def at() -> Iterator[Places]:
    with places() as found:
        yield found


@pytest.mark.parametrize(("fault", "form"), RUNS, ids=[f"{fault.number}-{fault.name}-{form}" for fault, form in RUNS])
def test_a_fault_comes_to_what_the_contract_says(fault: Fault, form: Form, at: Places) -> None:
    assert wrong(fault, form, at) == []


@pytest.mark.parametrize("number", ["F006", "F013"])
@pytest.mark.parametrize("form", [FORMS[0], FORMS[7]], ids=str)
def test_pauses_are_really_waited_for(number: str, form: Form, at: Places) -> None:
    fault = next(fault for fault in FAULTS if fault.number == number)
    assert wrong(fault, form, at, injected=False) == []


def test_no_number_is_missing() -> None:
    """The contract's F001 to F116 once each, F117 found since, and none of the emulator's faults left out."""
    numbers = sorted([fault.number for fault in FAULTS] + list(USED_BY_LIFE_CHECKS))
    assert numbers == [f"F{n:03}" for n in range(1, 118)]
    named = {fault.name for fault in FAULTS if fault.place == "emulator"} | set(USED_BY_LIFE_CHECKS.values())
    assert named == set(EMULATED)


def test_the_table_has_the_contracts_390_runs_in_each_framework() -> None:
    contract = [fault for fault in FAULTS if fault.number <= "F116"]
    assert sum(2 * (fault.whole is not None) + 2 * (fault.stream is not None) for fault in contract) == 390


def test_the_runner_sees_what_is_wrong(at: Places) -> None:
    """Each expectation can fail: another row's is not met."""
    by_number = {fault.number: fault for fault in FAULTS}
    pairs = [("F001", "F054"), ("F004", "F006"), ("F014", "F013"), ("F024", "F023"), ("F101", "F100"), ("F049", "F055")]
    for one, other in pairs:
        crossed = Fault(one, by_number[one].name, *[by_number[other].stream] * 3)
        assert wrong(crossed, FORMS[1], at) != []
    assert re.match(r"F\d{3}$", FAULTS[0].number) and Path(__file__).with_name("faults.py").exists()
