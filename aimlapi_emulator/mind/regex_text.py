"""A text that a regular expression matches: the shortest plain one. For schemas with `pattern`.

Reads Python's own parse of the expression; a construct it does not know falls back to the text offered.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections.abc import Callable
from typing import Any

_parser: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
_LIMIT = 2000
_SHORT = 16
# what patterns that look ahead (passwords, decimals) are mostly meant to let in
USUAL = ("1", "A1", "Aa1!", "Aa1!Aa1!Aa1!", "abc", "abcdefgh", "10.5", "2026-01-01", "user@example.com")


def example(pattern: str, offered: str, fits: Callable[[str], bool] = lambda text: True) -> str:
    """`offered` if it matches and `fits`, else a short text that does; `offered` again if none is found."""
    tame = is_tame(pattern)
    made = ""
    with contextlib.suppress(re.error, RecursionError, OverflowError, ValueError, KeyError, TypeError):
        made = "".join(map(_one, _parser.parse(pattern)))
    fallback = offered
    for text in (offered, made, *(made + made[-1:] * more for more in (1, 3, 7, 15)), *USUAL):
        # a pattern that runs wild is only tried on a text too short to run in
        if len(text) > (_LIMIT if tame else _SHORT):
            continue
        try:
            if re.search(pattern, text):
                if fits(text):
                    return text
                fallback = text if fallback is offered else fallback
        except (re.error, RecursionError, OverflowError):
            return offered
    return fallback


def is_tame(pattern: str) -> bool:
    """Whether matching takes a bounded time: no repetition inside a repetition, and a sane length."""
    try:
        return len(pattern) <= 500 and not any(_runs_wild(node, 0) for node in _parser.parse(pattern))
    except (re.error, RecursionError, OverflowError, ValueError):
        return False


def _runs_wild(node: Any, repeated: int) -> bool:
    operation: str = str(node[0])
    argument: Any = node[1]
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        open_ended = int(argument[1]) > 20
        return (open_ended and repeated > 0) or any(_runs_wild(n, repeated + open_ended) for n in argument[2])
    if operation == "SUBPATTERN":
        return any(_runs_wild(n, repeated) for n in argument[3])
    if operation == "BRANCH":
        return repeated > 0 or any(_runs_wild(n, repeated) for branch in argument[1] for n in branch)
    return operation in ("ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS") and repeated > 0


def _one(node: Any) -> str:
    operation: str = str(node[0])
    argument: Any = node[1]
    if operation == "LITERAL":
        return chr(argument)
    if operation == "NOT_LITERAL":
        return "a" if argument != ord("a") else "b"
    if operation == "ANY":
        return "a"
    if operation == "IN":
        return _member(argument)
    if operation == "BRANCH":
        return "".join(map(_one, argument[1][0]))
    if operation == "SUBPATTERN":
        return "".join(map(_one, argument[3]))
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        if argument[0] > _LIMIT:
            raise ValueError("too long")
        return "".join(map(_one, argument[2])) * int(argument[0])
    if operation == "AT":
        return ""
    raise ValueError(operation)


def _member(choices: Any) -> str:
    if str(choices[0][0]) == "NEGATE":
        refused = re.compile("[" + "".join(_class_text(choice) for choice in choices[1:]) + "]")
        return next(c for c in "aA0-_ .~" if not refused.match(c))
    operation, argument = str(choices[0][0]), choices[0][1]
    if operation == "LITERAL":
        return chr(argument)
    if operation == "RANGE":
        return chr(argument[0])
    return {"CATEGORY_DIGIT": "0", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " "}.get(str(argument), "-")


def _class_text(choice: Any) -> str:
    operation, argument = str(choice[0]), choice[1]
    if operation == "LITERAL":
        return re.escape(chr(argument))
    if operation == "RANGE":
        return re.escape(chr(argument[0])) + "-" + re.escape(chr(argument[1]))
    return {"CATEGORY_DIGIT": r"\d", "CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s"}[str(argument)]
