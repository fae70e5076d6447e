"""Which tools to call, and with what: named in the question or implied by it, each question answered once.

To make a tool be chosen for other words, add them to `words.SAME`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

import orjson

from aimlapi_emulator.mind.conversation import Conversation, Tool, Turn
from aimlapi_emulator.mind.schema import Filler
from aimlapi_emulator.mind.words import stem, stems, words

_VERBS = frozenset(
    [
        "get",
        "fetch",
        "find",
        "search",
        "lookup",
        "look",
        "make",
        "do",
        "run",
        "call",
        "tool",
        "function",
        "api",
        "query",
        "compute",
        "info",
        "data",
        "a",
        "my",
    ]
)
LONGEST = 8_000  # characters of a question that are searched for calls: its end
_SUMS = frozenset(map(stem, ("add", "multiply", "subtract", "divide")))
_LOOKUPS = frozenset(stems("search searches retrieve retriever retrieval knowledge document doc lookup wikipedia wiki"))
_SPLIT = re.compile(
    r"(?<=[?!;])\s+|(?<=[a-z)]\.)\s+|\s*;\s*|,?\s+(?:and then|then|and also|also|and|as well as)\s+"
    r"|,\s+(?=(?![A-Z]{2}\b)[A-Z\d])"
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A call the question asks for; `sure` if the text gave every required argument."""

    tool: Tool
    arguments: str
    sure: bool


def wanted_calls(conversation: Conversation, choice: Any, parallel: bool) -> list[Planned]:
    """The calls to make now. Empty when none is needed, allowed, or left: then the answer is text.

    A call whose result is in the history since the question is never made again, whatever `choice` says.
    """
    tools = _allowed(conversation.tools, choice)
    if not tools or choice == "none" or (isinstance(choice, dict) and choice.get("type") == "none"):
        return []
    done = _done(conversation.since)
    forced = _is_forced(choice)
    plan = plan_calls(conversation.question, tools) or _followed_up(conversation, tools)
    if not plan and forced and not done:
        plan = [_fill(_likeliest(conversation.question, tools), conversation.question)]
    left = [call for call in plan if not _was_made(call, done)]
    if not left and forced:
        # a forced choice after the result: only another tool can still be called (a schema to answer in, say)
        others = [tool for tool in tools if tool.name not in {name for name, _ in done}]
        results = "\n".join(turn.text for turn in conversation.since if turn.role == "tool")
        left = [_fill(others[0], f"{results}\n{conversation.question}")] if others and done else []
    return left if parallel else left[:1]


def _followed_up(conversation: Conversation, tools: list[Tool]) -> list[Planned]:
    """`And in Rome?`: the tool that was called for the question before, if this one gives all it needs."""
    made = [call.name for turn in conversation.before for call in turn.calls]
    if not made or not re.match(r"\W*(?:and|what about|how about|now|same)\b", conversation.question[:80], re.I):
        return []
    call = next((_continued(tool, conversation.question) for tool in tools if tool.name == made[-1]), None)
    return [call] if call else []


def plan_calls(question: str, tools: list[Tool]) -> list[Planned]:
    """Every call a question asks for, in the order it asks."""
    # a run of spaces says nothing, and a question is not a book: both would only make the patterns slow
    question = re.sub(r"\n\s*\n", "\n", re.sub(r"[^\S\n]+", " ", question[-LONGEST:]))
    written = _written_calls(question, tools)
    if written:
        return written
    plan: list[Planned] = []
    current: list[Tool] = []
    for clause in _clauses(question):
        chosen = _chosen(clause, tools)
        if chosen:
            current = chosen
            plan.extend(_fill(tool, clause) for tool in chosen)
        elif current and len(current) == 1 and (more := _continued(current[0], clause)):
            plan.append(more)
    whole = _chosen(question, tools)
    if not plan:
        plan = [_fill(tool, question) for tool in whole]
    # a clause that lacks an argument was cut from the words that hold it: read the whole question instead
    calls = [call if call.sure else _better(call, question) for call in plan]
    unique: dict[tuple[str, str], Planned] = {(call.tool.name, call.arguments): call for call in calls}
    sure = {call.tool.name for call in unique.values() if call.sure}
    return [call for call in unique.values() if call.sure or call.tool.name not in sure]


def _better(call: Planned, question: str) -> Planned:
    whole = _fill(call.tool, question)
    return whole if whole.sure or call.tool.kind == "custom" else call


def _clauses(question: str) -> list[str]:
    return [clause for clause in _SPLIT.split(question) if clause and clause.strip()]


def _chosen(text: str, tools: list[Tool]) -> list[Tool]:
    """The tools a text names; else the one it implies best."""
    named = [tool for tool in tools if _is_named(tool, text)]
    if named:
        return named
    scored = sorted(((_score(tool, text), -at) for at, tool in enumerate(tools)), reverse=True)
    if scored and scored[0][0] >= 0.5:
        return [tools[-scored[0][1]]]
    if len(tools) == 1 and re.search(r"\b(?:use|using|call|with)\b.{0,20}\b(?:tool|function)s?\b", text, re.I):
        return [tools[0]]
    return []


def _is_named(tool: Tool, text: str) -> bool:
    spaced = re.sub(r"[_-]+", " ", tool.name)
    return any(
        re.search(rf"(?<![\w]){re.escape(name.lower())}(?![\w])", text.lower())
        for name in {tool.name, spaced}
        if "_" in tool.name or "-" in tool.name or " " in name or len(words(tool.name)) > 1
    ) or bool(re.search(rf"`{re.escape(tool.name)}`|\b{re.escape(tool.name)}\s*(?:\(|tool\b)", text))


