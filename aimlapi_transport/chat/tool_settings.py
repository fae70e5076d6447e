"""The tools of a request and which of them is to be called, as a host and a model take them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.hosts import HostRules, Preset
from aimlapi_transport.config.model_families import ModelFacts, Profile
from aimlapi_transport.errors import InvalidRequestError

MAX_TOOLS = 128  # documented by AI/ML API and by PowerTokens


class Target(NamedTuple):
    """The model that is asked, at its host: what both are known to take.

    Attributes:
        facts: what the host's documents say of the model; None where they do not name it.
        is_strict: whether to raise on what the documents do not list.
        listed: the parameters that they list; None where there is no such list.
    """

    model: str
    profile: Profile
    rules: HostRules
    facts: ModelFacts | None
    preset: Preset
    is_strict: bool
    listed: frozenset[str] | None


def checked_tools(tools: Any, target: Target) -> list[Any]:
    """The tools in the API's format.

    A function that is written flat, as /v1/responses has it, is nested; one without a type gets it where the schema of
    the host or the model wants it.

    Raises:
        InvalidRequestError: no list, too many, or one of a type that the host does not take.
    """
    kinds, title = target.rules.tools, target.preset.title
    if not isinstance(tools, (list, tuple)):
        raise InvalidRequestError(f"`tools` is {tools!r}: pass a list of tool definitions.")
    if len(tools) > MAX_TOOLS:
        raise InvalidRequestError(f"`tools` has {len(tools)} tools: at most {MAX_TOOLS} are accepted.")
    is_typed = kinds is not None or target.facts is not None
    checked = [_nested(tool, is_typed) if isinstance(tool, Mapping) else tool for tool in tools]
    for tool in checked:
        kind = tool.get("type") if isinstance(tool, Mapping) else None
        if kinds is not None and kind not in kinds:
            raise InvalidRequestError(f"`tools` has a tool of type {kind!r}: {title} accepts {', '.join(kinds)}.")
    return checked


def _nested(tool: Mapping[str, Any], is_typed: bool) -> Mapping[str, Any]:
    if isinstance(tool.get("function"), Mapping):
        return tool if "type" in tool or not is_typed else {"type": "function", **tool}
    if tool.get("type", "function") != "function" or "name" not in tool:
        return tool
    inner = {name: value for name, value in tool.items() if name not in ("type", "cache_control")}
    marks = {"cache_control": tool["cache_control"]} if "cache_control" in tool else {}
    return {"type": "function", "function": inner, **marks}


def resolve_tool_choice(user: Json, target: Target) -> tuple[Any, tuple[str, str, str] | None]:
    """The tool choice to send, and (set, sent, reason) where it is weaker than the one that was set.

    A choice that is written flat, as /v1/responses has it, is nested.
    A required call, or one of a named tool, becomes the nearest that is taken: a required call, else the model's own
    choice. `none` has nothing near it: it is refused with the parameters.

    Raises:
        InvalidRequestError: nothing near it is taken, or it would be weakened and the target is strict.
    """
    choice, model, rules, title = _nested_choice(user["tool_choice"]), target.model, target.rules, target.preset.title
    if not _forces_a_call(choice) or (rules.parameters is not None and "tool_choice" not in rules.parameters):
        return choice, None
    if refused_choice(choice, rules):
        reason = f"{title} accepts {', '.join(rules.tool_choices or ())} for {model}"
        nearest: tuple[str, ...] = ("required", "auto")
    elif _has_thinking_enabled(user) and not target.profile.forced_thinking:
        reason, nearest = f"{model} cannot be made to call a tool while `thinking` is on", ("auto",)
    else:
        return choice, None
    sent = next((word for word in nearest if refused_choice(word, rules) is None), None)
    if target.is_strict or sent is None:
        advice = f" Pass {sent!r}, or leave `strict_parameters` off to send that." if sent else ""
        raise InvalidRequestError(f"{title} does not accept `tool_choice` {choice!r} for {model}: {reason}.{advice}")
    name = (choice.get("function") or {}).get("name") if isinstance(choice, Mapping) else choice
    return sent, (str(name or choice), sent, reason)


def _nested_choice(choice: Any) -> Any:
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind not in ("function", "custom", "allowed_tools") or kind in choice:
        return choice
    inner = {name: value for name, value in choice.items() if name != "type"}
    if isinstance(inner.get("tools"), list):
        inner["tools"] = [_nested_choice(tool) for tool in inner["tools"]]
    return {"type": kind, kind: inner}


def tool_choice_for(choice: Any, tools: Sequence[Json]) -> str | Json | None:
    """A tool choice, in whatever form a user writes it, as chat completions have it; None leaves it to the model.

    Args:
        choice: "auto", "none", "required" or "any", a tool's name or its type, True (some tool), False or None, or an
            object of the API's or of Anthropic's.
        tools: the definitions of the tools.

    Raises:
        InvalidRequestError: it is none of these, or names a tool that is not there.
    """
    if choice is None or choice is False or choice == "":
        return None
    if choice is True or choice in ("any", "required"):
        return "required"
    if choice in ("auto", "none"):
        return str(choice)
    kinds = _kinds_by_name(tools)
    if isinstance(choice, str):
        if choice in [tool["type"] for tool in tools if tool.get("type") not in (None, "function", "custom")]:
            return {"type": choice}
        if choice not in kinds:
            listed = ", ".join(["auto", "none", "any", "required", *kinds])
            raise InvalidRequestError(f"`tool_choice` is {choice!r}: pass one of {listed}.")
        return {"type": kinds[choice], kinds[choice]: {"name": choice}}
    if isinstance(choice, Mapping):
        if choice.get("type") in ("any", "auto", "none"):  # Anthropic's words
            return tool_choice_for(choice["type"], tools)
        inner = choice.get("function")
        name = inner.get("name") if isinstance(inner, Mapping) else choice.get("name")
        if name and kinds and name not in kinds:
            raise InvalidRequestError(f"`tool_choice` names {name!r}: the tools are {', '.join(kinds)}.")
        return {"type": "function", "function": {"name": name}} if choice.get("type") == "tool" else dict(choice)
    raise InvalidRequestError(f"`tool_choice` is {choice!r}: pass a word, a tool's name, an object or a bool.")


def _kinds_by_name(tools: Sequence[Json]) -> dict[str, str]:
    """The names of functions and custom tools, nested or flat, and which of the two each is."""
    kinds = {}
    for tool in tools:
        for kind in ("function", "custom"):
            inner = tool.get(kind) or (tool if tool.get("type") == kind else None)
            if isinstance(inner, Mapping) and inner.get("name"):
                kinds[str(inner["name"])] = kind
    return kinds


def takes_choice(choice: Any, user: Json, rules: HostRules) -> bool:
    """Whether a choice that a framework added can be sent beside what the user set."""
    return refused_choice(choice, rules) is None and not (_forces_a_call(choice) and _has_thinking_enabled(user))


def refused_choice(choice: Any, rules: HostRules) -> str | None:
    """What of a tool choice the host refuses, None where it takes it."""
    if rules.tool_choices is None or (isinstance(choice, str) and choice in rules.tool_choices):
        return None
    return f"`tool_choice` {choice!r} (it accepts {', '.join(rules.tool_choices)})"


def _forces_a_call(choice: Any) -> bool:
    """Whether a tool choice leaves the model no other way than to call."""
    return isinstance(choice, Mapping) or (isinstance(choice, str) and choice not in ("auto", "none"))


def _has_thinking_enabled(user: Json) -> bool:
    thinking = user.get("thinking")
    return isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive")
