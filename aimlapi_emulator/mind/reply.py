"""What a model answers, before any dialect: texts, calls, and how many tokens they took; cut where the request says.

To honour another request parameter that shapes the answer, apply it in `replies`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from aimlapi_emulator.dialects.families import Dialect, dialect_for, thinks
from aimlapi_emulator.dialects.identity import Identity
from aimlapi_emulator.mind.answer import think
from aimlapi_emulator.mind.conversation import Conversation
from aimlapi_emulator.mind.tokens import count, count_prompt, pieces
from aimlapi_emulator.server.facts import Facts


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call as it goes on the wire; `arguments` is text, whatever it parses to."""

    id: str
    name: str
    arguments: str
    kind: str = "function"


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice. `reasoning` may be hidden (counted, not shown); `finish` is in the spec's words."""

    text: str
    finish: str = "stop"
    calls: tuple[Call, ...] = ()
    reasoning: str = ""
    hidden: bool = False
    spoken: bool = False  # answered as audio

    @property
    def reasoning_tokens(self) -> int:
        return count(self.reasoning)

    @property
    def tokens(self) -> int:
        """Output tokens, reasoning included."""
        called = sum(count(call.name) + count(call.arguments) for call in self.calls)
        return max(1, self.reasoning_tokens + count(self.text) + called)


@dataclass(frozen=True, slots=True)
class Answer:
    """All choices of one reply, and what its prompt counted."""

    facts: Facts
    dialect: Dialect
    identity: Identity
    choices: tuple[Reply, ...]
    prompt_tokens: int
    body: dict[str, Any]

    @property
    def output_tokens(self) -> int:
        return sum(choice.tokens for choice in self.choices)

    @property
    def reasoning_tokens(self) -> int:
        return sum(choice.reasoning_tokens for choice in self.choices)


def answer(facts: Facts, conversation: Conversation, body: dict[str, Any], identity: Identity) -> Answer:
    """The reply to a validated request."""
    dialect = dialect_for(facts)
    seed = body.get("seed")
    first = seed - 1 if isinstance(seed, int) else 0
    choices = tuple(
        _choice(facts, dialect, conversation, body, identity, first + at, at) for at in range(_wanted(body.get("n")))
    )
    return Answer(facts, dialect, identity, choices, count_prompt(conversation, body), body)


def _choice(
    facts: Facts,
    dialect: Dialect,
    conversation: Conversation,
    body: dict[str, Any],
    identity: Identity,
    variant: int,
    at: int,
) -> Reply:
    thought = think(conversation, body, use_tools=facts.takes_tools, variant=variant)
    calls = tuple(
        Call(
            identity.made(
                dialect.call_id.replace("{name}", call.tool.name).replace("{index}", str(n)), f"call{at}.{n}"
            ),
            call.tool.name,
            call.arguments,
            call.tool.kind,
        )
        for n, call in enumerate(thought.calls)
    )
    shown = reasons(facts, body)
    reply = Reply(
        thought.text,
        "tool_calls" if calls else "stop",
        calls,
        thought.reasoning if shown != "no" else "",
        hidden=shown == "hidden",
        spoken=_speaks(facts, body) and not calls,
    )
    return _limited(_stopped(reply, body.get("stop") or body.get("stop_sequences")), token_limit(facts, body))


def reasons(facts: Facts, body: dict[str, Any]) -> str:
    """`shown`, `hidden` or `no`: the model's habit, then the switches its family documents.

    Source: https://docs.aimlapi.com/capabilities/thinking-reasoning
    """
    habit = thinks(facts)
    if habit == "never":
        return "no"
    on = habit in ("always", "hidden")
    thinking, reasoning = body.get("thinking"), body.get("reasoning")
    if isinstance(body.get("enable_thinking"), bool):
        on = body["enable_thinking"]
    if isinstance(thinking, dict):
        on = thinking.get("type") in ("enabled", "adaptive")
    if body.get("reasoning_effort") in ("low", "medium", "high"):
        on = True
    if body.get("reasoning_effort") == "none":
        on = False
    hidden = habit == "hidden"
    if isinstance(reasoning, dict):
        on = reasoning.get("enabled") is not False
        hidden = hidden or reasoning.get("exclude") is True
    if isinstance(thinking, dict) and thinking.get("display") == "omitted":
        hidden = True
    return "no" if not on else "hidden" if hidden else "shown"


def token_limit(facts: Facts, body: dict[str, Any]) -> int | None:
    """The output limit: asked for, else the default a schema declares (512 on several families)."""
    asked = [body[key] for key in ("max_completion_tokens", "max_tokens") if isinstance(body.get(key), (int, float))]
    if asked:
        return int(min(asked))
    declared = facts.limits.get("max_tokens", {}).get("default")
    return int(declared) if isinstance(declared, (int, float)) else None


def _stopped(reply: Reply, stop: Any) -> Reply:
    """The text up to the first stop sequence, which is not part of it."""
    marks = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    places = [reply.text.find(mark) for mark in marks if isinstance(mark, str) and mark and mark in reply.text]
    return replace(reply, text=reply.text[: min(places)]) if places else reply


def _limited(reply: Reply, limit: int | None) -> Reply:
    """The first `limit` tokens: reasoning comes first and may use them all up."""
    if limit is None or reply.tokens <= limit:
        return reply
    reasoning = pieces(reply.reasoning)[:limit]
    limit -= len(reasoning)
    text = pieces(reply.text)[:limit]
    limit -= len(text)
    calls = []
    for call in reply.calls:
        limit -= count(call.name)
        if limit <= 0:
            break
        arguments = pieces(call.arguments)[:limit]
        limit -= len(arguments)
        calls.append(replace(call, arguments="".join(arguments)))
    return replace(reply, text="".join(text), reasoning="".join(reasoning), calls=tuple(calls), finish="length")


def _speaks(facts: Facts, body: dict[str, Any]) -> bool:
    modalities = body.get("modalities")
    return isinstance(modalities, list) and "audio" in modalities and "modalities" in facts.parameters


def _wanted(n: Any) -> int:
    return min(n, 128) if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1
