"""Where the question and its context are in a prompt, and which sentence of the context answers it.

To understand a new prompt style, add a pattern to QUESTION_LABELS or CONTEXTS.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass

from aimlapi_emulator.mind.words import proper_nouns, sentences, stems, weights

QUESTION_LABELS = re.compile(
    r"^[ \t>*#]*(?:(?:user|original|new|input)\s+)?(?:query|question|follow[ -]?up (?:input|question|message|query)"
    r"|the original query is as follows)\**[ \t]*:\**[ \t]*(?P<question>\S.*?)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
CONTEXTS = (
    re.compile(r"<(?P<tag>context|documents?|retrieved_context|sources?)>(?P<context>.*?)</(?P=tag)>", re.I | re.S),
    re.compile(r"^-{5,}[ \t]*\n(?P<context>.*?)\n?-{5,}[ \t]*$", re.S | re.M),
    re.compile(
        r"^[ \t*#]*(?:retrieved |new )?(?:context|documents|background|sources|relevant documents?)"
        r"\**[ \t]*:\**[ \t]*\n?"
        r"(?P<context>.+?)"
        r"(?=^[ \t*#]*(?:user )?(?:query|question|(?:helpful |original |new )?answer|instructions?)\**[ \t]*:|\Z)",
        re.I | re.S | re.M,
    ),
    re.compile(
        r"^[^\n]*\b(?:context|passages?|documents|excerpts?|text)\b[^\n]*:[ \t]*\n(?P<context>.+?)"
        r"(?=^[ \t*#]*(?:user )?(?:query|question|answer|helpful answer)\**[ \t]*:|\Z)",
        re.I | re.S | re.M,
    ),
    re.compile(r"(?:[^\n]*\bcontext\b[^\n]*\n)\s*\n?(?P<context>\S.*)\Z", re.I | re.S),
)
_INSTRUCTION = re.compile(
    r"^(?:you(?:'re| are| must| should| have| will| can)|use |using |if |answer|always|never|do not|don't|given|"
    r"please|respond|reply|keep|return|be |think|when |follow|your |provide|format|only )",
    re.IGNORECASE,
)
_HOLDERS = re.compile(r"\b(?:context|documents?|passages?|excerpts?|sources?)\b", re.IGNORECASE)
LONGEST_LIST = 200_000  # characters of a printed list that are read
LONGEST = 2_000  # characters of a question that are compared: its end
_PRONOUN = re.compile(r"(?:It|They|He|She|Its|Their|His|Her)\b")
UNKNOWN = "I don't know: the context I was given does not say."


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question, and the text it is to be answered from (None if the prompt brings none)."""

    question: str
    context: str | None


def read_prompt(text: str) -> Prompt:
    """The question and context of one message."""
    asked = list(QUESTION_LABELS.finditer(text))
    question = asked[-1].group("question").strip("'\"` ") if asked else text.strip()
    context = find_context(text)
    if context is not None and not asked:
        question = _outside(text, context)
    elif context is None and asked and _HOLDERS.search(text):
        # "Use the following pieces of context ...", the pieces, "Question: ...": whatever is no instruction
        context = facts_in(text[: asked[-1].start()]) or None
    return Prompt(question, context)


def find_context(text: str) -> str | None:
    """The marked context of a prompt; None without one."""
    for pattern in CONTEXTS[:-1]:
        found = [match.group("context").strip() for match in pattern.finditer(text)]
        if any(found):
            return "\n".join(map(_unlisted, found))
    return None


def _unlisted(context: str) -> str:
    """The texts of a context that was printed as a list: `['one', 'two']`."""
    if context[:2] not in ("['", '["') or context[-1:] != "]":
        return context
    try:
        listed = ast.literal_eval(context[:LONGEST_LIST])
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return context
    return "\n".join(map(str, listed))


def system_context(text: str) -> str | None:
    """What a system message says beside its instructions; None if nothing in it is called context."""
    marked = find_context(text)
    if marked is None and _HOLDERS.search(text):
        match = CONTEXTS[-1].search(text)
        marked = match.group("context").strip() if match else None
    return marked


def facts_in(text: str) -> str:
    """The statements of a text: neither instructions nor questions."""
    kept = [s for s in sentences(text) if not _INSTRUCTION.match(s) and not s.rstrip().endswith("?")]
    return "\n".join(kept)


def best_sentence(question: str, context: str, *, least: float = 0.25) -> str | None:
    """The sentence that shares the most telling words with the question.

    `least` is the share of the question's weight (0 to 1) that must be found; None below it, and None when
    the question names something the context never mentions.
    """
    question = question[-LONGEST:]
    candidates = sentences(context)
    bags = [stems(sentence) for sentence in candidates]
    asked = set(stems(question))
    if not asked or not candidates:
        return None
    weight = weights(bags)
    unseen = math.log(1 + 2 * len(bags))
    total = math.fsum(weight.get(stem, unseen) for stem in asked)
    everything = {stem for bag in bags for stem in bag}
    for name in proper_nouns(question):
        named = set(stems(name))
        if named and not named & everything:
            return None
    # what a question is about (a name) is in many sentences; what it asks of it (`CEO`) is in the right one
    named_words = (word for name in proper_nouns(question) for word in name.split() if not word.isupper())
    topic = {stem for word in named_words for stem in stems(word)}
    own = [math.fsum(weight[stem] * (0.6 if stem in topic else 1.0) for stem in asked & set(bag)) for bag in bags]
    best, best_score = None, 0.0
    for at, sentence in enumerate(candidates):
        if own[at] == 0 or _repeats(question, sentence) or sentence.endswith("?"):
            continue
        # "It was founded in 1998." means what the sentence before it named
        neighbour = (0.9 if _PRONOUN.match(sentence) else 0.4) * own[at - 1] if at else 0.0
        score = own[at] + neighbour + _kind_bonus(question, sentence)
        if score > best_score + 1e-9 and (own[at] + neighbour) / total >= least:
            best, best_score = sentence, score
    return _clean(best) if best else None


def _kind_bonus(question: str, sentence: str) -> float:
    """A little for a sentence that holds the kind of thing that is asked for."""
    lower = question.lower()
    if re.search(r"\b(when|how many|how much|what year|how long|how old|how tall|how far)\b", lower):
        return 0.3 if re.search(r"\d", sentence) else 0.0
    if re.search(r"\bwho\b", lower):
        return 0.2 if proper_nouns("x " + sentence) else 0.0
    return 0.0


def _repeats(question: str, sentence: str) -> bool:
    return sentence.strip(" .?!").lower() == question.strip(" .?!").lower()


def _clean(sentence: str) -> str:
    return re.sub(r"^(?:[-*•]\s+|\d+[.)]\s+|\[\d+\]\s*|(?:source|text|page_content)\s*:\s*)", "", sentence, flags=re.I)


def _outside(text: str, context: str) -> str:
    """What is left of a prompt without its context and its labels: the last line that asks something."""
    at = text.find(context)
    rest = text if at < 0 else text[:at] + "\n" + text[at + len(context) :]
    kept = [s for s in sentences(rest) if not re.match(r"^\W*(context|answer|-+|<)", s, re.I)]
    # an unlabelled question after the context was taken for its last line
    asking = [s for s in kept if s.endswith("?")] or [s for s in sentences(context)[-3:] if s.endswith("?")]
    return (asking or [s for s in kept if not _INSTRUCTION.match(s)] or kept or [text])[-1]
