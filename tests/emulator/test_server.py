"""The server starts fast, stops clean, keeps many streams, and tells what it received without the key."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from tests.emulator.conftest import asking

ROOT = Path(__file__).parent.parent.parent


def test_it_starts_and_stops_soon() -> None:
    start = time.monotonic()
    with emulator() as server:
        assert httpx.get(f"{server.base_url}/models?id=gpt-4o").status_code == 200
        started = time.monotonic()
    assert started - start < 10
    assert time.monotonic() - started < 10
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.base_url}/models")


def test_it_binds_loopback_and_says_where() -> None:
    with emulator() as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.base_url == f"{server.url}/v1"
        assert server.host_url("powertokens") == f"{server.url}/powertokens/v1"
        assert server.host_url("aimlapi") == server.base_url


def test_stopping_twice_is_harmless_and_starting_twice_is_an_error() -> None:
    server = EmulatorServer().start()
    with pytest.raises(RuntimeError):
        server.start()
    server.stop()
    server.stop()


def test_it_stops_while_streams_are_open() -> None:
    with emulator() as server:
        headers = {"Authorization": "Bearer k"}
        http = httpx.Client(base_url=server.base_url, headers=headers)
        request = http.build_request("POST", "/chat/completions", json=asking("Hi", "fault-endless", stream=True))
        http.send(request, stream=True)
        start = time.monotonic()
    assert time.monotonic() - start < 15
    http.close()


def test_what_was_received_is_kept_without_the_key() -> None:
    with emulator() as server:
        body = asking("Hi")
        httpx.post(f"{server.base_url}/chat/completions?a=1", json=body, headers={"Authorization": "Bearer sk-secret"})
        httpx.get(f"{server.url}/nowhere")
        first, second = server.requests
        assert (first.method, first.path, first.query, first.json) == ("POST", "/v1/chat/completions", "a=1", body)
        assert first.headers["content-type"] == "application/json"
        assert (second.method, second.path, second.json) == ("GET", "/nowhere", None)
        assert "sk-secret" not in repr(server.requests)
        server.clear()
        assert server.requests == []


async def test_200_streams_at_once_each_get_their_own_answer(server: EmulatorServer) -> None:
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": "Bearer k"}
    async with httpx.AsyncClient(base_url=server.base_url, headers=headers, limits=limits, timeout=30) as http:
        opened = asyncio.Event()
        waiting = 0

        async def one(number: int) -> str:
            nonlocal waiting
            body = asking(f"number {number}", "fault-echo", stream=True)
            async with http.stream("POST", "/chat/completions", json=body) as response:
                waiting += 1
                if waiting == 200:  # all are open before any is read
                    opened.set()
                await opened.wait()
                return (await response.aread()).decode()

        texts = await asyncio.gather(*(one(number) for number in range(200)))
    for number, text in enumerate(texts):
        assert text.endswith("data: [DONE]\n\n")
        pieces = [part.partition('"content":"')[2].partition('"')[0] for part in text.split("\n\n")]
        assert "".join(pieces) == f"number {number}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("fault", ["fault-ok", "fault-endless", "fault-stall"])
def test_the_command_line_prints_its_url_first_and_stops_on_a_signal(number: signal.Signals, fault: str) -> None:
    command = [sys.executable, "-m", "aimlapi_emulator", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/v1")
        with pytest.raises(httpx.ConnectError):  # no TLS is spoken here
            httpx.get(url.replace("http:", "https:"), trust_env=False)
        with httpx.Client(headers={"Authorization": "Bearer k"}, timeout=30, trust_env=False) as http:
            assert http.get(f"{url}/models?id=gpt-4o").status_code == 200
            asked = http.build_request("POST", f"{url}/chat/completions", json=asking("Hi", fault, stream=True))
            http.send(asked, stream=True)
            process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("port", ["99999", "-1", "x"])
def test_a_port_that_is_none_is_an_error_of_one_line(port: str) -> None:
    command = [sys.executable, "-m", "aimlapi_emulator", "--port", port]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_the_command_line_lists_faults() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aimlapi_emulator", "--list-faults"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert "fault-429-always" in done.stdout


def test_an_answer_does_not_depend_on_the_process_that_gives_it() -> None:
    code = (
        "import httpx, json, sys\n"
        "from aimlapi_emulator import emulator\n"
        "context = 'Context: ' + ' '.join(f'Item {n} costs {n} euros in shop {n % 7}.' for n in range(50))\n"
        "asked = context + '\\nQuestion: What does item 7 cost in the shop?'\n"
        "body = {'model': 'zhipu/glm-5-1', 'messages': [{'role': 'user', 'content': asked}], 'stream': True}\n"
        "with emulator() as server:\n"
        "    reply = httpx.post(server.base_url + '/chat/completions', json=body, headers={'Authorization': 'Bearer k'})\n"
        "    print(sorted(reply.headers.items()), reply.text)\n"
    )

    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        return done.stdout

    assert run("1") == run("2")
    assert "choices" in run("3")


def test_importing_the_plugin_brings_no_server_along() -> None:
    code = "import sys, aimlapi_emulator.pytest_plugin; print('starlette' in sys.modules, 'uvicorn' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "False False"
