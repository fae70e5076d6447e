"""One media call of the command: progress while it is made, and its files or text when it is there."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from aimlapi_cli import streams
from aimlapi_cli.exits import WAITING, Failure
from aimlapi_cli.files import is_file, read
from aimlapi_cli.nearest import sentence
from aimlapi_cli.options import parameter
from aimlapi_cli.session import client, console
from aimlapi_transport.errors import (
    AIMLAPIError,
    APITimeoutError,
    InvalidRequestError,
    NotFoundError,
)
from aimlapi_transport.media.generations import Generation, GenerationStatus
from aimlapi_transport.media.methods import OPTIONS
from aimlapi_transport.media.operations import LATER, known_models, model_facts
from aimlapi_transport.media.values import MediaFile, MediaResult

if TYPE_CHECKING:
    from rich.progress import Progress

# The command -> the method of the client.
OPERATIONS = {
    "image": "images",
    "edit": "edit_image",
    "video": "video",
    "say": "speech",
    "transcribe": "transcribe",
    "ocr": "ocr",
    "music": "music",
}
_ADDRESS = re.compile(r"\s*(?:[a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
# What a result's text is saved as, where `--save` names a folder.
_TEXT_FILES = {"transcribe": ("transcript.txt", "text/plain"), "ocr": ("pages.md", "text/markdown")}
# Arguments of the methods that are no fields of a request.
_NO_FIELDS = ("self", "operation", "timeout", "wait_timeout", "on_progress", *OPTIONS)


@dataclass(frozen=True)
class Wanted:
    """What all media commands have in common.

    Attributes:
        save: a folder, or the path of one file; None where addresses are enough.
        waits: whether what takes minutes is waited for.
        wait_timeout: seconds to wait in all; None for the operation's own.
    """

    command: str
    save: Path | None = None
    opens: bool = False
    as_json: bool = False
    base_url: str | None = None
    api_key: str | None = None
    waits: bool = True
    wait_timeout: float | None = None


def run(wanted: Wanted, model: str, arguments: Mapping[str, Any], params: Sequence[str] | None) -> None:
    """Makes what is wanted, or orders it, and shows what came.

    Raises:
        InvalidRequestError: an argument is wrong; nothing was sent.
        Failure: it is not there yet.
    """
    fields = {name: value for name, value in arguments.items() if value not in (None, [])}
    fields |= dict(map(_field, params or ()))
    operation = OPERATIONS[wanted.command]
    _check(wanted, model)
    ours = client(wanted.base_url, wanted.api_key)
    with _suggestions(model, operation):
        if not wanted.waits:
            _write_line(ours.submit(operation, model, **fields).to_json())
            return
        with _progress(wanted, model) as on_progress:
            waiting = {"on_progress": on_progress, "wait_timeout": wanted.wait_timeout} if operation in LATER else {}
            result = getattr(ours, operation)(model, **fields, **waiting)
    _show(ours, wanted, result)


def follow(wanted: Wanted, word: str, text: str | None, model: str | None) -> None:
    """`status` and `wait` of what was ordered before.

    Args:
        text: the generation's JSON, its reference or its id; None where the JSON is piped in.
        model: that was ordered, where only the id is known.

    Raises:
        Failure: it is not there yet.
    """
    _check(wanted, None)
    generation = _generation(wanted, text if text not in (None, "-") else _piped(), model)
    ours = client(wanted.base_url, wanted.api_key)
    if generation.base_url and generation.base_url != ours.base_url:
        streams.say(f"It was ordered at {generation.base_url}, and {ours.base_url} is asked.", "33")
    if word == "wait":
        with _progress(wanted, generation.model) as on_progress:
            result = ours.wait(generation, timeout=wanted.wait_timeout, on_progress=on_progress)
        _show(ours, wanted, result)
        return
    status = ours.status(generation)
    if status.result is not None:
        _show(ours, wanted, status.result)
        return
    if wanted.as_json:
        state = {"state": status.state, "provider_state": status.provider_state, "seconds": status.seconds}
        streams.write_json({**state, "generation": generation.to_dict()})
    raise Failure(f"Not there yet: {status.provider_state or status.state}, {status.seconds:.0f} s.", WAITING)


def text_of(typed: str | None) -> str | None:
    """A prompt: what was typed, and below it what was piped in, unless `file_of` took that before."""
    piped = _piped()
    return "\n\n".join(part for part in (typed, piped) if part) or None


def file_of(name: str | None) -> str | bytes | Path | None:
    """A file that goes in: an address or a path; `-` is what is piped in.

    Raises:
        InvalidRequestError: it is no address, and no file that can be read.
    """
    if name is None or _ADDRESS.match(name):
        return name
    if name == "-":
        return sys.stdin.buffer.read()
    path = Path(streams.file_name(name))
    return path.expanduser() if is_file(path) else read(path)


def files_of(names: Sequence[str] | None) -> str | bytes | Path | list[str | bytes | Path] | None:
    """One file that goes in, or several."""
    found = [one for name in names or () if (one := file_of(name)) is not None]
    return found[0] if len(found) == 1 else found or None


# -- before the call ---------------------------------------------------------------------------------------------------


def _field(text: str) -> tuple[str, Any]:
    name, value = parameter(text)
    if name in _NO_FIELDS:
        raise InvalidRequestError(f"`--param` cannot set `{name}`, which is no field of a request.")
    return name, value


def _check(wanted: Wanted, model: str | None) -> None:
    """Raises for what would fail only after it is paid for, and for a model of another command."""
    if model is not None and not model.strip():
        raise InvalidRequestError("No model is named: pass its id (`aimlapi models --all` lists them).")
    if not wanted.waits and (wanted.save is not None or wanted.opens):
        raise InvalidRequestError("With --no-wait there is no file yet: leave --save and --open to `wait`.")
    if model is not None and model_facts(model) is not None and model not in known_models(OPERATIONS[wanted.command]):
        other = next(name for name, operation in OPERATIONS.items() if model in known_models(operation))
        raise InvalidRequestError(f"{model} is a model for `aimlapi {other}`, not for `aimlapi {wanted.command}`.")
    if wanted.save is None:
        return
    folder = wanted.save.expanduser().absolute()
    folder = next(one for one in (folder, *folder.parents) if one.is_dir() or (one != folder and one.exists()))
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InvalidRequestError(f"`--save` {wanted.save} cannot be written: {folder} is no folder for it.")


def _generation(wanted: Wanted, text: str, model: str | None) -> Generation:
    operation = OPERATIONS[wanted.command]
    text = text.strip()
    if text.startswith("{"):
        found = Generation.from_json(text)
    elif text.startswith(f"{operation}:") and text.count(":") > 1:
        found = Generation.from_reference(text)
    elif text and len(text.split()) == 1:
        found = Generation.from_reference(f"{operation}:{model or 'unknown'}:{text}")
    else:
        raise InvalidRequestError("There is no generation: pass its id, or the JSON that --no-wait printed.")
    if found.operation != operation:
        command = next((name for name, one in OPERATIONS.items() if one == found.operation), found.operation)
        raise InvalidRequestError(f"It is a generation of `aimlapi {command}`.")
    return found


def _piped() -> str:
    return "" if sys.stdin is None or streams.is_terminal(sys.stdin) else sys.stdin.read().strip()


@contextmanager
def _suggestions(model: str, operation: str) -> Iterator[None]:
    """A model nobody knows fails with the nearest ids of those that do this work."""
    try:
        yield
    except (NotFoundError, InvalidRequestError) as error:
        if error.status_code is not None and model_facts(model) is None:
            error.message = f"{error.message.rstrip('.')}.{sentence(model, known_models(operation))}"
            error.args = (error.message,)
        raise


# -- meanwhile ---------------------------------------------------------------------------------------------------------


@contextmanager
def _progress(wanted: Wanted, model: str) -> Iterator[Callable[[GenerationStatus], None]]:
    """State, seconds and cost on a terminal's stderr; what was ordered is named where the wait for it ends early."""
    ordered: list[Generation] = []
    start, out = time.monotonic(), console(error=True)
    bar = _bar(out) if out.is_terminal else None
    task = None if bar is None else bar.add_task(model, total=None)

    def on_progress(status: GenerationStatus) -> None:
        ordered[:] = [status.generation]
        if bar is not None and task is not None:
            parts = (model, status.provider_state, _dollars(status.generation.cost_usd))
            bar.update(task, description=", ".join(part for part in parts if part))

    try:
        if bar is None:
            yield on_progress
        else:
            with bar:
                yield on_progress
    except APITimeoutError as error:
        if not isinstance(error.generation, Generation):
            raise
        seconds = time.monotonic() - start
        raise Failure(f"Not there after {seconds:.0f} s. {_way_on(wanted, error.generation)}", WAITING) from error
    except AIMLAPIError as error:
        if error.cost_usd:
            error.message = f"{error.message.rstrip('.')}. It cost {_dollars(error.cost_usd)}."
            error.args = (error.message,)
        raise
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt)
        if stopped and ordered:
            streams.say(_way_on(wanted, ordered[0]))
        raise
    if bar is not None and not wanted.as_json:
        streams.say(f"{model}: {time.monotonic() - start:.1f} s.")


