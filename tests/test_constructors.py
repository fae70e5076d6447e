"""The four constructors: one wording, one moment, one set of names; seen by checkers and by `inspect.signature`."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from pydantic import SecretStr, ValidationError

from aimlapi_transport.client import Client
from aimlapi_transport.config.hosts import ANYFAST, PRESETS
from aimlapi_transport.config.settings import environment_address
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding
from llama_index_aimlapi.errors import InvalidSettingsError

ROOT = Path(__file__).parents[1]
CLASSES: list[Any] = [ChatAIMLAPI, AIMLAPIEmbeddings, AIMLAPI, AIMLAPIEmbedding]
SECRET = "sk-very-secret-0123456789"

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "`model` is None: pass the id of a model, for example "),
    ({"model": ""}, "`model` is empty: pass the id of a model, for example "),
    ({"model": " \t"}, "`model` is empty: pass the id of a model, for example "),
    ({"model": 3}, "`model` is 3: pass a string, the id of a model, for example "),
    ({"base_url": "nonsense"}, "`base_url` is 'nonsense': pass an address that starts with https:// or http://."),
    ({"api_base": "ftp://h/v1"}, "`base_url` is 'ftp://h/v1': pass an address that starts with https:// or http://."),
    ({"base_url": "http://h/v1?key=k"}, "`base_url` is 'http://h/v1?...': pass the address up to `/v1`"),
    ({"timeout": "soon"}, "`timeout` is 'soon': pass seconds, (connect, read), or an httpx.Timeout."),
    ({"request_timeout": "soon"}, "`timeout` is 'soon': pass seconds"),
    ({"timeout": -1}, "`timeout` is -1: pass seconds"),
    ({"timeout": 0}, "`timeout` is 0: pass seconds"),
    ({"timeout": True}, "`timeout` is True: pass seconds"),
    ({"timeout": (1, 2, 3)}, "`timeout` is (1, 2, 3): pass seconds"),
    ({"timeout": ("a", 2)}, "`timeout` is ('a', 2): pass seconds"),
    ({"max_retries": -1}, "`max_retries` is -1: pass a whole number, at least 0."),
    ({"max_retries": "many"}, "`max_retries` is 'many': pass a whole number, at least 0."),
    ({"deadline": 0}, "`deadline` is 0: pass seconds, above 0."),
    ({"preset": "mars"}, "`preset` is 'mars': pass aimlapi, powertokens or anyfast."),
    ({"limits": 3}, "`limits` is 3: pass an aimlapi_transport.Limits."),
    ({"strict_parameters": "perhaps"}, "`strict_parameters` is 'perhaps': pass True or False."),
    ({"api_key": 3}, "`api_key` has an invalid value of type int: pass a string, a SecretStr, or a function"),
    ({"default_headers": [SECRET]}, "`default_headers` has an invalid value of type list: pass a dict of strings."),
    ({"default_query": SECRET}, "`default_query` has an invalid value of type str: pass a dict."),
    ({"proxy": "nonsense"}, "`proxy` is not the URL of a proxy: pass one that begins with http://"),
    (
        {"proxy": "http://p", "http_client": httpx.Client()},
        "`proxy` cannot be combined with a client of your own: set it on that client.",
    ),
    ({"http_client": 3}, "`http_client` is of type builtins.int: pass an httpx.Client."),
    ({"http_client": httpx.AsyncClient()}, "`http_client` is of type httpx.AsyncClient: pass an httpx.Client."),
    (
        {"openai_key_apikey": SECRET},
        "`openai_key_apikey` is not a field: pass the key of the host in `base_url` as `api_key`.",
    ),
    (
        {"max_retrys": 1, "strict_parameters": True},
        " has no setting `max_retrys`: leave it out. Did you mean `max_retries`?",
    ),
]


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    ("settings", "says"), REFUSED, ids=[f"{n}-{'-'.join(settings)}" for n, (settings, _) in enumerate(REFUSED)]
)
def test_a_refusal_has_one_wording_and_one_moment(cls: Any, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError) as caught:
        cls(**{"model": "some/model", **settings})
    assert isinstance(caught.value, (ValidationError, InvalidSettingsError))
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_model_is_asked_for(cls: Any) -> None:
    with pytest.raises(ValueError, match="`model` is None: pass the id of a model"):
        cls()


def test_a_wrong_constructor_of_llama_index_is_an_error_of_ours_and_a_value_error() -> None:
    with pytest.raises(AIMLAPIError) as caught:
        AIMLAPI("some/model", timeout="soon")
    assert isinstance(caught.value, (InvalidRequestError)) and isinstance(caught.value, ValueError)
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


@pytest.mark.parametrize("cls", CLASSES)
def test_a_parameter_of_the_body_is_given_once(cls: Any) -> None:
    body = "model_kwargs" if "model_kwargs" in cls.model_fields else "additional_kwargs"
    with pytest.raises(ValueError, match=f"`zeta` is passed twice, as an argument and in `{body}`: leave one out."):
        cls(model="some/model", zeta=1, **{body: {"zeta": 2}})


@pytest.mark.parametrize("cls", CLASSES)
def test_an_unknown_setting_is_sent_with_one_warning_that_names_the_nearest(cls: Any) -> None:
    with pytest.warns(UserWarning, match=r"has no setting `max_retrys`: it is sent in the body") as caught:
        made = cls(model="some/model", max_retrys=1)
    assert len(caught) == 1 and "Did you mean `max_retries`?" in str(caught[0].message)
    assert caught[0].filename == __file__
    further = made.model_kwargs if hasattr(made, "model_kwargs") else made.additional_kwargs
    assert further == {"max_retrys": 1}


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"base_url": "http://h/v1"}, "base_url", "http://h/v1"),
        ({"api_base": "http://h/v1"}, "api_base", "http://h/v1"),
        ({"timeout": 3.0}, "timeout", 3.0),
        ({"request_timeout": (1.0, None)}, "timeout", (1.0, None)),
        ({"max_retries": 0}, "max_retries", 0),
        ({"deadline": 2.5}, "deadline", 2.5),
        ({"default_headers": {"a": "b"}}, "default_headers", {"a": "b"}),
        ({"default_query": {"a": "b"}}, "default_query", {"a": "b"}),
        ({"proxy": "http://p"}, "proxy", "http://p"),
        ({"preset": "anyfast"}, "preset", "anyfast"),
        ({"strict_parameters": True}, "strict_parameters", True),
        ({"api_key": SECRET}, "api_key", SecretStr(SECRET)),
    ],
)
@pytest.mark.filterwarnings("error")
def test_all_take_the_same_names(cls: Any, given: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(cls(model="some/model", **given), field) == value


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("name", ["http_async_client", "async_http_client"])
def test_a_client_for_async_calls_has_two_names(cls: Any, name: str) -> None:
    own = httpx.AsyncClient()
    made = cls(model="some/model", **{name: own})
    assert made.http_async_client is made.async_http_client is own
    assert copy.deepcopy(made).http_async_client is own
    assert pickle.loads(pickle.dumps(made)).http_async_client is None


@pytest.mark.parametrize("cls", CLASSES)
def test_equal_settings_are_equal(cls: Any) -> None:
    settings = {"model": "some/model", "timeout": 3.0, "default_headers": {"a": "b"}}
    one, same, other = cls(**settings), cls(**settings), cls(**{**settings, "timeout": 4.0})
    assert one == same == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert one != other and one != "some/model"
    assert one != cls(**{**settings, "api_key": SECRET})


@pytest.mark.parametrize("cls", [AIMLAPI, AIMLAPIEmbedding])
def test_callback_managers_are_equal_by_their_handlers(cls: Any) -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    managers = [CallbackManager([handler]), CallbackManager([handler]), CallbackManager([])]
    one, same, other = (cls("some/model", callback_manager=manager) for manager in managers)
    assert one == same and one != other


# -- signatures ----------------------------------------------------------------------------------------------------------

SIGNATURES = """
import inspect
from {module} import {name} as cls
found = inspect.signature(cls).parameters
missing = [name for name, info in cls.model_fields.items() if (info.alias or name) not in found]
assert not missing, missing
assert "model" in found and cls.__pydantic_complete__
"""


@pytest.mark.parametrize("cls", CLASSES)
def test_a_signature_is_complete_before_the_first_instance(cls: Any) -> None:
    code = SIGNATURES.format(module=cls.__module__.partition(".")[0], name=cls.__name__)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_positional_model_is_llama_indexs() -> None:
    for cls in (AIMLAPI, AIMLAPIEmbedding):
        first = next(iter(inspect.signature(cls).parameters.values()))
        assert (first.name, first.kind) == ("model", inspect.Parameter.POSITIONAL_OR_KEYWORD)


CHECKED = """\
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding

