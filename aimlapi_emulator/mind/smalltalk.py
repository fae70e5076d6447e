"""What to say when there is nothing to look up: greetings, sums, and your words back, named as such.

To add a phrase, add a row to PHRASES; `{}` is the question.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

GREETINGS = (
    "Hello! How can I help you today?",
    "Hi there! What can I do for you today?",
    "Hello! It is good to hear from you. How may I help?",
)
PHRASES = (
    'You said: "{}" I am a local emulator: I answer from the context, the tools and the schemas I am given.',
    'I heard: "{}" As a local emulator I can only work with the context, the tools and the schemas I am given.',
    'Your message was: "{}" Give this emulator some context, a tool or a schema, and it will answer from them.',
)
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_WORDS = (
    ("plus", "+"),
    ("minus", "-"),
    ("times", "*"),
    ("multiplied by", "*"),
    ("divided by", "/"),
    ("×", "*"),
    ("÷", "/"),
)


def reply(question: str, variant: int = 0) -> str:
    """An answer without any source; `variant` picks the wording."""
    text = question.strip()
    if not text:
        return "I did not get any text. What would you like to ask?"
    if re.fullmatch(r"(?:hi|hello|hey|good (?:morning|evening|afternoon))\b[\s!,.\w]{0,20}", text, re.IGNORECASE):
        return GREETINGS[variant % len(GREETINGS)]
    repeated = re.search(r"^(?:please )?(?:say|repeat|echo|print)(?: after me)?:?\s+(.+)$", text, re.I | re.S)
    if repeated:
        return re.sub(r"^exactly:?\s+", "", repeated.group(1)).strip("\"'“”` ")
    result = arithmetic(text)
    if result:
        return result
    shown = text if len(text) <= 280 else text[:280] + "…"
    return PHRASES[variant % len(PHRASES)].format(shown)


def arithmetic(text: str) -> str | None:
    """`2 + 2 equals 4.` for a text that asks for a sum; None for any other."""
    if len(text) > 500:
        return None  # a sum is short
    spelled = text.lower()
    for word, sign in _WORDS:
        spelled = spelled.replace(word, sign)
    found = re.search(r"[-+]?[\d.(][\d\s.+*/()-]*[\d)]", spelled)
    if not found or len(found.group()) > 60 or not re.search(r"\d\s*\)?\s*[-+*/]\s*\(?\s*-?\d", found.group()):
        return None
    try:
        value = _value(ast.parse(found.group().strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError):
        return None
    shown = str(int(value)) if value == int(value) else f"{value:.10g}"
    return f"{found.group().strip()} equals {shown}."


def _value(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        value = _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
        if value != value or abs(value) > 1e15:
            raise ValueError("too large")
        return value
    raise ValueError("no sum")