def _score(tool: Tool, text: str) -> float:
    """How much a text speaks of a tool: of its name, else of what its description says (0.5 is enough)."""
    said = set(stems(text)) - _VERBS
    name = set(stems(tool.name.replace("_", " "))) - _VERBS
    description = set(stems(tool.description.split("\n\n")[0])) - _VERBS
    by_name = sum(any(_meet(part, word) for word in said) for part in name) / len(name) if name else 0.0
    both = description & said
    by_description = max(len(both) / (len(description) + 1) * 1.6, len(both) / (len(said) + 1)) if both else 0.0
    if by_name:
        return by_name + 0.5 * by_description
    if _SUMS & said & (name | description):
        return 0.7
    if _knows(tool) and _asks(text):
        return max(by_description, 0.55)
    return by_description


def _meet(part: str, word: str) -> bool:
    """The same stem, or one that abbreviates the other: `mul` and `multiply`."""
    return part == word or (min(len(part), len(word)) >= 3 and (word.startswith(part) or part.startswith(word)))


def _knows(tool: Tool) -> bool:
    """Whether a tool looks things up: then any question may be for it."""
    return bool(_LOOKUPS & {*stems(tool.name.replace("_", " ")), *stems(tool.description)})


def _asks(text: str) -> bool:
    small = re.match(r"\W*(?:hi|hello|hey|thanks|thank you|how are you|who are you)\b", text, re.IGNORECASE)
    asking = "?" in text or re.match(
        r"\W*(?:please\s+|can you\s+|could you\s+)?(?:search|find|look|who|what|when|where|which|why|how)\b", text, re.I
    )
    return bool(asking and not small and stems(text))


def _likeliest(question: str, tools: list[Tool]) -> Tool:
    return max(tools, key=lambda tool: _score(tool, question))


def _fill(tool: Tool, text: str) -> Planned:
    if tool.kind == "custom":
        return Planned(tool, text.strip(), True)
    filler = Filler(re.sub(rf"\b{re.escape(tool.name)}\b", " ", text))
    value = filler.fill(tool.schema or {"type": "object"})
    value = value if isinstance(value, dict) else {}
    return Planned(tool, orjson.dumps(value).decode(), filler.guessed == 0)


def _continued(tool: Tool, clause: str) -> Planned | None:
    """`... in Paris and in London`: the same tool again, if the clause gives every argument it needs."""
    properties = tool.schema.get("properties")
    if not isinstance(properties, dict) or not tool.schema.get("required"):
        return None
    if any(isinstance(p, dict) and p.get("type") == "array" for p in properties.values()):
        return None
    call = _fill(tool, clause)
    return call if call.sure else None


def _written_calls(question: str, tools: list[Tool]) -> list[Planned]:
    """`magic_function(3)`: arguments written as a call, by position or by name."""
    found = []
    for tool in tools:
        properties = tool.schema.get("properties")
        names = list(properties) if isinstance(properties, dict) else []
        for match in re.finditer(rf"(?<!\w){re.escape(tool.name)}\(([^()]*)\)", question):
            written = [piece.strip() for piece in match.group(1).split(",") if piece.strip()]
            lines = []
            for at, piece in enumerate(written):
                key, sign, value = piece.partition("=")
                if not sign and at < len(names):
                    key, value = names[at], piece
                lines.append(f"{key.strip()}: {value.strip()}")
            call = _fill(tool, "\n".join(lines) or question)
            found.append((match.start(), call))
    return [call for _, call in sorted(found, key=lambda pair: pair[0])]


def _allowed(tools: tuple[Tool, ...], choice: Any) -> list[Tool]:
    """The tools a choice leaves: one that is named, a list that is allowed, or all."""
    if not isinstance(choice, dict):
        return list(tools)
    named = choice.get("function") or choice.get("custom") or choice
    name = named.get("name") if isinstance(named, dict) else None
    if isinstance(name, str):
        return [tool for tool in tools if tool.name == name]
    allowed = choice.get("allowed_tools")
    listed = allowed.get("tools") if isinstance(allowed, dict) else None
    if isinstance(listed, list):
        names = {
            (entry.get("function") or entry).get("name")
            for entry in listed
            if isinstance(entry, dict) and isinstance(entry.get("function") or entry, dict)
        }
        return [tool for tool in tools if tool.name in names]
    return list(tools)


def _is_forced(choice: Any) -> bool:
    if isinstance(choice, dict):
        allowed = choice.get("allowed_tools")
        if isinstance(allowed, dict):
            return allowed.get("mode") == "required"
        return choice.get("type") in ("function", "custom", "any", "tool")
    return choice in ("required", "any")


def _done(since: tuple[Turn, ...]) -> list[tuple[str, str]]:
    """Name and arguments of every call whose result (or bare request) follows the question."""
    return [(call.name, call.arguments) for turn in since for call in turn.calls]


def _was_made(call: Planned, done: list[tuple[str, str]]) -> bool:
    for name, arguments in done:
        if name == call.tool.name and (_same(arguments, call.arguments) or not call.sure):
            return True
    return False


def _same(one: str, other: str) -> bool:
    return bool(_parsed(one) == _parsed(other))


def _parsed(arguments: str) -> Any:
    """The value arguments stand for: JSON, or (as ReAct agents repeat it) Python's way of writing it."""
    try:
        return orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        try:
            return ast.literal_eval(arguments[:10_000])
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return arguments
