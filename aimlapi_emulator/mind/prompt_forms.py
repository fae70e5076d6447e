"""Prompts that ask for an answer in a written form: ReAct steps, JSON by a schema in the text, a choice, keywords.

To answer another form, write a function from conversation to text (None if it is not that form) and add it to FORMS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from aimlapi_emulator.mind.conversation import Called, Conversation, Tool, Turn
from aimlapi_emulator.mind.question import UNKNOWN, best_sentence, facts_in, read_prompt
from aimlapi_emulator.mind.schema import Filler
from aimlapi_emulator.mind.tools import wanted_calls
from aimlapi_emulator.mind.words import proper_nouns, sentences, stems, words

_READY = "Thought: I can answer without using any more tools. I'll use the user's language to answer"
_LABELS = ("Question", "Thought", "Action", "Observation", "Answer", "Begin")
_ACTION = re.compile(r"Action:\s*(?P<name>[^\n]+)\n+\s*Action Input:\s*(?P<input>.*?)(?=\n\s*Observation:|\Z)", re.S)
_OBSERVATION = re.compile(r"Observation:\s*(.*?)(?=\n\s*(?:Thought|Question|Action|Observation):|\Z)", re.S)


def formed_answer(conversation: Conversation) -> str | None:
    """The answer in the form the prompt prescribes; None if it prescribes none."""
    for form in FORMS:
        answer = form(conversation)
        if answer is not None:
            return answer
    return None


def react(conversation: Conversation) -> str | None:
    """`Thought / Action / Action Input`, then `Answer` (LlamaIndex) or `Final Answer` (LangChain)."""
    whole = "\n".join(turn.text for turn in conversation.turns)
    if "Action Input" not in whole or "Thought" not in whole or "Observation" not in whole:
        return None
    tools = _listed_tools(whole)
    final = "Final Answer:" if "Final Answer:" in whole else "Answer:"
    question, steps = _question_and_steps(conversation)
    called = [Called("", m.group("name").strip(), m.group("input").strip()) for m in _ACTION.finditer(steps)]
    seen = [m.group(1).strip() for m in _OBSERVATION.finditer(steps)]
    turns: list[Turn] = [Turn("user", question)]
    turns += [Turn("assistant", "", calls=(call,)) for call in called]
    calls = wanted_calls(Conversation(tuple(turns), tuple(tools)), "auto", parallel=False)
    if calls:
        arguments = calls[0].arguments
        if not calls[0].tool.schema:  # a tool that takes plain text
            arguments = question
        thought = "The current language of the user is: English. I need to use a tool to help me answer the question."
        return f"Thought: {thought}\nAction: {calls[0].tool.name}\nAction Input: {arguments}"
    if seen:
        answer = best_sentence(question, "\n".join(seen), least=0.5) if len(seen[-1]) > 300 else "\n".join(seen)
        return f"{_READY}\n{final} {answer}"
    context = facts_in(conversation.system.split("## Tools")[0])
    answer = best_sentence(question, context, least=0.5) or _plain(question)
    return (
        f"Thought: I can answer without using any more tools. I'll use the user's language to answer\n{final} {answer}"
    )


def _plain(question: str) -> str:
    from aimlapi_emulator.mind.smalltalk import reply

    return reply(question)


def _question_and_steps(conversation: Conversation) -> tuple[str, str]:
    """The question that started the steps, and the text of all steps taken since."""
    last = conversation.turns[conversation.asked_at].text if conversation.asked_at >= 0 else ""
    in_prompt = list(re.finditer(r"^Question:\s*(?P<q>[^\n]+)\n(?P<steps>.*)\Z", last, re.S | re.M))
    if in_prompt and "Action Input" in last:  # LangChain keeps format, question and scratchpad in one message
        tail = in_prompt[-1].group(0)
        at = tail.rfind("\nQuestion:")
        tail = tail[at + 1 :] if at >= 0 else tail
        question, _, steps = tail.removeprefix("Question:").partition("\n")
        return question.strip(), steps
    asked = [
        at
        for at, turn in enumerate(conversation.turns)
        if turn.role == "user" and not turn.text.lstrip().startswith("Observation:")
    ]
    start = asked[-1] if asked else 0
    question = conversation.turns[start].text if asked else ""
    return question, "\n".join(turn.text for turn in conversation.turns[start + 1 :])


def _listed_tools(prompt: str) -> list[Tool]:
    """The tools a prompt describes in words."""
    pattern = r"Tool Name: (?P<name>[^\n]+)\n\s*Tool Description: (?P<text>.*?)\n\s*Tool Args: (?P<args>\{[^\n]*\})"
    found = [
        Tool(match["name"].strip(), match["text"].strip(), _object(match["args"]) or {})
        for match in re.finditer(pattern, prompt, re.S)
    ]
    pattern = r"^(?P<name>[A-Za-z_][\w-]{1,63})(?:\([^\n]*?\)[^\n:-]*)?(?:: | - )(?P<text>[^\n]+)$"
    return found or [
        Tool(match["name"], match["text"])
        for match in re.finditer(pattern, prompt, re.M)
        if match["name"] not in _LABELS
    ]


def json_in_words(conversation: Conversation) -> str | None:
    """A JSON schema written into the prompt, as output parsers do: an instance of it."""
    prompt = "\n".join((conversation.system, conversation.question))
    if "schema" not in prompt.lower() or '"properties"' not in prompt:
        return None
    schema = schema_in(prompt)
    return None if schema is None else orjson.dumps(Filler(unformatted(prompt)).fill(schema)).decode()


def schema_in(prompt: str) -> dict[str, Any] | None:
    """The last JSON schema of an object that is in a text."""
    schemas = [value for value in _objects(prompt) if isinstance(value.get("properties"), dict)]
    return schemas[-1] if schemas else None


def keys_in(prompt: str) -> list[str]:
    """`... as JSON with 'setup' and 'punchline' keys`: the keys an instruction names."""
    for sentence in sentences(prompt):
        if re.search(r"\bJSON\b", sentence, re.I) and re.search(
            r"\b(?:keys?|fields?|properties|with)\b", sentence, re.I
        ):
            keys = re.findall(r"['\"`](\w{1,64})['\"`]", sentence)
            listed = re.search(r"\b(?:keys|fields|properties):?\s+(\w+(?:(?:,\s*|\s+and\s+|,\s+and\s+)\w+)*)", sentence)
            if keys or listed:
                return list(
                    dict.fromkeys(keys or re.split(r",\s*(?:and\s+)?|\s+and\s+", listed.group(1) if listed else ""))
                )
    return []


def unformatted(prompt: str) -> str:
    """A prompt without its instructions about JSON: what is left is what to say."""
    spoken = prompt
    for text in re.findall(r"```.*?```|\{.*\}", prompt, re.S):
        spoken = spoken.replace(text, " ")
    kept = []
    for sentence in sentences(spoken):
        if re.search(r"\bschema\b|\bJSON\b|```", sentence):
            # "Return JSON with keys name and age for: Bob is 33"
            asked, _, sentence = sentence.partition(": ")
            sentence = "" if re.search(r"\b(?:keys?|fields?|properties)\W*$", asked, re.I) else sentence
        kept += [sentence] if sentence.strip() else []
    return "\n".join(kept) if kept else prompt


def choice(conversation: Conversation) -> str | None:
    """A numbered list to choose from: the number of the entry nearest to the question."""
    text = conversation.question
    if not re.search(r"\bchoices? (?:are|is|above|below)\b|return the (?:top )?choices?", text, re.IGNORECASE):
        return None
    entries = re.findall(r"^\s*\(?(\d+)[.)]\)?\s+(.+)$", text, re.MULTILINE)
    asked = re.search(r"question:?\s*'(.+?)'", text, re.S) or re.search(r"question:?\s*(.+?)$", text, re.S | re.I)
    if not entries or not asked:
        return None
    said = set(stems(asked.group(1)))
    number, entry = max(entries, key=lambda pair: len(said & set(stems(pair[1]))))
    if '"choice"' in text or "JSON" in conversation.system + text:
        return orjson.dumps([{"choice": int(number), "reason": f"It speaks of: {entry[:120]}"}]).decode()
    return f"ANSWER: {number}\nIt is the entry that speaks of: {entry[:120]}"


def keywords(conversation: Conversation) -> str | None:
    """`KEYWORDS: <keywords>`, the most frequent telling words of the text."""
    text = conversation.question
    if "KEYWORDS:" not in text:
        return None
    inner = read_prompt(text).context or text.split("KEYWORDS:")[0]
    counted: dict[str, int] = {}
    for word in words(inner):
        if stems(word) and len(word) > 3:
            counted[word] = counted.get(word, 0) + 1
    return "KEYWORDS: " + ", ".join(sorted(counted, key=lambda w: (-counted[w], w))[:10])


def standalone_question(conversation: Conversation) -> str | None:
    """`rewrite the follow-up as a standalone question`: the follow-up, with what it refers to."""
    text = conversation.question + "\n" + conversation.system
    if not re.search(r"standalone question|standalone message|reformulate", text, re.IGNORECASE):
        return None
    tagged = re.search(r"<follow[ -]?up[^>\n]*>\s*(?P<q>[^\n]+)", conversation.question, re.IGNORECASE)
    question = tagged["q"].strip() if tagged else read_prompt(conversation.question).question
    before_tag = conversation.question[: tagged.start()] if tagged else ""
    lines = [*(turn.text for turn in conversation.before if turn.role == "assistant"), *before_tag.strip().split("\n")]
    said = [line.partition(":")[2] for line in lines if re.match(r"(?:assistant|ai):", line, re.I)] or lines
    names = proper_nouns(f"x {said[-1]}") if said else []
    return re.sub(r"\b(?:it|they|he|she|there)\b", names[0], question, count=1) if names else question


def refine(conversation: Conversation) -> str | None:
    """An answer that came before, and more context: the better of the two."""
    text = conversation.question
    after = r"(?=\n(?:We have|New Answer|Refined Answer|-{3,})|\Z)"
    match = re.search(rf"(?:existing|original|previous) answer:(?P<known>.*?){after}", text, re.S | re.I)
    if not match:
        return None
    prompt, known = read_prompt(text), match["known"].strip()
    said = "" if UNKNOWN in known else known
    return best_sentence(prompt.question, f"{said}\n{prompt.context or ''}") or known


def verdict(conversation: Conversation) -> str | None:
    """`YES or NO`: whether the context speaks of what is claimed."""
    text = conversation.question
    if not re.search(r"\bYES\b\s*(?:or|/)\s*\bNO\b", text):
        return None
    claims = re.findall(r"^[ \t]*(?:Information|Response|Answer):[ \t]*(\S[^\n]*)", text, re.M)
    claims = [claim for claim in claims if claim.strip() not in ("YES", "NO")]
    context = re.split(r"^[ \t]*Context:", text, flags=re.M)[-1]
    claim = set(stems(claims[-1])) if claims else set()
    return "YES" if claim and 2 * len(claim & set(stems(context))) >= len(claim) else "NO"


def ranking(conversation: Conversation) -> str | None:
    """`Doc: 3, Relevance: 7`: the documents that share words with the question, the most first."""
    text = conversation.question
    if "Relevance:" not in text or "Doc:" not in text:
        return None
    shown = text.rpartition("Relevance:")[2]
    question = set(stems(shown.rpartition("Question:")[2].partition("\n")[0]))
    entries = re.findall(r"^Document (\d+):\s*(.*?)(?=^Document \d+:|^Question:|\Z)", shown, re.S | re.M)
    shared = [(len(question & set(stems(entry))), int(number)) for number, entry in entries]
    best = sorted(((count, number) for count, number in shared if count), key=lambda pair: (-pair[0], pair[1]))
    share = 9 / max(1, len(question))
    return "\n".join(f"Doc: {number}, Relevance: {min(10, 1 + round(count * share))}" for count, number in best)


def summary(conversation: Conversation) -> str | None:
    """A summary: the first sentences of what is to be summarised."""
    text = conversation.question
    match = re.search(r"\bsummar(?:y|ize|ise)\b[^\n:]*[.:]\s*\n?(?P<body>\S.*)", text, re.S | re.I)
    if not match or len(match["body"]) < 80 or "Query:" in text:
        return None
    body = re.sub(r"\n\s*(?:CONCISE )?SUMMARY:.*\Z", "", match["body"], flags=re.S)
    return " ".join(sentences(body)[:3])


FORMS: tuple[Callable[[Conversation], str | None], ...] = (
    react,
    json_in_words,
    ranking,
    choice,
    keywords,
    standalone_question,
    refine,
    verdict,
    summary,
)


def _objects(text: str) -> list[dict[str, Any]]:
    """Every JSON object that stands whole in a text."""
    found: list[dict[str, Any]] = []
    at = misses = 0
    while (start := text.find("{", at)) >= 0 and len(found) < 50:
        end = _closing(text, start)
        value = _object(text[start : end + 1]) if end else None
        if value is not None and end:
            found.append(value)
            at = end + 1
        else:
            at = start + 1
            misses += 1
            if misses > 50:  # braces that are no JSON
                break
    return found


def _closing(text: str, start: int) -> int:
    depth, quoted, at = 0, False, start
    while at < len(text):
        sign = text[at]
        if quoted:
            at += sign == "\\"
            quoted = sign != '"'
        elif sign == '"':
            quoted = True
        elif sign in "{}":
            depth += 1 if sign == "{" else -1
            if depth == 0:
                return at
        at += 1
    return 0


def _object(text: str) -> dict[str, Any] | None:
    for spelling in (text, text.replace("{{", "{").replace("}}", "}")):  # braces doubled for a template
        try:
            value = orjson.loads(spelling)
        except orjson.JSONDecodeError:
            continue
        return value if isinstance(value, dict) else None
    return None
