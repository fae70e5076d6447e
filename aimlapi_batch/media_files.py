"""The files of a job of media: their names, what is known of them, and those that were deleted."""

from __future__ import annotations

import asyncio
import filecmp
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from aimlapi_batch.job import DELETED, Job, Row, StoreError
from aimlapi_batch.store import Store
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError, NotFoundError
from aimlapi_transport.json_codec import loads
from aimlapi_transport.media.measures import Measures, measures_of
from aimlapi_transport.media.values import MediaFile

if TYPE_CHECKING:
    from aimlapi_transport.client import AsyncClient

_UNSAFE = re.compile(r"[^\w.-]+")
_MOST_NAME = 160  # bytes; file systems take 255, with a number and an ending
_INCOMING = ".incoming"  # the folder in which a file is until it is whole
_DOWNLOADS = 8  # files that are fetched again at a time


class DownloadError(AIMLAPIError):
    """What was made could not be fetched. It is paid for: the row is asked again for the file only."""

    is_retryable = True


class MediaFolder:
    """Where the files of a job are saved."""

    def __init__(self, job: Job, client: AsyncClient) -> None:
        self._job, self._client = job, client
        self._folder = job.save_folder

    def close(self) -> None:
        """Takes the folder away in which files were until they were whole, if nothing is in it."""
        with suppress(OSError):
            (self._folder / _INCOMING).rmdir()

    async def save(self, file: MediaFile, key: str) -> Row:
        """Saves a file under the key of its row; what is known of it.

        Raises:
            DownloadError: it cannot be fetched.
            NotFoundError: its address has expired.
            StoreError: the folder cannot be written.
        """
        path = await self._fetched(file)
        target = await asyncio.to_thread(_placed, path, self._folder, file_stem(key))
        return await asyncio.to_thread(_file, file, target)

    async def _fetched(self, file: MediaFile) -> Path:
        try:
            (path,) = await self._client.save(file, f"{self._folder / _INCOMING}{os.sep}")
        except NotFoundError:
            raise
        except InvalidRequestError as error:  # as the next files would be, too, and each is paid for
            raise StoreError(f"{error.message} What was made is paid for, and fetched by the next run.") from error
        except AIMLAPIError as error:
            raise DownloadError(f"What was made is paid for, and was not fetched: {error.message}") from error
        return path

    async def fetch_deleted(self, store: Store, note: Callable[[str], None], stop: asyncio.Event) -> None:
        """Fetches the files of answered rows again that are not there any more, from the addresses in the answers."""
        deleted = self._deleted(store)
        fetched, expired, failed = 0, list[int](), list[str]()

        async def fetch(row: int, name: str, url: str | None) -> None:
            nonlocal fetched
            try:
                if url is None:
                    raise NotFoundError("It had no address.")
                os.replace(await self._fetched(MediaFile(url=url)), self._folder / name)
                fetched += 1
            except NotFoundError:
                expired.append(row)
            except DownloadError as error:
                failed.append(error.message)

        while (some := list(islice(deleted, _DOWNLOADS))) and not stop.is_set():
            await asyncio.gather(*(fetch(*one) for one in some))
        if fetched:
            note(f"{fetched:,} files that were deleted from {self._folder} have been fetched again.")
        store.put(deleted=expired or None)
        if expired:
            note(
                f"{len(expired):,} files that were deleted from {self._folder} cannot be fetched again, as their "
                f"addresses have expired. `--retry-errors {DELETED}` has them made anew."
            )
        if failed:
            note(f"{len(failed):,} files that were deleted from {self._folder} were not fetched again: {failed[0]}")

    def _deleted(self, store: Store) -> Iterator[tuple[int, str, str | None]]:
        """Row, name and address of each file of an answered row that is neither where it was nor in the folder."""
        sql = "SELECT id, answer FROM rows WHERE state = 1 AND id IN (SELECT id FROM temp.selected)"
        for row, answer in store.query(sql):
            for file in loads(answer).get("files") or ():
                path = Path(file["path"])
                if not path.exists() and not (self._folder / path.name).exists():
                    yield row, path.name, file["url"]


def _file(file: MediaFile, path: Path) -> Row:
    """What is known of a file: what the reply says, else what the file is."""
    found = measures_of(path)
    known = {name: getattr(file, name) or getattr(found, name) for name in Measures._fields}
    return {"path": path.as_posix(), "url": file.url, **known}


def file_stem(key: str) -> str:
    """The name of a row's files, without ending: its key, with a digest where a file cannot be called that."""
    plain = _UNSAFE.sub("_", key).strip(".").encode()[:_MOST_NAME].decode(errors="ignore") or "_"
    if plain == key and (os.name == "posix" or key == key.lower()):
        return plain
    return f"{plain}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _placed(path: Path, folder: Path, stem: str) -> Path:
    """Moves a whole file to its name; a number stands behind it where another file has the name already."""
    for number in count(1):
        target = folder / f"{stem}{'' if number == 1 else f'~{number}'}{path.suffix}"
        if not target.exists():
            os.replace(path, target)
            return target
        if filecmp.cmp(path, target, shallow=False):  # the job was killed behind this point
            path.unlink()
            return target
    raise AssertionError
