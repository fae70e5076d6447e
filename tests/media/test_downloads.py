"""Files of results on this machine: whole or not at all, taken up where they broke off, and no key on the way."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import APIConnectionError, InvalidRequestError, NotFoundError
from aimlapi_transport.media import downloads
from aimlapi_transport.media.values import MediaFile, MediaResult

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000


class Files(ThreadingHTTPServer):
    """Gives out `PNG` under any path; breaks off after `breaks` bytes each, answers with `statuses` first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.breaks: list[int] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.takes_ranges = True

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Files

    def do_GET(self) -> None:
        server = self.server
        server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        start = 0
        if server.takes_ranges and (asked := self.headers.get("range")):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(PNG) - start))
        self.end_headers()
        rest = PNG[start:]
        if server.breaks:
            self.wfile.write(rest[: server.breaks.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(rest)

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def files() -> Iterator[Files]:
    server = Files()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def save(file: MediaFile | str, to: Path, **options: Any) -> list[Path]:
    return downloads.save(downloads.files_of(file), to, pause=lambda seconds: None, **options)


def test_a_file_is_fetched_with_its_address_as_it_is_and_without_the_key(files: Files, tmp_path: Path) -> None:
    client = Client(api_key="secret-key", headers={"X-Mine": "1"}, query={"a": "b"})
    query = "/a%2Fb/cat?Expires=x1&Signature=a%2Bb%3D&x=%7E"
    result = MediaResult("m", "images", files=(MediaFile(url=files.url(query)), MediaFile(data=PNG, role="image")))
    first, second = client.save(result, tmp_path)
    assert first.read_bytes() == second.read_bytes() == PNG
    assert (first.name, second.name) == ("cat.png", "image.png")
    [(path, headers)] = files.requests
    assert path == query and "authorization" not in headers and "x-mine" not in headers
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["cat.png", "image.png"]


async def test_the_same_asynchronously(files: Files, tmp_path: Path) -> None:
    [path] = await AsyncClient(api_key="k").save(files.url("/cat.png"), tmp_path / "new" / "hat.png")
    assert path == tmp_path / "new" / "hat.png" and path.read_bytes() == PNG


def test_a_download_that_breaks_off_goes_on_where_it_was(files: Files, tmp_path: Path) -> None:
    files.breaks = [1000, 2000]
    [path] = save(files.url("/cat.png"), tmp_path)
    assert path.read_bytes() == PNG
    assert [headers.get("range") for _, headers in files.requests] == [None, "bytes=1000-", "bytes=3000-"]


def test_also_in_the_next_call(files: Files, tmp_path: Path) -> None:
    files.breaks = [1000, 10, 10, 10]
    with pytest.raises(APIConnectionError, match=r"broke off|ended after"):
        save(files.url("/cat.png"), tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]  # no name before it is whole
    [path] = save(files.url("/cat.png"), tmp_path)
    assert path.read_bytes() == PNG and files.requests[-1][1]["range"] == "bytes=1030-"


def test_a_host_without_ranges_begins_again(files: Files, tmp_path: Path) -> None:
    files.breaks, files.takes_ranges = [1000], False
    assert save(files.url("/cat.png"), tmp_path)[0].read_bytes() == PNG


def test_trouble_of_the_host_is_tried_again(files: Files, tmp_path: Path) -> None:
    files.statuses = [503, 500]
    assert save(files.url("/cat.png"), tmp_path)[0].read_bytes() == PNG


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_address_that_expired_says_so(files: Files, tmp_path: Path, status: int) -> None:
    files.statuses = [status]
    with pytest.raises(NotFoundError, match=r"127\.0\.0\.1 no longer gives out this file: .* expire"):
        save(files.url("/cat.png?Expires=1"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_names_that_are_taken_get_another(files: Files, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"mine")
    names = [save(files.url("/cat.png"), tmp_path)[0].name for _ in range(2)]
    assert names == ["cat-2.png", "cat-3.png"] and (tmp_path / "cat.png").read_bytes() == b"mine"
    assert save(files.url("/x"), tmp_path / "cat.png")[0].name == "cat-4.png"


def test_many_at_once_take_no_ones_place(files: Files, tmp_path: Path) -> None:
    threads = [threading.Thread(target=save, args=(files.url("/cat.png"), tmp_path)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.iterdir())) == 6
    assert all(path.read_bytes() == PNG for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/..%2F..%2Fetc%2Fpasswd", {}, "passwd.png"),
        ("/a%5C..%5Cb.png", {}, "b.png"),
        ("/con", {}, "_con.png"),
        ("/", {}, "file.png"),
        ("/x", {"content-disposition": 'attachment; filename="../my:cat?.png"'}, "my_cat_.png"),
        ("/.hidden", {}, "hidden.png"),
        ("/" + "a" * 300 + ".png", {}, "a" * 120 + ".png"),
        ("/x", {"content-type": "audio/mpeg"}, "x.png"),  # the bytes know better
    ],
)
def test_no_name_leads_elsewhere(
    files: Files, tmp_path: Path, path: str, headers: dict[str, str], expected: str
) -> None:
    files.headers = headers
    [saved] = save(files.url(path), tmp_path)
    assert saved.name == expected and saved.parent == tmp_path


async def test_a_cancelled_download_stops_and_can_be_taken_up(files: Files, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(downloads.Cancelled):
        await asyncio.to_thread(save, files.url("/cat.png"), tmp_path, stop=stop)
    assert save(files.url("/cat.png"), tmp_path)[0].read_bytes() == PNG


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no file to save"):
        Client(api_key="k").save(MediaResult("m", "ocr", text="Hello"), tmp_path)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InvalidRequestError, match="cannot be made"):
        save("http://127.0.0.1:1/x", tmp_path / "taken" / "deeper" / "x.png")
    with pytest.raises(APIConnectionError):
        save("http://127.0.0.1:1/x", tmp_path)
    assert os.listdir(tmp_path) == ["taken"]
