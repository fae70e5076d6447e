"""`aimlapi doctor`: what works, what does not, and what to do. To add a check, write one and add it to `CHECKS`."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Annotated, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import typer

from aimlapi_cli.config import load
from aimlapi_cli.session import ApiKey, AsJson, BaseUrl, client, connection, console
from aimlapi_cli.tables import show
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    AuthenticationError,
    BadResponseError,
    PermissionDeniedError,
)

OK, WRONG, LEFT_OUT = "ok", "wrong", "left out"
_SIGNS = {OK: ("ok   ", "green"), WRONG: ("WRONG", "red"), LEFT_OUT: ("-    ", "dim")}
_SECONDS = 10.0  # for each question to the network
_SKEW = 120  # seconds that a clock may be off
_PACKAGES = ("aimlapi-integrations", "langchain-core", "llama-index-core", "httpx", "orjson", "pydantic")
_OLD = "langchain-aimlapi"  # another distribution with the same import name


@dataclass
class Line:
    """What a check found.

    Attributes:
        advice: what to do; empty where nothing is wrong.
    """

    what: str
    state: str
    found: str
    advice: str = ""


@dataclass
class Patient:
    """What is looked at, and what earlier checks found."""

    base_url: str | None
    api_key: str | None
    call: bool
    address: str = ""
    key_works: bool = False
    is_reachable: bool = True
    date: str | None = None
    models: list[Any] = field(default_factory=list)

    @property
    def client(self) -> Any:
        return client(self.base_url, self.api_key, max_retries=0, timeout=_SECONDS)


def doctor(
    call: Annotated[
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
    patient = Patient(base_url, api_key, call)
    lines: list[Line] = []
    from rich.text import Text

    out = console()
    for check in CHECKS:
        for line in check(patient):
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


# -- the machine -------------------------------------------------------------------------------------------------------


def python(_: Patient) -> Iterator[Line]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Line("Python", OK, f"{version} in {sys.prefix}")


def packages(_: Patient) -> Iterator[Line]:
    versions = {name: found for name in _PACKAGES if (found := _version(name))}
    yield Line("packages", OK, ", ".join(f"{name} {version}" for name, version in versions.items()))
    old = _version(_OLD)
    if old:
        yield Line(
            "clash",
            WRONG,
            f"{_OLD} {old} has the same import name, `langchain_aimlapi`",
            f"pip uninstall {_OLD}, then pip install --force-reinstall --no-deps aimlapi-integrations",
        )
    for name in versions:
        for problem in _unmet(name):
            yield Line("clash", WRONG, problem, f"pip install --upgrade {name}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _unmet(name: str) -> Iterator[str]:
    """Requirements of a package that what is installed does not meet."""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return
    for text in metadata.requires(name) or ():
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        found = _version(needed.name)
        if found is not None and not needed.specifier.contains(found, prereleases=True):
            yield f"{name} wants {needed.name} {needed.specifier}, and {found} is installed"


# -- key and address ---------------------------------------------------------------------------------------------------


def key(patient: Patient) -> Iterator[Line]:
    from aimlapi_transport.config.settings import Settings

    settings = Settings(**connection(patient.base_url, patient.api_key))
    patient.address = settings.base_url
    where = "--api-key" if patient.api_key else None
    configured = load().defaults.key_variable
    for name in [configured] if configured else settings.preset.key_variables:
        if where is None and os.environ.get(name, "").strip():
            where = name
    try:
        found = settings.read_key().value
    except AuthenticationError as error:
        advice = "" if where is None else "Copy it again."
        state = LEFT_OUT if where is None else WRONG
        found = "none; what needs one is left out" if where is None else error.message
        variable = settings.preset.key_variables[0]
        yield Line("key", state, found, advice or f"Set {variable}; keys are made at https://aimlapi.com/app/keys")
        return
    patient.key_works = True
    yield Line("key", OK, f"in {where}, {len(found)} characters, ends in {found[-4:] if len(found) > 12 else '...'}")


def address(patient: Patient) -> Iterator[Line]:
    given = (
        "--base-url or AIMLAPI_API_BASE" if patient.base_url or os.environ.get("AIMLAPI_API_BASE") else "the default"
    )
    yield Line("address", OK, f"{patient.address} ({given})")


# -- the way there -----------------------------------------------------------------------------------------------------


def proxy(patient: Patient) -> Iterator[Line]:
    parts = urlsplit(patient.address)
    found = getproxies().get(parts.scheme) or getproxies().get("all")
    if not found or proxy_bypass(parts.hostname or ""):
        yield Line("proxy", OK, "none")
        return
    server = urlsplit(found if "://" in found else f"http://{found}")
    shown = f"{server.hostname}:{server.port or 80}"
    try:
        socket.create_connection((server.hostname or "", server.port or 80), _SECONDS).close()
    except OSError as error:
        patient.is_reachable = False
        advice = "Correct HTTPS_PROXY (or ALL_PROXY), or add the host to NO_PROXY."
        yield Line("proxy", WRONG, f"{shown} does not answer: {error.strerror or error}", advice)
        return
    yield Line("proxy", OK, shown)


def dns(patient: Patient) -> Iterator[Line]:
    if not patient.is_reachable:
        return
    parts = urlsplit(patient.address)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = sorted({str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except OSError as error:
        if getproxies():
            yield Line("DNS", LEFT_OUT, f"{host} is for the proxy to find")
            return
        patient.is_reachable = False
        yield Line(
            "DNS", WRONG, f"{host} is not found: {error.strerror or error}", "Is there a network? Is the address right?"
        )
        return
    yield Line("DNS", OK, f"{host} is {', '.join(found[:3])}")


def tls(patient: Patient) -> Iterator[Line]:
    parts = urlsplit(patient.address)
    if not patient.is_reachable or parts.scheme != "https" or getproxies():
        return
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            yield Line("TLS", OK, f"{secure.version()}, the certificate is trusted")
    except ssl.SSLCertVerificationError as error:
        patient.is_reachable = False
        advice = "Something between you and the host opens the connection; SSL_CERT_FILE may name its certificate."
        yield Line("TLS", WRONG, f"the certificate is not trusted: {error.verify_message}", advice)
    except OSError as error:
        patient.is_reachable = False
        advice = "Does a firewall keep you from it? Does the network want a sign-in first?"
        yield Line("TLS", WRONG, f"{host}:{port} does not answer: {error.strerror or error}", advice)


def catalogue(patient: Patient) -> Iterator[Line]:
    if not patient.is_reachable:
        yield Line("models", LEFT_OUT, "not reachable")
        return
    begun = time.perf_counter()
    try:
        patient.models = patient.client.models(include="all")
    except BadResponseError as error:
        patient.is_reachable = False
        advice = "A page that wants you to sign in to the network? Open a browser, then try again."
        yield Line("models", WRONG, error.message, advice)
    except APIConnectionError as error:
        patient.is_reachable = False
        yield Line("models", WRONG, error.message, "Is a server there? Is the address right, up to /v1?")
    except AIMLAPIError as error:
        yield Line("models", WRONG, str(error), "Is the address right, up to /v1?")
    else:
        yield Line("models", OK, f"{len(patient.models)} in {time.perf_counter() - begun:.2f} s; needs no key")


def clock(patient: Patient) -> Iterator[Line]:
    if not patient.is_reachable:
        return
    import httpx

    try:
        date = httpx.head(patient.address, timeout=_SECONDS).headers.get("date")
        skew = parsedate_to_datetime(date).timestamp() - time.time() if date else None
    except (httpx.HTTPError, ValueError, TypeError):
        skew = None
    if skew is None:
        yield Line("clock", LEFT_OUT, "the server does not tell the time")
    elif abs(skew) > _SKEW:
        yield Line(
            "clock", WRONG, f"{abs(skew):,.0f} s off", "Let the system set its clock: certificates depend on it."
        )
    else:
        yield Line("clock", OK, "right")


# -- the account -------------------------------------------------------------------------------------------------------


def account(patient: Patient) -> Iterator[Line]:
    if not patient.key_works or not patient.is_reachable:
        return
    ours = patient.client
    try:
        found = ours.key()
    except AuthenticationError as error:
        patient.key_works = False
        yield Line("key is taken", WRONG, error.message, "Make a new key: https://aimlapi.com/app/keys")
        return
    except AIMLAPIError as error:
        yield Line("key is taken", WRONG, str(error))
    else:
        state = WRONG if found.is_disabled else OK
        may = ", ".join(found.scopes) if found.scopes else "everything"
        named = f"{found.name or 'without a name'}, for {may}"
        advice = "Enable it, or use another." if found.is_disabled else ""
        yield Line("key is taken", state, named + (", but it is disabled" if found.is_disabled else ""), advice)
    try:
        ours.keys.list()
        yield Line("kind of key", OK, "management: it may make and delete keys")
    except PermissionDeniedError:
        yield Line("kind of key", OK, "regular")
    except AIMLAPIError:
        yield Line("kind of key", LEFT_OUT, "not reported")
    try:
        left = ours.balance()
    except AIMLAPIError as error:
        yield Line("balance", WRONG, str(error))
    else:
        empty = left.usd <= 0
        advice = "Top up: https://aimlapi.com/app/billing/ (calls are refused with 403)" if empty else ""
        yield Line("balance", WRONG if empty else OK, f"${left.usd:,.2f}", advice)


def call(patient: Patient) -> Iterator[Line]:
    if not patient.key_works or not patient.is_reachable:
        return
    if not patient.call:
        yield Line("a call", LEFT_OUT, "costs a little: pass --call")
        return
    model = cheapest(patient.models)
    if model is None:
        yield Line("a call", LEFT_OUT, "the catalogue tells no prices")
        return
    messages = [{"role": "user", "content": "Say hi."}]
    for what, ask in (("a call", _whole), ("a stream", _stream)):
        begun = time.perf_counter()
        try:
            cost = ask(patient.client, model, messages)
        except AIMLAPIError as error:
            yield Line(what, WRONG, f"{model}: {error}", "See docs/errors-and-retries.md")
        else:
            price = "" if cost is None else f", ${cost:.6f}"
            yield Line(what, OK, f"{model} answered in {time.perf_counter() - begun:.2f} s{price}")


def _whole(ours: Any, model: str, messages: Any) -> float | None:
    completion = ours.chat(model, messages, max_tokens=16)
    return completion.cost.usd if completion.cost else None


def _stream(ours: Any, model: str, messages: Any) -> float | None:
    cost = None
    for delta in ours.stream_chat(model, messages, max_tokens=16):
        if delta.completion is not None and delta.completion.cost is not None:
            cost = delta.completion.cost.usd
    return cost


def cheapest(models: list[Any]) -> str | None:
    """The id of the chat model with the lowest price for output."""
    priced = [
        (price.each, model.id)
        for model in models
        if any(path.endswith("/chat/completions") for path in model.endpoints)
        and model.pricing is not None
        and (price := model.pricing.price("output")) is not None
        and price.amount > 0
    ]
    return min(priced)[1] if priced else None


CHECKS: tuple[Callable[[Patient], Iterator[Line]], ...] = (
    python,
    packages,
    key,
    address,
    proxy,
    dns,
    tls,
    catalogue,
    clock,
    account,
    call,
)
