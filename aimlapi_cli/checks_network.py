"""Checks of the way to the provider for `aimlapi doctor`: key, address, proxy, DNS, TLS, catalogue, clock."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from aimlapi_cli.config import load
from aimlapi_cli.findings import LEFT_OUT, OK, SECONDS, WRONG, Line, Patient
from aimlapi_cli.session import connection
from aimlapi_transport.config.hosts import AIMLAPI
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    AuthenticationError,
    BadResponseError,
    InvalidRequestError,
)

_SKEW = 120  # seconds that a clock may be off
_KEYS = "https://aimlapi.com/app/keys"
# What keys of others begin with -> whose they are.
_OTHERS = {
    "sk-ant-": "Anthropic",
    "sk-or-": "OpenRouter",
    "sk-proj-": "OpenAI",
    "sk-svcacct-": "OpenAI",
    "AIza": "Google",
    "gsk_": "Groq",
    "hf_": "Hugging Face",
    "xai-": "xAI",
    "r8_": "Replicate",
    "pplx-": "Perplexity",
    "lsv2_": "LangSmith",
    "llx-": "LlamaCloud",
    "ghp_": "GitHub",
    "AKIA": "AWS",
}
_PLACEHOLDER = re.compile(r"(?i)[<>{}$]|your[-_ ]|api[-_]?key|\.\.\.|^x+$|^changeme$|^none$|^null$")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


def address(patient: Patient) -> Iterator[Line]:
    """Where to, and who says so; two variables that say different things are no address."""
    from aimlapi_transport.config.hosts import preset_for
    from aimlapi_transport.config.settings import Settings, environment_address

    try:
        settings = Settings(base_url=connection(patient.base_url, "")["base_url"])
        named = environment_address(settings.preset)
    except InvalidRequestError as error:
        patient.is_reachable = False
        yield Line("address", WRONG, error.message, _address_advice(patient))
        return
    patient.address = settings.base_url
    if patient.base_url:
        given = "--base-url"
    elif named is not None:
        given = named.variable
    else:
        given = str(load().path) if load().defaults.base_url else "the default"
    host = preset_for(patient.address)
    is_known = urlsplit(patient.address).hostname == urlsplit(host.base_url).hostname
    if is_known and not _has_version(patient.address) and _has_version(host.base_url):
        yield Line("address", WRONG, f"{patient.address} ({given}) has no /v1", f"Set it to {host.base_url}")
        return
    yield Line("address", OK, f"{patient.address} ({given})")


def _address_advice(patient: Patient) -> str:
    """Where the wrong address is to be corrected."""
    if patient.base_url:
        return "Correct --base-url; addresses end in /v1."
    if any(os.environ.get(name, "").strip() for name in AIMLAPI.base_variables):
        return "AIMLAPI_API_BASE is the name to keep; addresses end in /v1."
    return f"Correct `base_url` in {load().path}; addresses end in /v1."


def _has_version(address: str) -> bool:
    return re.search(r"/v\d+$", address) is not None


def key(patient: Patient) -> Iterator[Line]:
    """Whether there is a key, and whether it can be one of this provider; never shown but for its end."""
    from aimlapi_transport.config.settings import Settings

    variable = load().defaults.key_variable
    shown_variable = load().defaults.shown_variable
    where = "--api-key" if patient.api_key else shown_variable
    try:
        settings = Settings(base_url=patient.address or None, api_key=connection(None, patient.api_key)["api_key"])
        names = settings.preset.key_variables
        set_names = [name for name in names if os.environ.get(name, "").strip()]
        where = where or next(iter(set_names), None)
        found = settings.read_key().value
    except AuthenticationError as error:
        advice = "Copy it again." if where else f"Set AIMLAPI_API_KEY; keys are made at {_KEYS}"
        if variable is not None and not patient.api_key and not os.environ.get(variable, "").strip():
            advice = f"Set {shown_variable}, or name another variable in {load().path}; keys are made at {_KEYS}"
        text = error.message if where else "none; what needs one is left out"
        yield Line("key", WRONG if where else LEFT_OUT, text, advice)
        return
    except InvalidRequestError:  # of the address, which has a line of its own
        return
    patient.key_works = True
    shown = f"in {where}, {len(found)} characters, ends in {found[-4:] if len(found) > 12 else '...'}"
    problem = _problem_of(found) if settings.preset.name == "aimlapi" else None
    if problem is not None:
        yield Line("key", WRONG, f"{shown}: {problem}", f"Copy a key of AI/ML API: {_KEYS}")
        return
    yield Line("key", OK, shown)
    values = {os.environ[name].strip() for name in set_names}
    if len(values) > 1 and where in set_names:
        others = " and ".join(name for name in set_names if name != where)
        yield Line("other key", WRONG, f"{others} holds another key than {where}, which is used", f"Unset {others}.")


def _problem_of(found: str) -> str | None:
    """Why a key can be none of AI/ML API; None where it can."""
    for prefix, owner in _OTHERS.items():
        if found.startswith(prefix):
            return f"it begins as those of {owner} do"
    if found[0] in "\"'`" or found[-1] in "\"'`":
        return "it is in quotes, which are sent along"
    if found.lower().startswith("bearer"):
        return "it begins with `Bearer`, which is added by itself"
    return "it is a placeholder" if _PLACEHOLDER.search(found) else None


# -- the way there -----------------------------------------------------------------------------------------------------


def proxy(patient: Patient) -> Iterator[Line]:
    """The proxy of the environment: that it can be used, and that it answers."""
    from aimlapi_transport.http.proxies import environment_proxy, proxy_problem

    if not patient.address:
        return
    found = environment_proxy(patient.address)
    if found is None:
        yield Line("proxy", OK, "none")
        return
    patient.has_proxy = True
    problem = proxy_problem(found)
    if problem is not None:
        patient.is_reachable = False
        yield Line("proxy", WRONG, problem, f"Correct {found.source}, or add the host to NO_PROXY.")
        return
    server = urlsplit(found.url)
    port = server.port or _PORTS.get(server.scheme, 80)
    try:
        socket.create_connection((server.hostname or "", port), SECONDS).close()
    except OSError as error:
        patient.is_reachable = False
        advice = f"Correct {found.source}, or add the host to NO_PROXY."
        yield Line("proxy", WRONG, f"{server.hostname}:{port} does not answer: {error.strerror or error}", advice)
        return
    yield Line("proxy", OK, found.name)


def dns(patient: Patient) -> Iterator[Line]:
    """The host's name."""
    if not patient.is_reachable:
        return
    parts = urlsplit(patient.address)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = sorted({str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except OSError as error:
        if patient.has_proxy:
            yield Line("DNS", LEFT_OUT, f"{host} is for the proxy to find")
            return
        patient.is_reachable = False
        reason = f"{host} is not found: {error.strerror or error}"
        yield Line("DNS", WRONG, reason, "Is there a network? Is the address right?")
        return
    yield Line("DNS", OK, f"{host} is {', '.join(found[:3])}")


def tls(patient: Patient) -> Iterator[Line]:
    """The certificate; through a proxy, the catalogue's request shows it."""
    parts = urlsplit(patient.address)
    if not patient.is_reachable or parts.scheme != "https" or patient.has_proxy:
        return
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            yield Line("TLS", OK, f"{secure.version()}, the certificate is trusted")
    except ssl.SSLCertVerificationError as error:
        patient.is_reachable = False
        advice = "Something between you and the host opens the connection; SSL_CERT_FILE may name its certificate."
        if re.search("expired|not yet valid", error.verify_message):
            advice = f"Is this machine's clock right? It says {time.strftime('%Y-%m-%d %H:%M %z')}."
        yield Line("TLS", WRONG, f"the certificate is not trusted: {error.verify_message}", advice)
    except OSError as error:
        patient.is_reachable = False
        advice = "Does a firewall keep you from it? Does the network want a sign-in first?"
        yield Line("TLS", WRONG, f"{host}:{port} does not answer: {error.strerror or error}", advice)


def catalogue(patient: Patient) -> Iterator[Line]:
    """The first request, which needs no key; where it fails, whether it is for want of `/v1`."""
    if not patient.is_reachable:
        yield Line("models", LEFT_OUT, "not reachable")
        return
    begun = time.perf_counter()
    try:
        patient.models = patient.client.models(include="all")
    except APIConnectionError as error:
        patient.is_reachable = False
        yield Line("models", WRONG, error.message, "Is a server there? Is the address right, up to /v1?")
    except AIMLAPIError as error:
        if isinstance(error, InvalidRequestError) and error.status_code is None:  # nothing was sent
            patient.is_reachable = False
            yield Line("models", WRONG, error.message, "Correct that first: nothing can be sent.")
        elif _answers_under_v1(patient):
            patient.is_reachable = False
            yield Line("address", WRONG, f"{patient.address} has no /v1", f"Set it to {patient.address}/v1")
        elif isinstance(error, BadResponseError):
            patient.is_reachable = False
            advice = "A page that wants you to sign in to the network? Open a browser, then try again."
            yield Line("models", WRONG, error.message, advice)
        else:
            yield Line("models", WRONG, str(error), "Is the address right, up to /v1?")
    else:
        if _answers_under_v1(patient):  # some endpoints are there without it, others are not
            patient.is_reachable = False
            yield Line("address", WRONG, f"{patient.address} has no /v1", f"Set it to {patient.address}/v1")
            return
        yield Line("models", OK, f"{len(patient.models)} in {time.perf_counter() - begun:.2f} s; needs no key")


def _answers_under_v1(patient: Patient) -> bool:
    if _has_version(patient.address):
        return False
    try:
        patient.client_at(f"{patient.address}/v1").models()
    except AIMLAPIError:
        return False
    return True


def clock(patient: Patient) -> Iterator[Line]:
    """The time that the server's replies are dated with."""
    if not patient.is_reachable:
        return
    import httpx

    try:
        # GET, not HEAD, which some servers answer otherwise; of the reply only its head is read
        with httpx.stream("GET", f"{patient.address}/models", timeout=SECONDS) as reply:
            date = reply.headers.get("date")
        skew = parsedate_to_datetime(date).timestamp() - time.time() if date else None
    except (httpx.HTTPError, OSError, ValueError, TypeError):
        skew = None
    if skew is None:
        yield Line("clock", LEFT_OUT, "the server does not tell the time")
    elif abs(skew) > _SKEW:
        yield Line(
            "clock", WRONG, f"{abs(skew):,.0f} s off", "Let the system set its clock: certificates depend on it."
        )
    else:
        yield Line("clock", OK, "right")
