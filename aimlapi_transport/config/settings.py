"""The settings of a client: address, key, timeouts, retries, headers. Pure.

The key of the environment is read when it is needed, so no instance holds it.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict
from urllib.parse import urlsplit

from aimlapi_transport.config.fields import ACCEPTED
from aimlapi_transport.config.hosts import AIMLAPI, PRESETS, Preset, preset_for
from aimlapi_transport.config.limits import DEFAULT, Limits
from aimlapi_transport.config.retry import RetryPolicy
from aimlapi_transport.errors import AuthenticationError, InvalidRequestError

_SHORTEST_SECRET = 6  # characters; a stand-in key such as "k" is no secret, and is part of many a word
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is in no repr, and so in no log of local variables; `value` gives it."""

    value: str = field(repr=False)

    def scrub(self, text: str) -> str:
        """Takes the secret out of a text, which a server may have echoed it in."""
        return text if len(self.value) < _SHORTEST_SECRET else text.replace(self.value, "[key removed]")


class Route(NamedTuple):
    """What a connection pool is for: one address, by one proxy, with one set of socket options.

    Attributes:
        address: of the host, up to `/v1`.
        proxy: URL of the proxy to go through; None for the environment's.
        socket_options: what to set on each socket, in `socket.setsockopt`'s form.
    """

    address: str
    proxy: str | None = None
    socket_options: tuple[tuple[Any, ...], ...] = ()

    def __repr__(self) -> str:
        return f"Route({self.address!r})"  # a proxy's URL may hold a password


class SettingsArguments(TypedDict, total=False):
    """What `Settings` takes, for the constructors of the clients."""

    api_key: str | Callable[[], Any] | None
    base_url: str | None
    preset: str | Preset | None
    timeout: Any
    max_retries: int
    headers: Mapping[str, str] | None
    query: Mapping[str, Any] | None
    strict_parameters: bool
    parse_think: bool
    retry: RetryPolicy | None
    first_chunk_timeout: float | None
    stream_chunk_timeout: float | None
    deadline: float | None
    limits: Limits | None
    proxy: str | None
    socket_options: Iterable[Sequence[Any]] | None


_retry_policy = lru_cache(RetryPolicy)


class Settings:
    """The settings of both clients: address, preset, key, timeouts, retries and headers.

    Attributes:
        is_provider: whether the address is the preset's own, and no proxy that may serve other models.
    """

    def __init__(
        self,
        *,
        api_key: str | Callable[[], Any] | None = None,
        base_url: str | None = None,
        preset: str | Preset | None = None,
        timeout: Any = None,
        max_retries: int = 2,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        strict_parameters: bool = False,
        parse_think: bool = True,
        retry: RetryPolicy | None = None,
        first_chunk_timeout: float | None = None,
        stream_chunk_timeout: float | None = None,
        deadline: float | None = None,
        limits: Limits | None = None,
        proxy: str | None = None,
        socket_options: Iterable[Sequence[Any]] | None = None,
    ) -> None:
        if not isinstance(max_retries, int) or max_retries < 0:
            raise _refusal("max_retries", max_retries)
        if deadline is not None and not (isinstance(deadline, (int, float)) and deadline > 0):
            raise _refusal("deadline", deadline)
        if timeout is not None and not is_timeout(timeout):
            raise _refusal("timeout", timeout)
        silences = {"first_chunk_timeout": first_chunk_timeout, "stream_chunk_timeout": stream_chunk_timeout}
        for name, seconds in silences.items():
            if seconds is not None and not (isinstance(seconds, (int, float)) and seconds >= 0):
                raise _refusal(name, seconds)
        if proxy is not None:
            _check_proxy(proxy)
        self.preset, self.base_url = resolve_host(preset, base_url)
        self.is_provider = self.base_url == self.preset.base_url
        self.route = Route(self.base_url, proxy, tuple(map(tuple, socket_options or ())))
        self.strict_parameters = strict_parameters
        self.parse_think = parse_think
        self.retry = retry or _retry_policy(max_retries)
        self.timeout = timeout
        self.first_chunk_timeout = first_chunk_timeout
        self.stream_chunk_timeout = stream_chunk_timeout
        self.deadline = deadline
        self.limits = limits or DEFAULT
        self._api_key = Secret(api_key.strip()) if isinstance(api_key, str) else api_key
        self.headers = dict(headers or {})
        self.query = dict(query or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r}, preset={self.preset.name!r})"

    def read_key(self) -> Secret:
        """The key to send, read when it is needed so that an instance never holds the environment's."""
        key = self._api_key() if callable(self._api_key) else self._api_key
        if inspect.isawaitable(key):
            if inspect.iscoroutine(key):
                key.close()
            raise AuthenticationError(
                "`api_key` is an async function: pass the key or a plain function, or use the async methods."
            )
        return self._checked_key(key)

    async def aread_key(self) -> Secret:
        """The same; here the function may be async."""
        key = self._api_key() if callable(self._api_key) else self._api_key
        return self._checked_key(await key if inspect.isawaitable(key) else key)

    def _checked_key(self, key: Any) -> Secret:
        """A key that a header can carry.

        Args:
            key: a `Secret`, a text, or pydantic's or another's secret; None for the environment's.
        """
        if hasattr(key, "get_secret_value"):
            key = key.get_secret_value()
        if key is None:
            values = (os.environ.get(name, "").strip() for name in self.preset.key_variables)
            key = next((value for value in values if value), None)
        secret = key if isinstance(key, Secret) else Secret(key.strip() if isinstance(key, str) else key)
        text = secret.value
        if not text:
            raise AuthenticationError(
                f"No API key for {self.preset.title}: pass `api_key` or set {' or '.join(self.preset.key_variables)}."
            )
        if not isinstance(text, str):
            raise AuthenticationError(f"`api_key` returned {type(text).__name__}: it must return the key as a string.")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise AuthenticationError(
                "The API key contains a character that no key has (a space, a control or a non-ASCII character): "
                "copy it again. It is not shown here."
            )
        return secret


