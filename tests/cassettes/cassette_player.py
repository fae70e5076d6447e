"""Plays a cassette: answers come from the file, to its end, and nothing goes out.

    with play(cassette):
        model.invoke(...)

A request is the recorded one when method, host, path and the body's JSON are the same. A request that is not in
the cassette, and an interaction that was not asked for, fail the test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Any

import vcr
from cassette_files import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister

MATCH_ON = ("method", "host", "path", "json_body")

_RECORD = {
    "published": "python tools/build_cassettes.py FOLDER",
    "live": "make record",
    "emulated": "make record-emulated",
}


class NotRecorded(AssertionError):
    """A request was made that the cassette does not hold."""


class NotPlayedToItsEnd(AssertionError):
    """The cassette holds interactions nobody asked for."""


class CassettePersister:
    """Loads cassettes, each file once in a process; writes none."""

    @staticmethod
    def load_cassette(cassette_path: str | Path, serializer: Any) -> tuple[list[Any], list[Any]]:
        """The requests and responses of a file."""
        return _interactions(str(cassette_path), serializer)

    @staticmethod
    def save_cassette(cassette_path: str | Path, cassette_dict: dict[str, Any], serializer: Any) -> None:
        """Refuses: a test must never change a cassette."""
        raise AssertionError(f"a replay tried to write {cassette_path}")


@cache
def _interactions(path: str, serializer: Any) -> tuple[list[Any], list[Any]]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is no cassette: record it first")
    try:
        requests, responses = FilesystemPersister.load_cassette(path, serializer)
    except CassetteNotFoundError:
        raise FileNotFoundError(path) from None
    return requests, responses


def json_body(live: Any, recorded: Any) -> None:
    """The bodies say the same: equal as JSON, whatever the order of keys; `1`, `1.0` and `true` are three things."""
    sent, expected = _canonical(live.body), _canonical(recorded.body)
    assert sent == expected, f"the body sent is not the one recorded\nsent     {sent}\nrecorded {expected}"


def _canonical(body: bytes | str | None) -> str:
    return json.dumps(json.loads(body or "null", object_hook=_described), sort_keys=True, ensure_ascii=False)


def _described(value: dict[str, Any]) -> dict[str, Any]:
    """A docstring comes without its indentation from Python 3.13 on, and so does a description made of it."""
    description = value.get("description")
    return {**value, "description": cleandoc(description)} if isinstance(description, str) else value


PLAYER = vcr.VCR(record_mode="none", match_on=MATCH_ON)
PLAYER.register_matcher("json_body", json_body)
PLAYER.register_persister(CassettePersister)


@contextmanager
def play(cassette: Cassette) -> Iterator[None]:
    """Answers from the cassette.

    Raises:
        NotRecorded: a request was made that it does not hold; the message names the command that records it.
        NotPlayedToItsEnd: an interaction was left over.
    """
    with PLAYER.use_cassette(str(cassette.path)) as tape:
        try:
            yield
        except CannotOverwriteExistingCassetteException as error:
            raise NotRecorded(
                f"{cassette} does not hold this request (or holds it once and it was asked again). "
                f"Record it with `{record_command(cassette)}`.\n{error}"
            ) from error
    if not tape.all_played:
        left = [f"{request.method} {request.uri}" for i, request in enumerate(tape.requests) if not tape.play_counts[i]]
        raise NotPlayedToItsEnd(f"{cassette} was not played to its end: {', '.join(left)} was never asked for.")


def record_command(cassette: Cassette) -> str:
    """The command that makes this cassette."""
    return _RECORD.get(cassette.name.partition("/")[0], "make record")