def _bar(out: Any) -> Progress:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=out, transient=True)


def _way_on(wanted: Wanted, generation: Generation) -> str:
    return f"It goes on at the provider: aimlapi {wanted.command} wait {shlex.quote(generation.reference)}"


def _dollars(usd: float | None) -> str | None:
    from aimlapi_cli.tables import plain

    return None if usd is None else f"${plain(float(usd))}"


# -- when it is there --------------------------------------------------------------------------------------------------


def _show(ours: Any, wanted: Wanted, result: MediaResult) -> None:
    """Files as addresses, or as paths where they are saved; a text as it is; JSON with all of it.

    What has no address is saved in any case: it was paid for, and would be lost.
    """
    shown = [file.url or "" for file in result.files]
    chosen = [place for place, file in enumerate(result.files) if wanted.save is not None or not file.url]
    text = None if result.files or result.text is None else _text(result)
    text_path = None
    try:
        if chosen:
            paths = ours.save([result.files[place] for place in chosen], wanted.save or Path())
            for place, path in zip(chosen, paths, strict=True):
                shown[place] = str(path)
        elif text is not None and wanted.save is not None:
            name, media_type = _TEXT_FILES.get(result.operation, ("text.txt", "text/plain"))
            [text_path] = ours.save(MediaFile(data=text.encode(), media_type=media_type, name=name), wanted.save)
    except (AIMLAPIError, OSError):
        for line in [*result.urls, *([text] if text is not None else [])]:  # they were paid for
            _write_line(line)
        raise
    if wanted.as_json:
        streams.write_json(_fields(result, shown, text_path))
    else:
        for line in [str(text_path)] if text_path else [text] if text is not None else shown:
            _write_line(line)
        if result.cost_usd is not None and streams.is_terminal(sys.stderr):
            streams.say(f"Cost: {_dollars(result.cost_usd)}.")
    if wanted.opens:
        _open([str(text_path)] if text_path else shown)


