"""Files of results on this machine: whole or not at all, taken up where they broke off, and no key on the way."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import APIConnectionError, InvalidRequestError, NotFoundError, ServerError
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
        self.gone: set[str] = set()
        self.answer = PNG
        self.goes_on: threading.Event | None = None  # what keeps all but the first 1000 bytes back
        self.waits = threading.Event()

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
        if self.path in server.gone:
            self.send_error(404)
            return
        start = 0
        if server.takes_ranges and (asked := self.headers.get("range")):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(server.answer) - start))
        self.end_headers()
        rest = server.answer[start:]
        if (goes_on := server.goes_on) is not None:
            self.wfile.write(rest[:1000])
            self.wfile.flush()
            server.waits.set()
            goes_on.wait(10)
            rest = rest[1000:]
        if server.breaks:
            self.wfile.write(rest[: server.breaks.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(rest)

    def do_POST(self) -> None:
        self.send_error(404)

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


def save(file: MediaFile | str, to: Path, **settings: Any) -> list[Path]:
    return Client(api_key="k", sleep=lambda seconds: None, **settings).save(file, to)


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
    files.breaks = [1000, 10, 20]
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


def test_names_that_differ_in_case_are_one(files: Files, tmp_path: Path) -> None:
    (tmp_path / "CAT.png").write_bytes(b"mine")
    assert [save(files.url("/cat.png"), tmp_path)[0].name for _ in range(2)] == ["cat-2.png", "cat-3.png"]


@pytest.mark.parametrize("address", ["ftp://h/a.png", "http://[::1", "nothing"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(InvalidRequestError, match="address"):
        save(address, tmp_path)


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
        ("/" + "a" * 300 + ".png", {}, "a" * 180 + ".png"),
        ("/" + "%C3%BC" * 300 + ".png", {}, "ü" * 90 + ".png"),
        ("/a%20cat%20%F0%9F%90%88.png", {}, "a cat 🐈.png"),
        ("/u%CC%88.png", {}, "ü.png"),  # one spelling of it
        *((f"/{name}", {}, f"_{name}.png") for name in ("NUL", "com1", "LPT9", "aux", "CONIN$")),
        ("/nul.tar.png", {}, "_nul.tar.png"),
        ("/nul%20.png", {}, "_nul.png"),
        ("/COM%C2%B9.png", {}, "_COM¹.png"),
        ("/console.png", {}, "console.png"),
        ("/cat.%20.%20", {}, "cat.png"),
        ("/c:cat.png", {}, "c_cat.png"),
        ("/a%00b%7F%1F.png", {}, "a_b__.png"),
        ("/...", {}, "file.png"),
        ("/x", {"content-type": "audio/mpeg"}, "x.png"),  # the bytes know better
    ],
)
def test_no_name_leads_elsewhere(
    files: Files, tmp_path: Path, path: str, headers: dict[str, str], expected: str
) -> None:
    files.headers = headers
    [saved] = save(files.url(path), tmp_path)
    assert saved.name == expected and saved.parent == tmp_path


def test_retries_are_those_of_the_client(files: Files, tmp_path: Path) -> None:
    pauses: list[float] = []
    files.statuses = [503] * 9
    with pytest.raises(ServerError):
        Client(api_key="k", sleep=pauses.append, max_retries=4).save(files.url("/cat.png"), tmp_path)
    assert len(files.requests) == 5 and len(pauses) == 4
    with pytest.raises(ServerError):
        save(files.url("/cat.png"), tmp_path, max_retries=0)
    assert len(files.requests) == 6


async def test_a_cancelled_download_stops_at_once_and_can_be_taken_up(files: Files, tmp_path: Path) -> None:
    files.goes_on = threading.Event()
    client = AsyncClient(api_key="k", max_retries=0)
    task = asyncio.ensure_future(client.save(files.url("/cat.png"), tmp_path))
    await asyncio.to_thread(files.waits.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    files.goes_on.set()
    files.goes_on = None
    [path] = await client.save(files.url("/cat.png"), tmp_path / "again")
    assert path.read_bytes() == PNG
    assert not await asyncio.to_thread(lambda: list(tmp_path.glob("*.png")))


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="nothing to save"):
        Client(api_key="k").save(MediaResult("m", "ocr", text="Hello"), tmp_path)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InvalidRequestError, match="cannot be made"):
        save("http://127.0.0.1:1/x", tmp_path / "taken" / "deeper" / "x.png")
    with pytest.raises(APIConnectionError):
        save("http://127.0.0.1:1/x", tmp_path)
    assert os.listdir(tmp_path) == ["taken"]
    client: Any = Client(api_key="k")
    for wrong in (None, 7, [None], [7], b"bytes"):
        with pytest.raises(InvalidRequestError, match="cannot be saved"):
            client.save(wrong, tmp_path)
    with pytest.raises(InvalidRequestError, match="cannot be made"):
        client.save(MediaFile(data=PNG), None)


def test_a_list_of_addresses_is_saved(files: Files, tmp_path: Path) -> None:
    paths = Client(api_key="k").save([files.url("/a.png"), files.url("/b.png")], tmp_path)
    assert [path.name for path in paths] == ["a.png", "b.png"]


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InvalidRequestError, match=r"x\.png cannot be written \(No space"):
        Client(api_key="k").save(MediaFile(data=PNG), tmp_path / "x.png")


def test_what_was_saved_before_a_failure_is_said(files: Files, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        client = Client(api_key="k", sleep=lambda seconds: None)
        first, second = MediaFile(url=files.url("/a.png")), MediaFile(url=files.url("/b.png"))
        files.gone.add("/b.png")
        client.save([first, second], tmp_path)
    assert str(tmp_path / "a.png") in caught.value.message and (tmp_path / "a.png").read_bytes() == PNG


CHILD = """
import sys
from aimlapi_transport import Client
print(Client(api_key="k", max_retries=0).save(sys.argv[1], sys.argv[2])[0].name)
"""


def test_two_processes_share_no_unfinished_file(files: Files, tmp_path: Path) -> None:
    files.goes_on = threading.Event()
    address = files.url("/cat.png")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, address, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert files.waits.wait(30)  # the other one has the beginning
    holding, files.goes_on = files.goes_on, None
    assert [path.read_bytes() == PNG for path in save(address, tmp_path)] == [True]
    holding.set()
    assert child.communicate()[0].strip() == "cat-2.png" and (tmp_path / "cat-2.png").read_bytes() == PNG
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat-2.png", "cat.png"]
    assert "range" not in files.requests[-1][1]


def test_what_a_killed_process_left_is_taken_up(files: Files, tmp_path: Path) -> None:
    files.goes_on = threading.Event()
    address = files.url("/cat.png")
    child = subprocess.Popen([sys.executable, "-c", CHILD, address, str(tmp_path)], cwd=Path.cwd())
    assert files.waits.wait(30)
    while not any(path.stat().st_size for path in tmp_path.iterdir()):
        time.sleep(0.02)
    child.kill()
    child.wait()
    files.goes_on.set()
    files.goes_on = None
    [path] = save(address, tmp_path)
    assert path.read_bytes() == PNG and files.requests[-1][1]["range"].startswith("bytes=")


def test_an_upload_is_fetched_and_is_a_picture_of_the_internet(files: Files) -> None:
    client = Client(api_key="k", max_retries=0, base_url=files.url("/v1"))
    with pytest.raises(NotFoundError):  # fetched, for it is the host of the client; and sent, which this host knows not
        client.edit_image("openai/gpt-image-1", "A hat", files.url("/cat.png"))
    assert [request[0] for request in files.requests] == ["/cat.png"]
    assert "authorization" not in files.requests[0][1]
    other = Client(api_key="k", max_retries=0, base_url="http://127.0.0.1:1/v1")
    with pytest.raises(InvalidRequestError, match="private network"):
        other.edit_image("openai/gpt-image-1", "A hat", [MediaFile(url=files.url("/cat.png"))])
    assert len(files.requests) == 1


@pytest.mark.parametrize(
    ("answer", "words"), [(b"<html>secret</html>", "not answer with a picture"), (PNG * 100, "50 MB")]
)
async def test_what_is_fetched_for_an_upload_is_bounded(files: Files, answer: bytes, words: str) -> None:
    files.answer = answer
    async with AsyncClient(api_key="k", max_retries=0, base_url=files.url("/v1")) as client:
        with pytest.raises(InvalidRequestError, match=words):
            await client.edit_image("openai/gpt-image-1", "A hat", files.url("/cat.png"))
