"""Files of results, and of addresses -> files and bytes on this machine.

The key goes to no host from here: addresses of results lead to others' servers. A download that broke off is taken up
where it was, and its file gets its name only when it is whole.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import sys
import threading
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import httpx

from aimlapi_transport import media_types
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.error_replies import error_for
from aimlapi_transport.errors import AIMLAPIError, APIConnectionError, InvalidRequestError, NotFoundError
from aimlapi_transport.http.error_mapping import to_aimlapi_error
from aimlapi_transport.http.timeouts import TimeLimits
from aimlapi_transport.media.part_files import part_file
from aimlapi_transport.media.values import MediaFile, MediaResult
from aimlapi_transport.request import Request

if TYPE_CHECKING:
    from aimlapi_transport.http.caller import Caller

T = TypeVar("T")


class Run(Protocol):
    """Runs what blocks: here, or in a thread."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


_TIMEOUT = httpx.Timeout(connect=5.0, read=60.0, write=60.0, pool=60.0)
_GONE = (403, 404, 410)
_LONGEST_STEM = 180  # bytes; file systems take names of 255
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')  # in names of files on Windows, too
# Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)", re.IGNORECASE)


class Cancelled(Exception):
    """The caller that waited for the download gave it up."""


def files_of(result: MediaResult | MediaFile | Sequence[MediaFile | str] | str) -> list[MediaFile]:
    """The files of whatever is to be saved."""
    if isinstance(result, (str, MediaFile)):
        result = [result]
    items = result.files if isinstance(result, MediaResult) else result
    if not isinstance(items, Iterable):
        raise InvalidRequestError(f"A {type(result).__name__} cannot be saved: pass a result, its files or their URLs.")
    files = [MediaFile(url=item) if isinstance(item, str) else item for item in items]
    for file in files:
        if not isinstance(file, MediaFile):
            raise InvalidRequestError(f"A {type(file).__name__} cannot be saved: pass files of a result, or URLs.")
    if not files:
        raise InvalidRequestError("There is nothing to save: the result has no file.")
    return files


async def save(client: Caller, files: Sequence[MediaFile], to: str | os.PathLike[str], run: Run) -> list[Path]:
    """Writes files; see `MediaMethods.save`."""
    folder, name = _folder_and_name(to, len(files))
    paths: list[Path] = []
    for file in files:

        def once(http: httpx.Client, stop: threading.Event, file: MediaFile = file) -> Path:
            return _save_one(http, file, folder, name, stop)

        try:
            path = await _retried(client, run, once)
        except AIMLAPIError as error:  # one of the connection is an OSError, too
            if paths:
                error.message += f" Saved before it: {', '.join(map(str, paths))}."
            raise
        except OSError as error:  # a full disk, a folder that may not be written to
            raise InvalidRequestError(
                f"{folder / (name or '')} cannot be written ({error.strerror or error})."
                + (f" Saved before it: {', '.join(map(str, paths))}." if paths else "")
            ) from error
        paths.append(path)
    return paths


async def fetch(client: Caller, url: str, name: str, most: int, run: Run) -> bytes:
    """The picture behind an address, for an endpoint that takes files only.

    An address within a private network is not fetched, unless it is the client's own host: a language model may have
    chosen it.

    Args:
        name: of the argument, for messages.
        most: bytes; more are refused.

    Raises:
        InvalidRequestError: it is no picture, is too large, or is within a private network.
    """
    own = urlsplit(client.base_url).netloc

    def check(request: httpx.Request) -> None:  # also of where it is redirected to
        if request.url.netloc.decode() != own and _is_private(request.url.host):
            raise InvalidRequestError(
                f"`{name}` is an address within a private network ({request.url.host}): pass the file, or its path."
            )

    def read(http: httpx.Client, stop: threading.Event) -> bytes:
        http.event_hooks["request"] = [check]
        data = bytearray()
        with _answered(url), http.stream("GET", url) as response:
            if not response.is_success:
                raise _refusal(response, url)
            for chunk in response.iter_bytes():
                data += chunk
                if stop.is_set():
                    raise Cancelled
                if len(data) > most:
                    raise InvalidRequestError(f"`{name}` has more than the {most // 1_000_000} MB that are taken.")
        if not (media_types.sniff(bytes(data[:1024])) or "").startswith("image/"):
            raise InvalidRequestError(f"`{name}`: {_host(url)} does not answer with a picture.")
        return bytes(data)

    return await _retried(client, run, read)