def _refusal(name: str, value: Any) -> InvalidRequestError:
    return InvalidRequestError(f"`{name}` is {value!r}: pass {ACCEPTED[name]}.")


def is_timeout(value: Any) -> bool:
    """Whether this can be a `timeout`: None, seconds, a pair (connect, read), or httpx's or httpx2's own."""
    if value is None or hasattr(value, "as_dict"):
        return True
    parts = value if isinstance(value, (tuple, list)) and len(value) == 2 else (value,)
    is_pair = len(parts) == 2
    return all(
        (part is None and is_pair) or (isinstance(part, (int, float)) and not isinstance(part, bool) and part > 0)
        for part in parts
    )


def _check_proxy(url: Any) -> None:
    """Raises InvalidRequestError without the URL, which may hold a password."""
    if not (isinstance(url, str) and urlsplit(url).scheme in PROXY_SCHEMES and urlsplit(url).hostname):
        schemes = "://, ".join(PROXY_SCHEMES)
        raise InvalidRequestError(f"`proxy` is not the URL of a proxy: pass one that begins with {schemes}://.")


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that names the known setting a misspelt one is close to; empty if there is none."""
    import difflib  # only who misspells pays for it

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.8)
    return f" Did you mean `{close[0]}`?" if close else ""


def host_name(preset: str | Preset | None, base_url: str | None) -> str:
    """The name of the host requests go to, for people to read; no error and no secret, whatever the settings."""
    try:
        return urlsplit(resolve_host(preset, base_url)[1]).hostname or ""
    except (ValueError, InvalidRequestError):
        return "unknown"


def resolve_host(preset: str | Preset | None, base_url: str | None) -> tuple[Preset, str]:
    """Whose rules apply, and the address. An address decides the rules unless a preset is named."""
    if preset is not None and not isinstance(preset, Preset):
        if preset not in PRESETS:
            raise InvalidRequestError(f"`preset` is {preset!r}: pass one of {', '.join(PRESETS)}.")
        preset = PRESETS[preset]
    if base_url is None or not str(base_url).strip():
        variable = environment_address(preset or AIMLAPI)
        base_url = variable.value if variable else None
    if base_url is None:
        preset = preset or AIMLAPI
        return preset, preset.base_url
    address = _address(str(base_url))
    return preset or preset_for(address), address


class EnvironmentAddress(NamedTuple):
    """An address that the environment sets, and the variable that does."""

    variable: str
    value: str


def environment_address(preset: Preset) -> EnvironmentAddress | None:
    """The address that the environment sets for a host, None where it sets none.

    Raises:
        InvalidRequestError: two variables set two addresses.
    """
    addresses = [
        EnvironmentAddress(name, value) for name in preset.base_variables if (value := os.environ.get(name, "")).strip()
    ]
    for other in addresses[1:]:
        if _address(other.value) != _address(addresses[0].value):
            raise InvalidRequestError(
                f"{addresses[0].variable} and {other.variable} are both set, to two addresses: unset one of them."
            )
    return addresses[0] if addresses else None


# The paths that requests add to the address, and the endpoints that the documentation writes out beside them.
_ENDPOINT = re.compile(r"/+(chat/+completions|completions|responses|embeddings)/*$", re.IGNORECASE)


@lru_cache(maxsize=64)  # 4 us of each instance and each call
def _address(base_url: str) -> str:
    """The address that paths are added to: no slash at its end, and no endpoint, as in an address that was copied.

    Raises:
        InvalidRequestError: it is no address, or has a query or a fragment.
    """
    address = base_url.strip().rstrip("/")
    if not _is_usable(address):
        has_scheme = address.lower().startswith(("https://", "http://"))
        needed = "with a valid host and port" if has_scheme else "that starts with https:// or http://"
        raise InvalidRequestError(f"`base_url` is {base_url!r}: pass an address {needed}.")
    start, mark, _ = address.partition("?") if "?" in address else address.partition("#")
    if mark:  # left out of the message: it may hold a key
        raise InvalidRequestError(
            f"`base_url` is '{start}{mark}...': pass the address up to `/v1`, without `{mark}` and what follows it."
        )
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}{_ENDPOINT.sub('', slash + path).rstrip('/')}"


def _is_usable(address: str) -> bool:
    try:
        parts = urlsplit(address)
        has_host = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return has_host and address.isprintable() and " " not in address
