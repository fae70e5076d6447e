"""Records cassettes: what is asked of a server while `record` is open, as if asked of the provider's own host.

    with emulator() as server, record(Cassette("emulated/tool-call").path, source, base_url=server.base_url):
        Client(base_url=server.base_url, api_key="any").chat(...)

Only what says something is kept: of a request its body, of a response its body and the provider's own headers.
So a recording of a deterministic server is the same file, byte for byte, every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import vcr
from cassette_files import HOST, interaction, write
from cassette_player import MATCH_ON, json_body

KEPT = ("content-type", "x-inference-id", "x-client-request-id", "x-aimlapi-", "retry-after")


class SecretInCassette(AssertionError):
    """A recording holds what it must not; nothing was written."""


@contextmanager
def record(
    path: Path,
    source: dict[str, Any],
    *,
    base_url: str,
    secrets: Sequence[str] = (),
    keep_errors: bool = True,
    once: bool = False,
) -> Iterator[None]:
    """Writes all requests made inside, and their responses, to a cassette when it closes; none, if there were none.

    Args:
        source: what the cassette says of itself: its `kind`, and where it was recorded.
        base_url: the server asked; the cassette names `https://api.aimlapi.com` in its place.
        secrets: texts that must not be in the file.
        keep_errors: whether responses from status 400 are recorded.
        once: whether a request made again is recorded once, all in an order of their own: for programs with threads.

    Raises:
        SecretInCassette: one of the secrets was about to be written.
    """
    recorder = vcr.VCR(
        record_mode="all",
        match_on=MATCH_ON,
        decode_compressed_response=True,
        before_record_request=lambda request: _at_home(request, base_url),
        before_record_response=lambda response: response if keep_errors or response["status"]["code"] < 400 else None,
    )
    recorder.register_matcher("json_body", json_body)
    kept = _Persister()
    recorder.register_persister(kept)
    with recorder.use_cassette(str(path), record_on_exception=False):
        yield
    if not kept.recorded:
        return
    # Only now: an exception while the cassette closes would leave httpx patched for everything that follows.
    text = repr(kept.recorded)
    if any(secret and secret in text for secret in secrets):
        raise SecretInCassette(f"{path} would hold the key: nothing was written.")
    write(path, source, _sorted(kept.recorded) if once else kept.recorded)


def _sorted(interactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = {(one["request"]["uri"], one["request"]["body"]): one for one in interactions}
    return [asked[key] for key in sorted(asked)]


class _Persister:
    """Keeps what was recorded; what lay in the file before is forgotten."""

    def __init__(self) -> None:
        self.recorded: list[dict[str, Any]] = []

    def load_cassette(self, cassette_path: str | Path, serializer: Any) -> tuple[list[Any], list[Any]]:
        return [], []

    def save_cassette(self, cassette_path: str | Path, cassette_dict: dict[str, Any], serializer: Any) -> None:
        self.recorded = [
            _recorded(request, response)
            for request, response in zip(cassette_dict["requests"], cassette_dict["responses"], strict=True)
        ]


def _recorded(request: Any, response: dict[str, Any]) -> dict[str, Any]:
    return interaction(
        request.uri,
        (request.body or b"").decode(),
        (response["status"]["code"], response["status"]["message"]),
        {name.lower(): values for name, values in sorted(response["headers"].items()) if name.lower().startswith(KEPT)},
        response["body"]["string"].decode(),
        method=request.method,
    )


def _at_home(request: Any, base_url: str) -> Any:
    """The request as the provider's own host would have got it, and without its key."""
    here, there, home = urlsplit(request.uri), urlsplit(base_url), urlsplit(HOST)
    if here.netloc == there.netloc:
        request.uri = urlunsplit((home.scheme, home.netloc, here.path, here.query, ""))
    request.headers = {}
    return request
