"""Files of results -> files on this machine.

The key goes to no host from here: addresses of results lead to others' servers. A download that broke off is taken up
where it was, and its file gets its name only when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from aimlapi_transport import media_types
from aimlapi_transport.error_replies import error_for
from aimlapi_transport.errors import AIMLAPIError, APIConnectionError, InvalidRequestError, NotFoundError
from aimlapi_transport.media.values import MediaFile, MediaResult

_TRIES = 4  # of one file, as long as each brings something or the host may recover
_TIMEOUT = httpx.Timeout(connect=5.0, read=60.0, write=60.0, pool=60.0)
_GONE = (403, 404, 410)
_MOST_NAME = 120  # characters
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*]')  # in names of files on Windows, too
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


_busy: set[Path] = set()
_busy_lock = threading.Lock()


class Cancelled(Exception):
    """Whoever waited for the download gave it up."""


@contextmanager
def _part_of(folder: Path, key: bytes) -> Iterator[Path]:
    """The file a download is written to: always the same, so that it is taken up again, unless it is in use."""
    digest = hashlib.sha256(key).hexdigest()[:16]
    with _busy_lock:
        names = (folder / f".{digest}{f'-{number}' if number else ''}.part" for number in count())
        part = next(name for name in names if name not in _busy)
        _busy.add(part)
    try:
        yield part
    finally:
        with _busy_lock:
            _busy.discard(part)


def files_of(result: MediaResult | MediaFile | Sequence[MediaFile] | str) -> list[MediaFile]:
    """The files of whatever is to be saved."""
    if isinstance(result, str):
        return [MediaFile(url=result)]
    if isinstance(result, MediaFile):
        return [result]
    files = list(result.files if isinstance(result, MediaResult) else result)
    if not files:
        raise InvalidRequestError("There is no file to save.")
    return files


def save(
    files: Sequence[MediaFile],
    to: str | os.PathLike[str],
    *,
    proxy: str | None = None,
    pause: Callable[[float], Any] = time.sleep,
    stop: threading.Event | None = None,
) -> list[Path]:
    """Writes files; see `MediaMethods.save`.

    Args:
        pause: waits between two tries; injected in tests.
        stop: set where nobody waits any more.
    """
    target = Path(to).expanduser()
    is_folder = target.is_dir() or len(files) > 1 or str(to).endswith(("/", os.sep)) or not target.suffix
    folder = target if is_folder else target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequestError(f"{folder} cannot be made ({error.strerror}).") from error
    with httpx.Client(proxy=proxy, follow_redirects=True, timeout=_TIMEOUT) as client:
        return [_save_one(client, file, folder, None if is_folder else target.name, pause, stop) for file in files]


def _save_one(
    client: httpx.Client,
    file: MediaFile,
    folder: Path,
    name: str | None,
    pause: Callable[[float], Any],
    stop: threading.Event | None,
) -> Path:
    if file.url is None:
        data = file.data or b""
        with _part_of(folder, data) as part:
            part.write_bytes(data)
            media_type = media_types.sniff(data) or file.media_type
            return _take_name(part, folder / (name or _safe_name(file.name or file.role or "file", media_type)))
    with _part_of(folder, file.url.encode()) as part:
        headers = _fetch_with_retries(client, file.url, part, pause, stop)
        with part.open("rb") as opened:
            media_type = media_types.sniff(opened.read(1024))
        stated = media_types.normalize(headers.get("content-type", "")) or file.media_type
        return _take_name(part, folder / (name or _name_for(file, headers, media_type or stated)))


def _fetch_with_retries(
    client: httpx.Client, url: str, part: Path, pause: Callable[[float], Any], stop: threading.Event | None
) -> httpx.Headers:
    failure: AIMLAPIError | None = None
    for attempt in range(_TRIES):
        if attempt:
            pause(min(0.5 * 2**attempt, 8.0))
        try:
            return _fetch(client, url, part, stop)
        except (httpx.TransportError, httpx.StreamError) as error:
            failure = APIConnectionError(
                f"The download from {_host(url)} broke off: {str(error) or type(error).__name__}"
            )
        except AIMLAPIError as error:
            if not error.is_retryable:
                raise
            failure = error
    assert failure is not None
    raise failure


def _fetch(client: httpx.Client, url: str, part: Path, stop: threading.Event | None) -> httpx.Headers:
    """Adds to `part` what it lacks of the file. Returns the reply's headers."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"accept-encoding": "identity"}  # a range counts the bytes as they travel
    if start:
        headers["range"] = f"bytes={start}-"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416 and start:  # it is whole, or another file by now
            part.unlink()
            raise APIConnectionError("The download has to begin again.")
        if not response.is_success:
            raise _refusal(response, url)
        is_rest = response.status_code == 206 and start > 0
        length = response.headers.get("content-length", "")
        expected = int(length) if length.isdigit() else None
        received = 0
        with part.open("ab" if is_rest else "wb") as opened:
            for chunk in response.iter_raw():
                if stop is not None and stop.is_set():
                    raise Cancelled
                opened.write(chunk)
                received += len(chunk)
        if expected is not None and received < expected:
            raise APIConnectionError(f"The download from {_host(url)} ended after {received} of {expected} bytes.")
        return response.headers


def _refusal(response: httpx.Response, url: str) -> AIMLAPIError:
    response.read()
    if response.status_code in _GONE:
        return NotFoundError(
            f"{_host(url)} no longer gives out this file: addresses of results expire, by host after ten minutes to "
            "seven days. Make it again, and save it at once.",
            status_code=response.status_code,
        )
    return error_for(response.status_code, response.content, dict(response.headers))


def _take_name(part: Path, target: Path) -> Path:
    """Moves a whole file to its name, or to the next that is free: another process may take one meanwhile."""
    for number in range(1, 10_000):
        free = target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        try:
            free.open("xb").close()
        except FileExistsError:
            continue
        os.replace(part, free)
        return free
    raise InvalidRequestError(f"{target} is taken, and so are the names with numbers beside it.")


def _name_for(file: MediaFile, headers: httpx.Headers, media_type: str | None) -> str:
    message = Message()
    message["content-disposition"] = headers.get("content-disposition", "")
    stated = file.name or message.get_filename() or unquote(urlsplit(file.url or "").path).rsplit("/", 1)[-1]
    return _safe_name(stated or file.role or "file", media_type)


def _safe_name(name: str, media_type: str | None) -> str:
    """A name that is one everywhere, and leads to no other folder."""
    plain = _FORBIDDEN.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .") or "file"
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 5:
        stem, ending = plain, ""
    ending = f".{ending}" if ending else media_types.extension(media_type)
    return f"{(stem or plain)[:_MOST_NAME]}{ending}"


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the host"
