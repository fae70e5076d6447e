"""What to answer: the deterministic mind. The same request gets the same answer, on every machine.

In order: calls to tools, a schema to fill, a form the prompt prescribes, the context, what was said before,
small talk. To teach it something, find the room it belongs to (`tool_mind`, `schema`, `prompt_forms`, `reading`,
`smalltalk`) and leave this order alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from aimlapi_emulator.mind.conversation import Conversation
from aimlapi_emulator.mind.prompt_forms import formed_answer, keys_in, schema_in, unformatted
from aimlapi_emulator.mind.question import UNKNOWN, best_sentence, facts_in, find_context, read_prompt, system_context
from aimlapi_emulator.mind.schema import Filler
from aimlapi_emulator.mind.smalltalk import reply
from aimlapi_emulator.mind.tools import Planned, wanted_calls

# keys of JSON mode that hold a number, when no schema says so
_COUNTED = frozenset(["age", "amount", "count", "number", "price", "quantity", "rating", "score", "total", "year"])


@dataclass(frozen=True, slots=True)
class Thought:
    """What the mind came to: reasoning to show where a model shows it, then text or calls."""

    text: str
    calls: tuple[Planned, ...] = ()
    reasoning: str = ""


def think(conversation: Conversation, body: dict[str, Any], *, use_tools: bool = True, variant: int = 0) -> Thought:
    """The answer to a request; `variant` picks another wording for a further choice or seed."""
    if use_tools:
        parallel = body.get("parallel_tool_calls") is not False and not _one_at_a_time(body.get("tool_choice"))
        calls = wanted_calls(conversation, body.get("tool_choice"), parallel)
        if calls:
            names = ", ".join(call.tool.name for call in calls)
            return Thought("", tuple(calls), _reasoning(conversation, f"To answer, I will call {names}."))
    schema = wanted_schema(body.get("response_format"), conversation)
    if schema is not None:
        value = Filler(unformatted(_everything_said(conversation))).fill(schema)
        reasoning = _reasoning(conversation, "The answer has to be JSON, so I fill the fields from the text.")
        return Thought(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode(), (), reasoning)
    text, why = _answer(conversation, variant)
    if conversation.media:
        text = f"I received {_joined(conversation.media)}. {text}"
    return Thought(text, (), _reasoning(conversation, why))


def wanted_schema(response_format: Any, conversation: Conversation) -> dict[str, Any] | None:
    """The schema an answer has to fit; None if it may be free text."""
    if not isinstance(response_format, dict):
        return None
    if response_format.get("type") == "json_schema":
        held = response_format.get("json_schema")
        schema = held.get("schema") if isinstance(held, dict) else None
        return schema if isinstance(schema, dict) else {"type": "object"}
    if response_format.get("type") == "json_object":
        prompt = f"{conversation.system}\n{conversation.question}"
        named = schema_in(prompt)
        keys = keys_in(prompt) or ["answer"]
        properties = {key: {"type": "number" if key.lower() in _COUNTED else "string"} for key in keys}
        return named or {"type": "object", "properties": properties, "required": keys}
    return None


def _answer(conversation: Conversation, variant: int) -> tuple[str, str]:
    formed = formed_answer(conversation)
    if formed is not None:
        return formed, "The prompt prescribes a form, so I follow it."
    results = [turn.text for turn in conversation.since if turn.role == "tool"]
    if results:
        return _from_results(conversation.question, results), "The tools have answered, so I can tell the result."
    prompt = read_prompt(conversation.question)
    context = "\n".join(filter(None, (prompt.context, system_context(conversation.system))))
    if context.strip():
        sentence = best_sentence(prompt.question, context)
        return sentence or UNKNOWN, "I look for the answer in the context I was given."
    remembered = _remembered(conversation)
    if remembered:
        return remembered, "The conversation already holds the answer."
    return reply(conversation.question, variant), "Nothing has to be looked up, so I answer directly."


def _from_results(question: str, results: list[str]) -> str:
    """The results in words: a short one whole, a long one by the sentence that answers the question."""
    texts = []
    for result in results:
        text = result.strip()
        if len(text) > 400:
            text = best_sentence(question, find_context(text) or text, least=0.2) or text[:400] + "…"
        texts.append(text or "an empty result")
    if len(texts) == 1:
        return f"Here is what I found: {texts[0]}"
    return "Here is what I found:\n" + "\n".join(f"- {text}" for text in texts)


def _remembered(conversation: Conversation) -> str | None:
    """What the system message or an earlier turn says about the question."""
    stated = facts_in(conversation.system)
    found = best_sentence(conversation.question, stated, least=0.5) if stated else None
    if found:
        return found
    said = "\n".join(facts_in(turn.text) for turn in conversation.before if turn.role == "user")
    found = best_sentence(conversation.question, said, least=0.5) if said.strip() else None
    if found:
        return f'You told me: "{found}"'
    heard = "\n".join(turn.text for turn in conversation.before if turn.role == "tool")
    return best_sentence(conversation.question, heard, least=0.5) if heard.strip() else None


def _everything_said(conversation: Conversation) -> str:
    """What a schema is filled from: results first, then the question, then stated facts."""
    results = [turn.text for turn in conversation.since if turn.role == "tool"]
    return "\n".join(filter(None, [*results, conversation.question, facts_in(conversation.system)]))


def _reasoning(conversation: Conversation, why: str) -> str:
    question = " ".join(conversation.question.split())[:160]
    return f'The user wrote: "{question}". {why}' if question else why


def _one_at_a_time(choice: Any) -> bool:
    return isinstance(choice, dict) and choice.get("disable_parallel_tool_use") is True


def _joined(items: tuple[str, ...]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
