"""What a media command shows when its result is there: addresses, paths or a text; a picture where the terminal can."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from aimlapi_cli import streams, thumbnails
from aimlapi_cli.media_options import Common
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.media.values import MediaFile, MediaResult
from aimlapi_transport.media_types import from_name

# What a result's text is saved as, where `--save` names a folder.
_TEXT_FILES = {"transcribe": ("transcript.txt", "text/plain"), "ocr": ("pages.md", "text/markdown")}
# Files that another program may be told to open: a name comes from an address, and might be of a program.
_OPENED = ("image/", "audio/", "video/", "model/", "text/plain", "text/markdown", "application/pdf")


def dollars(usd: float | None) -> str | None:
    """US dollars for people."""
    from aimlapi_cli.tables import plain

    return None if usd is None else f"${plain(float(usd))}"


def show(ours: Any, common: Common, result: MediaResult) -> None:
    """Files as addresses, or as paths where they are saved; a text as it is; JSON with all of it.

    What has no address is saved in any case: it was paid for, and would be lost.
    """
    shown = [file.url or "" for file in result.files]
    chosen = [place for place, file in enumerate(result.files) if common.save is not None or not file.url]
    text = None if result.files or result.text is None else _text(result)
    text_path = None
    try:
        if chosen:
            paths = ours.save([result.files[place] for place in chosen], common.save or Path())
            for place, path in zip(chosen, paths, strict=True):
                shown[place] = str(path)
        elif text is not None and common.save is not None:
            name, media_type = _TEXT_FILES.get(result.operation, ("text.txt", "text/plain"))
            [text_path] = ours.save(MediaFile(data=text.encode(), media_type=media_type, name=name), common.save)
    except (AIMLAPIError, OSError, KeyboardInterrupt):
        _rescue(ours, result, text)
        raise
    if common.as_json:
        streams.write_result(streams.json_text(_fields(result, shown, text_path)))
    else:
        _show_lines(ours, result, [str(text_path)] if text_path else [text] if text is not None else shown)
    if common.opens:
        _open([str(text_path)] if text_path else shown)


def _rescue(ours: Any, result: MediaResult, text: str | None) -> None:
    """What was paid for and could not be saved: its addresses, its text, its bytes in the folder for such things."""
    for line in [*result.urls, *([text] if text is not None else [])]:
        _write_line(line)
    files = [file for file in result.files if not file.url]
    if files:
        with suppress(AIMLAPIError, OSError):
            for path in ours.save(files, Path(tempfile.mkdtemp(prefix="aimlapi-"))):
                _write_line(str(path))


def _show_lines(ours: Any, result: MediaResult, lines: Sequence[str]) -> None:
    encode = thumbnails.encoder() if any(file.kind == "image" for file in result.files) else None
    for place, line in enumerate(lines):
        _write_line(line)
        if encode is not None and place < len(result.files) and result.files[place].kind == "image":
            data = _picture(ours, result.files[place], line)
            if data is not None:
                thumbnails.show(data, encode)
    if result.cost_usd is not None and streams.is_terminal(sys.stderr):
        streams.say(f"Cost: {dollars(result.cost_usd)}.")


def _picture(ours: Any, file: MediaFile, place: str) -> bytes | None:
    """The bytes of a picture for its thumbnail, wherever it is; None where they cannot be had."""
    try:
        if place != file.url:
            return Path(place).read_bytes()
        with tempfile.TemporaryDirectory(prefix="aimlapi-") as folder:
            return bytes(ours.save(file, folder)[0].read_bytes())
    except (AIMLAPIError, OSError):
        return None


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
    streams.write_result(text if text.endswith("\n") else f"{text}\n")


def _open(places: Sequence[str]) -> None:
    """Shows files by the system's own program; one that cannot is a word on stderr, not a failure."""
    for place in places:
        try:
            is_opened = _can_be_opened(place) and typer.launch(_target(place)) == 0
        except OSError:
            is_opened = False
        if not is_opened:
            streams.say(f"{place or 'A text'} cannot be opened here.", "33")


def _is_address(place: str) -> bool:
    return place.startswith(("https://", "http://"))


def _can_be_opened(place: str) -> bool:
    return _is_address(place) or (Path(place).is_file() and (from_name(place) or "").startswith(_OPENED))


def _target(place: str) -> str:
    return place if _is_address(place) else str(Path(place).absolute())
