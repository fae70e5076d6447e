"""`aimlapi doctor`: what works, what does not, and what to do. To add a check, write one and add it to `CHECKS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from aimlapi_cli.checks_account import account, call
from aimlapi_cli.checks_machine import configuration, packages, python
from aimlapi_cli.checks_network import address, catalogue, clock, dns, key, proxy, tls
from aimlapi_cli.exits import explain
from aimlapi_cli.findings import LEFT_OUT, OK, WRONG, Line, Patient
from aimlapi_cli.session import ApiKey, AsJson, BaseUrl, console
from aimlapi_cli.tables import show
from aimlapi_transport.errors import AIMLAPIError

_SIGNS = {OK: ("ok   ", "green"), WRONG: ("WRONG", "red"), LEFT_OUT: ("-    ", "dim")}
CHECKS: tuple[Callable[[Patient], Iterator[Line]], ...] = (
    python,
    packages,
    configuration,
    address,
    key,
    proxy,
    dns,
    tls,
    catalogue,
    clock,
    account,
    call,
)


def _found(check: Callable[[Patient], Iterator[Line]], patient: Patient) -> Iterator[Line]:
    """What a check finds; one that cannot be made is a finding, too, and ends no other."""
    try:
        yield from check(patient)
    except (AIMLAPIError, OSError) as error:
        yield Line(check.__name__, WRONG, explain(error)[0] or type(error).__name__, "This check could not be made.")


def doctor(
    with_call: Annotated[
        bool, typer.Option("--call", help="One call on the cheapest model, too: it costs a little.")
    ] = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Looks at Python, packages, key, network and account.

    A line that is wrong says what to do; then the exit code is 1.

    [dim]aimlapi doctor --call[/dim]
    """
    patient = Patient(base_url, api_key, with_call)
    lines: list[Line] = []
    from rich.text import Text

    out = console()
    for check in CHECKS:
        if not patient.has_configuration:
            break
        for line in _found(check, patient):
            lines.append(line)
            if not as_json:
                sign, style = _SIGNS[line.state]
                out.print(Text.assemble((sign, style), " ", (line.what, "bold"), f"  {line.found}"))
                if line.advice:
                    out.print(Text(f"      -> {line.advice}", style="yellow"))
    if as_json:
        show([vars(line) for line in lines], (), as_json=True)
    if any(line.state == WRONG for line in lines):
        raise typer.Exit(1)
