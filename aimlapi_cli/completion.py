"""What the shell completes: models, words of an option, names of the configuration. Asks no network.

To complete another option, pass one of these as its `autocompletion`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

Completer = Callable[[str], list[str]]


def among(words: Sequence[str]) -> Completer:
    """One of a few words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def listed(words: Sequence[str]) -> Completer:
    """Some of a few words, with commas between them."""

    def complete(incomplete: str) -> list[str]:
        begun, comma, last = incomplete.rpartition(",")
        return [f"{begun}{comma}{word}" for word in words if word.startswith(last)]

    return complete


def models(incomplete: str) -> list[str]:
    """Ids and aliases: of the catalogue as it was kept when it was last read, and of the packaged facts."""
    return sorted(name for name in _models() if name.startswith(incomplete))


def media_models(incomplete: str) -> list[str]:
    """Ids of the media models of the packaged facts."""
    from aimlapi_transport.media.operations import known_models

    return sorted(name for name in known_models() if name.startswith(incomplete))


def several_models(incomplete: str) -> list[str]:
    """The same, with commas between them."""
    begun, comma, last = incomplete.rpartition(",")
    return [f"{begun}{comma}{name}" for name in models(last)]


def templates(incomplete: str) -> list[str]:
    """Names of templates."""
    return _configured("templates", incomplete)


def profiles(incomplete: str) -> list[str]:
    """Names of profiles."""
    return _configured("profiles", incomplete)


def servers(incomplete: str) -> list[str]:
    """Names of MCP servers."""
    return _configured("mcp", incomplete)


def _configured(what: str, incomplete: str) -> list[str]:
    from aimlapi_cli.config import load
    from aimlapi_transport.errors import AIMLAPIError

    with suppress(AIMLAPIError):
        found: Iterable[str] = getattr(load(), what)
        return sorted(name for name in found if name.startswith(incomplete))
    return []


def _models() -> set[str]:
    from urllib.parse import urlencode

    from aimlapi_cli.nearest import names_of
    from aimlapi_cli.session import connection
    from aimlapi_transport.config.model_families import known_models
    from aimlapi_transport.config.settings import Settings
    from aimlapi_transport.errors import AIMLAPIError
    from aimlapi_transport.json_codec import loads
    from aimlapi_transport.service.catalogue import read_models
    from aimlapi_transport.service.etag_cache import EtagCache

    found = set(known_models())
    with suppress(AIMLAPIError, ValueError):
        address = Settings(base_url=connection(None, "")["base_url"]).base_url
        kept = EtagCache().find(f"{address}/models?{urlencode([('include', 'all')])}")
        if kept is not None:
            found.update(names_of(read_models(loads(kept[1]))))
    return found
