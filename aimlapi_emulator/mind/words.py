"""How texts are compared: words, stems, sentences. Pure, and the same on every machine.

To make two spellings meet, add a row to SAME; to make a word count for nothing, add it to SILENT.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

SILENT = frozenset(
    [
        "a",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "let",
        "like",
        "may",
        "me",
        "might",
        "mine",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "on",
        "or",
        "our",
        "out",
        "over",
        "own",
        "please",
        "she",
        "should",
        "so",
        "some",
        "such",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "under",
        "up",
        "us",
        "use",
        "using",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
        "give",
        "show",
        "about",
        "answer",
        "question",
        "want",
        "need",
        "know",
    ]
)
SAME = {
    "plus": "add", "sum": "add", "adding": "add", "addition": "add", "adder": "add", "+": "add",
    "times": "multiply", "product": "multiply", "multiplied": "multiply", "multiplication": "multiply",
    "multiplier": "multiply", "*": "multiply", "×": "multiply",
    "minus": "subtract", "difference": "subtract", "subtraction": "subtract",
    "divided": "divide", "division": "divide", "/": "divide", "÷": "divide",
    "located": "locate", "location": "locate", "invented": "invent", "inventor": "invent",
    "temperature": "weather", "forecast": "weather", "founder": "found", "founded": "found", "founders": "found",
    "wrote": "write", "written": "write", "writer": "write", "born": "birth", "began": "begin", "started": "start",
    "inhabitants": "people", "population": "people", "residents": "people", "heavy": "weigh", "weight": "weigh",
    "bought": "buy", "sold": "sell", "made": "make", "built": "build", "paid": "pay", "cost": "price", "costs": "price",
}  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|(?<=\d)\s*[*+/×÷]\s*(?=\d)")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|Inc|Ltd|Jr|Sr)|\b[A-Z])\.$")


def words(text: str) -> list[str]:
    """Lower-case words in order; a run of Chinese, Japanese or Korean counts as its pairs of characters."""
    found: list[str] = []
    for match in _WORD.finditer(re.sub(r"([a-z])([A-Z])", r"\1 \2", text)):
        word = match.group().strip().lower()
        if _CJK.search(word):
            found.extend(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        else:
            found.append(re.sub(r"['’]s$", "", word))
    return found


def stem(word: str) -> str:
    """`located`, `location` and `locates` meet; crude, but the same crude on both sides."""
    word = SAME.get(word, word)
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 2:
            word = word[: -len(ending)] + instead
            break
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def stems(text: str) -> list[str]:
    """The stems that carry meaning."""
    return [SAME.get(s, s) for s in (stem(word) for word in words(text) if word not in SILENT)]


def sentences(text: str) -> list[str]:
    """Sentences, list items and lines; a line that was merely wrapped is joined to its next."""
    lines: list[str] = []
    for line in text.split("\n"):
        line = line.strip()
        wrapped = lines and len(lines[-1]) > 50 and line and line[0].islower() and lines[-1][-1] not in ".!?:;"
        if wrapped:
            lines[-1] += " " + line
        else:
            lines.append(line)
    found: list[str] = []
    for line in lines:
        start = 0
        for match in re.finditer(r"(?<![.!?])[.!?]+[\"')\]”]*\s+|[。！？]+[」』”]*\s*", line):
            if not _ABBREVIATION.search(line[max(start, match.start() - 11) : match.start() + 1]):
                found.append(line[start : match.end()].strip())
                start = match.end()
        found.append(line[start:].strip())
    return [sentence for sentence in found if re.search(r"\w", sentence)]


def proper_nouns(text: str) -> list[str]:
    """Capitalised phrases, in order, without words that are capitalised for opening a sentence."""
    found = []
    pattern = r"[A-Z][\w'’&-]*(?:(?:\s+|\s+of\s+|\s+de\s+)[A-Z][\w'’&-]*)*(?:,\s*[A-Z]{2}\b)?"
    for sentence in sentences(text):
        for match in re.finditer(pattern, sentence):
            phrase = re.sub(r"['’]s$", "", match.group())
            if match.start() == 0 or sentence[: match.start()].strip("\"'“‘-*•( ") == "":
                first, _, rest = phrase.partition(" ")
                if first.lower() in SILENT or first.lower() in _OPENERS:
                    phrase = rest
                elif not rest and len(sentence) > len(phrase) + 1:
                    continue
            if phrase and phrase.lower() not in SILENT:
                found.append(phrase)
    return found


_OPENERS = frozenset(
    [
        "add",
        "book",
        "calculate",
        "call",
        "compute",
        "convert",
        "create",
        "delete",
        "fetch",
        "find",
        "generate",
        "get",
        "hello",
        "hi",
        "list",
        "look",
        "make",
        "multiply",
        "order",
        "pick",
        "play",
        "please",
        "put",
        "read",
        "remind",
        "say",
        "schedule",
        "search",
        "send",
        "set",
        "translate",
        "turn",
        "update",
        "write",
    ]
)


def weights(documents: Iterable[Iterable[str]]) -> dict[str, float]:
    """How much each stem says: rare ones more. A stem never seen says the most: `math.log(1 + 2 * n)`."""
    seen: Counter[str] = Counter()
    count = 0
    for document in documents:
        seen.update(set(document))
        count += 1
    return {word: math.log(1 + count / times) for word, times in seen.items()}
