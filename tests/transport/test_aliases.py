"""The names that classes take for their settings: one way for all of them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from aimlapi_transport.config.aliases import Aliases
from aimlapi_transport.errors import InvalidRequestError

FIELDS = ("model", "base_url", "api_base", "timeout", "max_retries", "organization", "tags")
ALIASES = Aliases(
    owner="Class",
    body="extra_body",
    fields={"request_timeout": "timeout", "read_timeout": "timeout", "model_name": "model", "org": "organization"},
    refused={"client": "pass an `http_client`"},
    without_effect={"organization": (), "tiktoken": (), "check": (False,)},
    ignored=("class_name",),
)


@pytest.mark.parametrize(
    ("given", "taken", "others"),
    [
        ({"model_name": "m", "top_k": 3}, {"model": "m"}, {"top_k": 3}),
        ({"timeout": 5, "request_timeout": 5}, {"timeout": 5}, {}),
        ({"timeout": 5, "request_timeout": None}, {"timeout": 5}, {}),
        ({"timeout": None, "request_timeout": 5}, {"timeout": 5}, {}),
        ({"timeout": None}, {"timeout": None}, {}),
        ({"max_retries": None, "top_k": None}, {}, {}),
        ({"base_url": " ", "api_base": ""}, {"base_url": None, "api_base": None}, {}),
        ({"client": None, "tiktoken": None, "check": False, "class_name": "C"}, {}, {}),
        ({"org": None}, {"organization": None}, {}),
        ({"tags": []}, {"tags": []}, {}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_settings_are_found_by_any_of_their_names(
    given: dict[str, Any], taken: dict[str, Any], others: dict[str, Any]
) -> None:
    assert ALIASES.resolve(given, FIELDS) == (taken, others)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"timeout": 5, "request_timeout": 6}, "`request_timeout` is passed twice: `timeout` is another name of it."),
        ({"request_timeout": 5, "timeout": 6}, "`timeout` is passed twice: `request_timeout` is another name of it."),
        ({"request_timeout": None, "read_timeout": 5, "timeout": 6}, "`timeout` is passed twice: `read_timeout` is"),
        ({"client": object()}, "`client` cannot be used: pass an `http_client`."),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_it_was_given(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        ALIASES.resolve(given, FIELDS)


@pytest.mark.parametrize(
    ("given", "taken", "message"),
    [
        ({"check": True}, {}, "`check` has no effect in Class: leave it out."),
        ({"org": "us", "tiktoken": "x"}, {"organization": "us"}, "`org`, `tiktoken` have no effect in Class: leave them out."),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_warned_of_once(given: dict[str, Any], taken: dict[str, Any], message: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert ALIASES.resolve(given, FIELDS) == (taken, {})
    assert [str(one.message) for one in caught] == [message]
