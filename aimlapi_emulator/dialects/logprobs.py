"""How likely each token was: numbers derived from the request, in the documented shape."""

from __future__ import annotations

from typing import Any

from aimlapi_emulator.mind.reply import Answer
from aimlapi_emulator.mind.tokens import pieces


def logprobs_of(answer: Answer, text: str) -> dict[str, Any]:
    """`{content: [{token, logprob, bytes, top_logprobs}], refusal: null}` for each token of the text."""
    wanted = answer.body.get("top_logprobs")
    most = wanted if isinstance(wanted, int) and 0 <= wanted <= 20 else 0
    return {"content": [_entry(answer, token, most) for token in pieces(text)], "refusal": None}


def _entry(answer: Answer, token: str, most: int) -> dict[str, Any]:
    likely = -answer.identity.number(f"logprob{token}", 900) / 1000
    others = [_one(f"{token}{'~' * rank}", likely - rank) for rank in range(most)]
    return {**_one(token, likely), "top_logprobs": others}


def _one(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": round(logprob, 6), "bytes": list(token.encode())}
