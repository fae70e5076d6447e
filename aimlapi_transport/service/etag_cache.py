"""Replies that a server may call unchanged (304), kept on disk in the platform's cache folder. No key is in them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import orjson
from platformdirs import user_cache_path

APPLICATION = "aimlapi-integrations"


class EtagCache:
    """A file for each address. A folder that cannot be written keeps nothing, and is no error.

    Args:
        folder: where; by default the platform's, as `platformdirs` knows it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def find(self, url: str) -> tuple[str, bytes] | None:
        """The tag and the body that are kept for an address."""
        try:
            entry = orjson.loads(self._path(url).read_bytes())
            if entry["url"] != url:
                return None
            return str(entry["etag"]), str(entry["body"]).encode()
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, url: str, etag: str, body: bytes) -> None:
        """Keeps a body under its tag."""
        path = self._path(url)
        try:
            data = orjson.dumps({"url": url, "etag": etag, "body": body.decode()})
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                os.replace(name, path)
            except OSError:  # a full disk; on Windows, a file that another process reads
                os.unlink(name)
        except (OSError, ValueError):
            return

    def _path(self, url: str) -> Path:
        if self._folder is None:
            self._folder = user_cache_path(APPLICATION, appauthor=False)
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"
