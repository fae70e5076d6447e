"""What the other hosts refuse: one row per documented API. To add a host, add a row to HOSTS.

A row's rules follow the host's documentation; whatever it does not list is passed on to the shared checks.
Source: the API references of PowerTokens (Ali, Zhipu) and AnyFast (qwen3.6-flash)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aimlapi_emulator.server.errors import Refused, invalid, kind_of
from aimlapi_emulator.server.facts import Facts
from aimlapi_emulator.server.validation import check_numbers


@dataclass(frozen=True, slots=True)
class Rules:
    """One documented API: its models, and what it refuses. `stop_most` None: not limited."""

    models: tuple[str, ...]
    family: str
    limits: Mapping[str, Mapping[str, Any]]
    refused: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    stop_array_only: bool = False
    stop_most: int | None = None
    tool_choices: tuple[str, ...] | None = None
    parts: tuple[str, ...] = ("text", "image_url")
    needs_user: bool = False
    takes_tools: bool = True


@dataclass(frozen=True, slots=True)
class Host:
    """A host on this server: its path prefix, and its rules (none: the provider itself)."""

    name: str
    prefix: str = ""
    rules: tuple[Rules, ...] = ()

    def find(self, body: Mapping[str, Any]) -> Facts:
        """The facts of a model the host serves; 404 for any other."""
        rules = self._rules_for(body["model"])
        claims = frozenset({"tools"} if rules.takes_tools else ())
        return Facts(
            body["model"],
            rules.family,
            endpoints=("/v1/chat/completions",),
            parts=rules.parts,
            claims=claims,
            limits=dict(rules.limits),
            answers_as=body["model"],
            tells_cost=False,
        )

    def checked(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with the host's defaults; Refused where the host documents that it refuses."""
        if not self.rules:
            return body
        rules = self._rules_for(body["model"])
        for name, instead in rules.refused.items():
            if body.get(name) is not None:
                raise invalid(name, instead, kind_of(body[name]), "Unsupported parameter")
        check_numbers(body, rules.limits)
        stop = body.get("stop")
        if stop is not None and rules.stop_array_only and not isinstance(stop, list):
            raise invalid("stop", "array", kind_of(stop), "Invalid type")
        if rules.stop_most is not None and isinstance(stop, list) and len(stop) > rules.stop_most:
            raise invalid("stop", f"at most {rules.stop_most} element(s)", len(stop), "Too many")
        choice = body.get("tool_choice")
        if rules.tool_choices and choice is not None and choice not in rules.tool_choices:
            words = " | ".join(f"'{word}'" for word in rules.tool_choices)
            raise invalid("tool_choice", words, repr(choice)[:80], "Invalid enum value")
        roles = [message.get("role") for message in body["messages"] if isinstance(message, dict)]
        if rules.needs_user and body["messages"] and not set(roles) - {"system", "assistant"}:
            raise invalid("messages", "at least one message that is neither system nor assistant", "none")
        return {**rules.defaults, **body}

    def _rules_for(self, model: str) -> Rules:
        for rules in self.rules:
            if model in rules.models:
                return rules
        raise Refused(404, f"Model '{model[:200]}' not found.")


_ALI = Rules(
    ("qwen3-max", "qwen3.6-plus", "qwen3.5-flash", "qwen3-coder-plus", "deepseek-v3.2"),
    "alibaba-qwen",
    {
        "temperature": {"minimum": 0, "maximum": 2},
        "top_p": {"minimum": 0, "maximum": 1},
        "max_tokens": {"minimum": 1},
    },
    stop_array_only=True,
    tool_choices=("auto", "none", "required"),
)
_ZHIPU = Rules(
    ("glm-4.7-flash", "glm-5", "glm-5-turbo"),
    "zhipu",
    {
        "temperature": {"minimum": 0, "maximum": 1},
        "top_p": {"minimum": 0.01, "maximum": 1},
        "max_tokens": {"minimum": 1, "maximum": 131072},
    },
    defaults={"stream": True},
    stop_array_only=True,
    stop_most=1,
    tool_choices=("auto",),
    needs_user=True,
)
_ANYFAST = Rules(
    ("qwen3.6-flash",),
    "alibaba-qwen",
    {
        "temperature": {"minimum": 0, "maximum": 2},
        "top_p": {"minimum": 0, "maximum": 1},
        "max_completion_tokens": {"minimum": 1, "maximum": 65536, "type": "integer"},
        "frequency_penalty": {"minimum": -2, "maximum": 2},
        "presence_penalty": {"minimum": -2, "maximum": 2},
    },
    refused={"max_tokens": "max_completion_tokens"},
    defaults={"enable_thinking": False},
    stop_array_only=True,
    parts=("text", "image_url", "video_url"),
    takes_tools=False,
)
HOSTS: dict[str, Host] = {
    host.name: host
    for host in (
        Host("aimlapi"),
        Host("powertokens", "/powertokens", (_ALI, _ZHIPU)),
        Host("anyfast", "/anyfast", (_ANYFAST,)),
    )
}