ChatAIMLAPI(model="m", temperature=1, timeout=(1, 2), base_url="u", api_base="u", api_key="k", max_tokens=3)
AIMLAPIEmbeddings(model="m", dimensions=3, api_base="u", async_http_client=None)
AIMLAPI("m", temperature=1, base_url="u", api_base="u", api_key=lambda: "k", http_async_client=None)
AIMLAPI(model="m", additional_kwargs={"a": 1})
AIMLAPIEmbedding("m")
AIMLAPIEmbedding(model="m", embed_batch_size=3, dimensions=3)
"""
WRONG = {
    'ChatAIMLAPI(model="m", temprature=1)': "temprature",
    'AIMLAPI(model="m", temprature=1)': "temprature",
    'AIMLAPI("m", temprature=1)': "temprature",
    'AIMLAPIEmbeddings(model="m", dimentions=1)': "dimentions",
    'AIMLAPIEmbedding(model="m", dimentions=1)': "dimentions",
    'ChatAIMLAPI(model="m", timeout="soon")': "timeout",
    'AIMLAPI("m", timeout="soon")': "timeout",
    'AIMLAPIEmbeddings(model="m", max_retries="x")': "max_retries",
    'AIMLAPIEmbedding("m", preset="mars")': "preset",
    "ChatAIMLAPI()": "model",
    "AIMLAPI()": "model",
}


def test_a_checker_sees_the_constructors(tmp_path: Path) -> None:
    """mypy, as a user runs it: what is right passes, and each wrong line is an error that names the argument."""
    pytest.importorskip("mypy")
    # mypy keeps what it said of a module by its name, also of one of an earlier run
    right, wrong = tmp_path / f"right_{os.getpid()}.py", tmp_path / f"wrong_{os.getpid()}.py"
    right.write_text(CHECKED)
    wrong.write_text(CHECKED + "\n".join(WRONG) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    done = subprocess.run([*command, str(right), str(wrong)], cwd=ROOT, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    first = CHECKED.count("\n") + 1
    for number, (line, name) in enumerate(WRONG.items(), first):
        told = [error for error in errors if error.startswith(f"{wrong}:{number}: ")]
        assert told and f'"{name}"' in told[0], (line, done.stdout)
    assert len(errors) == len(WRONG), done.stdout


# -- the environment -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_an_address_may_be_set_by_either_name(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host = PRESETS[preset]
    for name in host.base_variables:
        monkeypatch.delenv(name, raising=False)
    assert environment_address(host) is None
    base, url = host.base_variables
    assert (base, url) == (f"{preset.upper()}_API_BASE", f"{preset.upper()}_BASE_URL")
    monkeypatch.setenv(url, "http://h/v1/")
    assert environment_address(host) == (url, "http://h/v1/")
    assert Client(preset=preset).base_url == "http://h/v1"
    monkeypatch.setenv(base, "http://h/v1")  # the same
    assert Client(preset=preset).base_url == "http://h/v1"
    monkeypatch.setenv(base, "http://other/v1")
    says = f"{base} and {url} are both set, to two addresses: unset one of them."
    with pytest.raises(InvalidRequestError, match=says):
        Client(preset=preset)
    assert Client(preset=preset, base_url="http://mine/v1").base_url == "http://mine/v1"
    monkeypatch.setenv(base, " ")
    assert Client(preset=preset).base_url == "http://h/v1"


@pytest.mark.parametrize("cls", CLASSES)
def test_a_constructor_reads_the_address_of_the_environment(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMLAPI_API_BASE", raising=False)
    monkeypatch.setenv("AIMLAPI_BASE_URL", "http://h/v1")
    assert "host='h'" in repr(cls(model="some/model"))
    monkeypatch.setenv("AIMLAPI_API_BASE", "http://other/v1")
    with pytest.raises(ValueError, match="AIMLAPI_API_BASE and AIMLAPI_BASE_URL are both set"):
        cls(model="some/model")


@pytest.mark.parametrize("cls", [ChatAIMLAPI, AIMLAPIEmbeddings])
def test_the_key_of_the_making_is_readable(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", SECRET)
    made = cls(model="some/model")
    monkeypatch.delenv("AIMLAPI_API_KEY")
    assert made.openai_api_key == SecretStr(SECRET)
    assert SECRET not in repr((made, vars(made), made.model_dump()))
    assert SECRET.encode() not in pickle.dumps(made)


def test_nothing_here_warns_of_its_own_settings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ANYFAST.rules_for("m")
        for cls in CLASSES:
            cls(model="some/model", api_key=SECRET)
