"""Parameters of a chat completion, spelled as the model takes them, or refused by name. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from aimlapi_transport.chat.tool_settings import (
    Target,
    checked_tools,
    refused_choice,
    resolve_tool_choice,
    takes_choice,
)
from aimlapi_transport.chat.validation import ONLY_RESPONSES, check_value, nearest_parameter
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.aliases import check_call_arguments
from aimlapi_transport.config.hosts import Limit
from aimlapi_transport.errors import InvalidRequestError

# Two names of one setting: sent under the name the model's schema has.
_TWINS = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
    "stop": "stop_sequences",
    "stop_sequences": "stop",
}
_STOPS = ("stop", "stop_sequences")


def set_parameters(parameters: Mapping[str, Any] | None) -> Json:
    """What the user set: no None values, and nothing about tools that says nothing where their list is empty.

    Servers refuse an empty list: https://github.com/langchain-ai/langchain/issues/37184

    Raises:
        InvalidRequestError: a setting of the connection is among them.
    """
    check_call_arguments(parameters or {})
    user: Json = {}
    for name, value in (parameters or {}).items():
        if value is not None:
            user[name] = value
    if parameters and "tools" in parameters and parameters["tools"] in (None, [], ()):
        for name in ("tools", "parallel_tool_calls"):
            user.pop(name, None)
        if user.get("tool_choice") in ("auto", "none"):
            del user["tool_choice"]
    return user


class Parameters(NamedTuple):
    """Parameters as they are sent.

    Attributes:
        body: spelled for the model.
        unlisted: the names that its schema does not list; sent all the same.
        tool_choice_downgrade: see `Request`.
    """

    body: Json
    unlisted: tuple[str, ...]
    tool_choice_downgrade: tuple[str, str, str] | None


def chat_parameters(
    parameters: Mapping[str, Any] | None, added: Mapping[str, Any] | None, target: Target
) -> Parameters:
    """What the user set, and of what a framework added by itself what the host and the model list.

    Raises:
        InvalidRequestError: a parameter or a value that the host or the model does not take, or that is not listed and
            the target is strict.
    """
    user = set_parameters(parameters)
    downgrade = None
    if "tool_choice" in user:
        user["tool_choice"], downgrade = resolve_tool_choice(user, target)
    body: Json = {}
    unlisted: list[str] = []
    listed, rules = target.listed, target.rules
    for set_name, value in user.items():
        if set_name in ONLY_RESPONSES:
            if value:
                raise InvalidRequestError(
                    f"`{set_name}` belongs to /v1/responses, and {target.model} is asked under chat completions: leave "
                    "it out, or pass `use_responses_api=True` where the model is served there."
                )
            continue
        name = _spelled(set_name, user, target)
        if name in _STOPS:
            value = _stop(value, name, target)
            if not value:
                continue
        body[name] = _checked(name, set_name, value, target)
        if name not in listed if listed is not None else nearest_parameter(name):
            if target.is_strict:
                raise unlisted_parameter(set_name, f"The documented parameters of {target.model}", listed)
            unlisted.append(set_name)
    accepted = listed if rules.parameters is None else rules.parameters
    for name, value in (added or {}).items():
        if value is None or name in body or not (accepted is None or name in accepted):
            continue
        if name != "tool_choice" or takes_choice(value, body, rules):
            body[name] = value
    return Parameters(body, tuple(unlisted), downgrade)


def _checked(name: str, set_name: str, value: Any, target: Target) -> Any:
    """The value of a parameter, tools in the API's format.

    Args:
        set_name: the name under which it was set, for errors.
    """
    model, rules, title = target.model, target.rules, target.preset.title
    if rules.parameters is not None and name not in rules.parameters:
        accepted = ", ".join(sorted(rules.parameters - {"model", "messages", "stream"}))
        raise InvalidRequestError(f"{title} does not accept `{set_name}` for {model}. It accepts: {accepted}.")
    if name == "tools":
        value = checked_tools(value, target)
    if name == "tool_choice" and (problem := refused_choice(value, rules)):
        raise InvalidRequestError(f"{title} does not accept {problem} for {model}.")
    limit = rules.limits.get(name) or (target.facts and target.facts.limits.get(name)) or target.profile.limit(name)
    if limit:
        _check_range(name, value, limit, model)
    check_value(set_name, value)
    return value


def unlisted_parameter(name: str, title: str, listed: Collection[str] | None = None) -> InvalidRequestError:
    """What to raise for a parameter that is not among the listed ones, which the title names."""
    nearest = nearest_parameter(name)
    advice = f" Did you mean `{nearest}`?" if nearest else ""
    accepted = f" They are: {', '.join(sorted(listed))}." if listed else ""
    return InvalidRequestError(
        f"{title} do not include `{name}`.{advice}{accepted} Pass it in `extra_body`, or leave `strict_parameters` off."
    )


def _spelled(name: str, user: Json, target: Target) -> str:
    """The name under which this model takes a setting that has two."""
    twin = _TWINS.get(name)
    if twin is None or twin in user:
        return name
    accepted = target.rules.parameters
    if accepted is not None:
        return twin if name not in accepted and twin in accepted else name
    listed = target.listed
    if target.profile.output_limit == twin and (listed is None or twin in listed):
        return twin
    return twin if listed is not None and name not in listed and twin in listed else name


def _stop(value: Any, name: str, target: Target) -> str | list[str]:
    sequences = stop_sequences(value)
    limit = target.rules.max_stop if target.rules.max_stop is not None else target.profile.max_stop
    if len(sequences) > limit:
        raise InvalidRequestError(
            f"`stop` has {len(sequences)} sequences: {target.preset.title} accepts at most {limit} for this model."
        )
    as_list = target.rules.stop_as_list or name == "stop_sequences" or not isinstance(value, str)
    return list(sequences) if as_list else str(value)


def stop_sequences(value: Any) -> tuple[str, ...]:
    """The texts that end an answer, set as one or as a list. Raises InvalidRequestError for anything else."""
    sequences = [value] if isinstance(value, str) else value
    if not isinstance(sequences, (list, tuple)) or not all(isinstance(item, str) and item for item in sequences):
        raise InvalidRequestError(f"`stop` is {value!r}: pass a string, or a list of strings, none of them empty.")
    return tuple(sequences)


def _check_range(name: str, value: Any, limit: Limit, model: str) -> None:
    low, high = limit
    if low is None and high is None:
        return
    if low is not None and high is not None:
        accepted = f"a number from {low:g} to {high:g}"
    else:
        accepted = f"a number, at least {low:g}" if low is not None else f"a number, at most {high:g}"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or (low is not None and not value >= low) or (high is not None and not value <= high):
        raise InvalidRequestError(f"`{name}` is {value!r}: {model} accepts {accepted}.")