def _text(result: MediaResult) -> str:
    """A transcript or pages; what each speaker says, where there are several."""
    if len({turn.speaker for turn in result.turns}) > 1:
        return "\n".join(f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text for turn in result.turns)
    return result.text or ""


def _fields(result: MediaResult, shown: Sequence[str], text_path: Path | None) -> dict[str, Any]:
    files = []
    for file, place in zip(result.files, shown, strict=True):
        named = {name: getattr(file, name) for name in ("url", "kind", "media_type", "width", "height", "seconds")}
        files.append({**named, "path": place if place != file.url else None})
    names = ("model", "operation", "id", "request_id", "cost_usd", "text", "language", "seconds")
    found: dict[str, Any] = {name: getattr(result, name) for name in names}
    if text_path is not None:
        found["path"] = str(text_path)
    parts = ("text", "start", "end", "speaker", "confidence")
    for name in ("segments", "turns"):
        found[name] = [{part: getattr(one, part) for part in parts} for one in getattr(result, name)]
    found["pages"] = [{"index": page.index, "markdown": page.markdown} for page in result.pages]
    return {**found, "files": files}


def _write_line(text: str) -> None:
    streams.write(text if text.endswith("\n") else f"{text}\n")


def _open(places: Sequence[str]) -> None:
    """Shows files by the system's own program; one that cannot is a word on stderr, not a failure."""
    for place in places:
        is_address = place.startswith(("https://", "http://"))
        target = place if is_address else str(Path(place).absolute())
        try:
            failed = not place or (not is_address and not Path(place).is_file()) or typer.launch(target) != 0
        except OSError:
            failed = True
        if failed:
            streams.say(f"{place or 'A text'} cannot be opened here.", "33")