async def _retried(client: Caller, run: Run, work: Callable[[httpx.Client, threading.Event], T]) -> T:
    """What the work gives, tried as often as the client tries a request.

    Args:
        client: whose proxy and retries are used; its key is not.
        work: does one try; it ends once its event is set.
    """
    stop = threading.Event()
    try:
        with httpx.Client(proxy=client.route.proxy, follow_redirects=True, timeout=_TIMEOUT) as http:
            limits = TimeLimits(client, _NO_REQUEST, None)
            return await client._with_retries(lambda: run(lambda: work(http, stop)), limits)
    finally:
        stop.set()  # a thread may go on when nobody waits any more


def _is_private(host: str) -> bool:
    """Whether a name leads to a machine that is not on the public internet; False for one that cannot be looked up."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False  # a proxy may know it
    return any(not ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found)


def _folder_and_name(to: str | os.PathLike[str], files: int) -> tuple[Path, str | None]:
    """The folder, which is made, and the name for the one file; None where files keep theirs."""
    try:
        target = Path(to).expanduser()
        is_folder = target.is_dir() or files > 1 or str(to).endswith(("/", os.sep)) or not target.suffix
        folder = target if is_folder else target.parent
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, RuntimeError, TypeError) as error:  # also a null character, and a home of nobody
        raise InvalidRequestError(f"{to} cannot be made ({getattr(error, 'strerror', None) or error}).") from error
    return folder, None if is_folder else target.name


_NO_REQUEST = Request(model="", profile=profile_for(""), body=b"")  # the limits are those of a client's whole answer


def _save_one(http: httpx.Client, file: MediaFile, folder: Path, name: str | None, stop: threading.Event) -> Path:
    """One try to write one file."""
    if file.url is None:
        data = file.data or b""
        with part_file(folder, data) as (part, held):
            part.write_bytes(data)
            media_type = media_types.sniff(data) or file.media_type
            return _take_name(part, held, folder / (name or _safe_name(file.name or file.role or "file", media_type)))
    with part_file(folder, file.url.encode()) as (part, held):
        with _answered(file.url):
            headers = _fetch(http, file.url, part, stop)
        with part.open("rb") as opened:
            media_type = media_types.sniff(opened.read(1024))
        stated = media_types.normalize(headers.get("content-type", "")) or file.media_type
        return _take_name(part, held, folder / (name or _name_for(file, headers, media_type or stated)))


@contextmanager
def _answered(url: str) -> Iterator[None]:
    """Makes errors of this package of those of a download."""
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        failure = to_aimlapi_error(error, str)
        if isinstance(failure, APIConnectionError):
            failure.message = f"The download from {_host(url)} broke off. {failure.message}"
        raise failure from None


def _fetch(http: httpx.Client, url: str, part: Path, stop: threading.Event) -> httpx.Headers:
    """Adds to `part` what it lacks of the file. Returns the reply's headers."""
    start = part.stat().st_size
    headers = {"accept-encoding": "identity"}  # a range counts the bytes as they travel
    if start:
        headers["range"] = f"bytes={start}-"
    with http.stream("GET", url, headers=headers) as response:
        if response.status_code == 416 and start:  # it is whole, or another file by now
            part.write_bytes(b"")
            raise APIConnectionError("The download has to begin again.")
        if not response.is_success:
            raise _refusal(response, url)
        is_rest = response.status_code == 206 and start > 0
        length = response.headers.get("content-length", "")
        expected = int(length) if length.isdigit() else None
        received = 0
        with part.open("ab" if is_rest else "wb") as opened:
            for chunk in response.iter_raw():
                if stop.is_set():
                    raise Cancelled
                opened.write(chunk)
                opened.flush()  # a process that is killed has what came
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


def _take_name(part: Path, held: BinaryIO, target: Path) -> Path:
    """Moves a whole file to its name, or to the next that is free: another process may take one meanwhile.

    `Cat.png` takes the name of `cat.png`, too: on Windows and macOS it is the same.
    """
    taken = {entry.name.casefold() for entry in target.parent.iterdir()}
    for number in range(1, 10_000):
        free = target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        if free.name.casefold() in taken:
            continue
        try:
            free.open("xb").close()
        except FileExistsError:
            continue
        if sys.platform == "win32":
            held.close()  # an open file cannot be moved there
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
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    plain = _FORBIDDEN.sub("_", plain).strip(" .") or "file"
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 5:
        stem, ending = plain, ""
    ending = f".{ending}" if ending else media_types.extension(media_type)
    short = (stem or plain).encode()[:_LONGEST_STEM].decode(errors="ignore").rstrip(" .")
    return f"{short or 'file'}{ending}"


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the host"
