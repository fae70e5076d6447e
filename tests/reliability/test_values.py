"""Clients, embeddings and errors as values: copies, keys, and the end of their connections. The models are in `life.py`."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import re
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import cloudpickle
import httpx
import pytest

from aimlapi_transport import errors as transport_errors
from aimlapi_transport.chat.response import Choice, Completion
from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError
from langchain_aimlapi import errors as langchain_errors
from tests.reliability.checks import eventually
from tests.reliability.forms import FORMS, KEY, Form, embedding, embeddings
from tests.reliability.kinds import KINDS, Kind
from tests.scripted import answer, reply, scripted

ROOT = Path(__file__).parents[2]
HI = [{"role": "user", "content": "Hi"}]
VECTORS = {"data": [{"index": n, "embedding": [1.0, 2.0]} for n in range(2)]}
PARTIAL = Completion("c", "m", 1, (Choice(0, "He", "", "", (), None, None, None, {}),), None, None, None, None, {}, {})
ERRORS = [
    getattr(module, name)
    for module in (transport_errors, langchain_errors)
    for name in module.__all__
    if isinstance(getattr(module, name), type) and issubclass(getattr(module, name), AIMLAPIError)
]
EMBEDDERS = [form for form in FORMS if form.kind == "embed"]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
@pytest.mark.parametrize("copied", [pickle, cloudpickle, copy], ids=lambda module: module.__name__)
def test_an_error_is_copied_with_all_it_carries(kind: type[AIMLAPIError], copied: Any) -> None:
    told = {"status_code": 429, "request_id": "r", "body": {"a": [1]}, "retry_after": 2.5, "is_retryable": True}
    error = kind("no", partial=PARTIAL, **told)
    again = copied.deepcopy(error) if copied is copy else pickle.loads(copied.dumps(error))
    assert (type(again), str(again), again.args, vars(again)) == (kind, str(error), error.args, vars(error))
    assert str(error) == f"no (status 429, request id r) {kind.advice}".strip()


@pytest.mark.parametrize("make", [embeddings, embedding])
def test_embeddings_are_values(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    form = EMBEDDERS[0] if make is embeddings else EMBEDDERS[2]
    with scripted(reply(body=VECTORS)) as server:
        model = make("voyage-2", server.base_url, api_key=None)
        for _ in range(2):
            for data in (pickle.dumps(model), cloudpickle.dumps(model)):
                assert KEY.encode() not in data
                assert form.came(pickle.loads(data)).kind == "answer"
            assert form.came(copy.deepcopy(model)).kind == "answer"
        keyed = make("voyage-2", server.base_url)
        assert KEY not in repr(keyed) + str(keyed) + keyed.model_dump_json() + repr(vars(keyed)) + repr(
            keyed.model_dump()
        )


@pytest.mark.parametrize("form", EMBEDDERS, ids=str)
def test_embeddings_end_their_connections(form: Form) -> None:
    """Dropped, or closed; and a closed one may be used again."""
    with scripted(reply(body=VECTORS)) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        model = form.make("voyage-2", server.base_url)
        for _ in range(2):
            assert form.came(model).kind == "answer"
            model.close()
            assert eventually(lambda: server.closed == server.connections > 0)
        with model:
            form.came(model)
        assert eventually(lambda: server.closed == server.connections == 3)
        form.came(model)
        del model
        gc.collect()
        assert eventually(lambda: server.closed == server.connections == 4)


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_an_http_client_of_ones_own_is_never_closed(kind: Kind) -> None:
    handle = httpx.MockTransport(lambda request: httpx.Response(200, json=answer()))
    own, aown = httpx.Client(transport=handle), httpx.AsyncClient(transport=handle)
    with kind.make("m", "http://x/v1", **dict(zip(kind.own, (own, aown), strict=True))) as model:
        assert kind.ask(model) == "Hello"
        assert asyncio.run(kind.aask(model)) == "Hello"
    asyncio.run(model.aclose())
    del model
    gc.collect()
    assert (own.is_closed, aown.is_closed) == (False, False)
    own.close()
    with pytest.raises(InvalidRequestError, match="is closed"):
        Client(api_key=KEY, http_client=own).chat("m", HI)


def test_clients_are_values() -> None:
    with scripted(reply(body=answer())) as server:
        client = Client(api_key=KEY, base_url=server.base_url)
        for _ in range(2):
            assert [copied(client).chat("m", HI).text for copied in (copy.copy, copy.deepcopy)] == ["Hello"] * 2
            assert pickle.loads(pickle.dumps(client)).chat("m", HI).text == client.chat("m", HI).text
        assert KEY not in repr(client) + repr(vars(client))
        with client:
            client.chat("m", HI)

        async def main() -> str:
            async with AsyncClient(api_key=KEY, base_url=server.base_url) as other:
                return (await other.chat("m", HI)).text

        assert asyncio.run(main()) == "Hello"
        assert eventually(lambda: server.closed == server.connections)


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_a_validation_error_does_not_show_the_key(kind: Kind) -> None:
    for wrong in ({"max_retries": "many"}, {"timeout": "soon"}, {"api_key": [KEY]}, {"preset": KEY}):
        try:
            kind.ask(kind.make("m", "http://127.0.0.1:9/v1", **wrong))
        except Exception as error:
            if "preset" not in wrong:
                assert KEY not in "".join(traceback.format_exception_only(error))
        else:
            raise AssertionError(wrong)


LIKE_A_KEY = re.compile(rb"(?:sk|pk|rk)-[A-Za-z0-9]{20,}|[Bb]earer [A-Za-z0-9._-]{20,}|[0-9a-f]{32}:[0-9a-f]{16}")


def test_no_file_of_the_project_holds_what_looks_like_a_key() -> None:
    """What is in the repository is what the wheel, the sdist and the cassettes are made of."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    if not names:
        pytest.skip("no repository here")
    found = [
        name for name in names if name and (ROOT / name).is_file() and LIKE_A_KEY.search((ROOT / name).read_bytes())
    ]
    assert found == []
    assert LIKE_A_KEY.search(b"Authorization: Bearer " + b"x" * 24)


def test_importing_opens_no_thread_and_no_socket() -> None:
    code = "import threading, os; n = len(os.listdir('/proc/self/fd')) if os.path.exists('/proc/self/fd') else 0\n"
    code += "from langchain_aimlapi import ChatAIMLAPI; from llama_index_aimlapi import AIMLAPI; import aimlapi_transport.client\n"
    code += "ChatAIMLAPI(model='m', api_key='k'); AIMLAPI(model='m', api_key='k')\n"
    code += "assert not n or len(os.listdir('/proc/self/fd')) == n; import aimlapi_transport.http.pool as p; assert not p._pools"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.is_async], ids=str)
def test_a_failed_call_keeps_nothing_alive(form: Form) -> None:
    """No circle of frame, error and traceback: without the collector's help the connections go with model and error."""
    gc.collect()
    gc.disable()
    try:
        with scripted(reply(401, {"message": "no"})) as server:
            model = form.make("m", server.base_url)
            came = form.came(model)
            assert came.kind == "AuthenticationError"
            del model, came
            assert eventually(lambda: server.closed == server.connections == 1)
    finally:
        gc.enable()
