"""How the fields of a message add up, each by its own rule: never a merge by type.

To give a field a rule of its own, add it in `fold`; any other field keeps its last value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aimlapi_transport.chat.wire_types import Json


def parts(content: Any) -> tuple[str, str, list[Json], list[Any]]:
    """Text, reasoning, its thoughts one by one, and all else of content that came as parts (or as one part).

    A thought has the shape of `reasoning_details`, so that its signature goes back in the carrier all others use.
    """
    text, reasoning, thoughts, others = "", "", list[Json](), list[Any]()
    for part in content if isinstance(content, list) else [content]:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(part, str):
            text += part
        elif kind in ("text", "output_text") and isinstance(part.get("text"), str):
            text += part["text"]
        elif kind in ("thinking", "reasoning"):
            inner = part.get("thinking") or part.get("reasoning") or part.get("text") or ""
            thought_text = inner if isinstance(inner, str) else parts(inner)[0]
            reasoning += thought_text
            thoughts.append({"type": "reasoning.text", "text": thought_text, "signature": part.get("signature")})
        elif kind == "redacted_thinking" and part.get("data"):
            thoughts.append({"type": "reasoning.encrypted", "data": part["data"]})
        else:
            others.append(part)
    for index, thought in enumerate(thoughts):
        thought.update(format="anthropic-claude-v1", index=index)
    return text, reasoning, thoughts, others


def reasoning_details(thoughts: list[Json]) -> Json:
    """Thoughts as a message's `reasoning_details`; `{}` where they hold no more than text.

    More is a signature, or encrypted reasoning, which only the model can read.
    """
    if not any(thought.get("signature") or thought.get("data") for thought in thoughts):
        return {}
    present = ({name: value for name, value in thought.items() if value is not None} for thought in thoughts)
    return {"reasoning_details": [{**thought, "index": index} for index, thought in enumerate(present)]}


def details_text(details: Any) -> str:
    """The readable text of `reasoning_details`, where no plain field repeats it."""
    if not isinstance(details, list):
        return ""
    texts = (item.get("text") or item.get("summary") for item in details if isinstance(item, dict))
    return "".join(text for text in texts if isinstance(text, str))


def fold(total: Json, new: Json) -> None:
    """Adds a message's further fields to their sum so far, each by its own rule; the last value by default."""
    for name, value in new.items():
        old = total.get(name)
        if old is None:
            total[name] = [dict(v) if isinstance(v, dict) else v for v in value] if isinstance(value, list) else value
        elif name == "reasoning_details" and isinstance(old, list) and isinstance(value, list):
            fold_details(old, value)
        elif name in ("annotations", "images", "content_parts") and isinstance(old, list) and isinstance(value, list):
            old.extend(value)
        elif name == "audio" and isinstance(old, dict) and isinstance(value, dict):
            total[name] = _joined(old, value, ("data", "transcript"))
        elif name == "extra_content" and isinstance(old, dict) and isinstance(value, dict):
            total[name] = {**old, **value}
        else:
            total[name] = value


def fold_details(total: list[Any], new: Sequence[Any]) -> None:
    """Pieces of one detail join; the details themselves are in the order they came."""
    for piece in new:
        last = total[-1] if total else None
        if (
            isinstance(piece, dict)
            and isinstance(last, dict)
            and piece.get("type") == last.get("type") != "reasoning.encrypted"
            and piece.get("index") == last.get("index")
        ):
            total[-1] = _joined(last, piece, ("text", "summary"))
        else:
            total.append(piece)


def _joined(old: Json, new: Json, texts: tuple[str, ...]) -> Json:
    """Two halves of an object: the named texts join, of the rest the last that says something stands."""
    joined = {**old, **{name: value for name, value in new.items() if value is not None}}
    for name in texts:
        if isinstance(old.get(name), str) and isinstance(new.get(name), str):
            joined[name] = old[name] + new[name]
    return joined


def joined_logprobs(old: Json | None, new: Any) -> Json | None:
    if not isinstance(new, dict):
        return old
    if old is None:
        return {name: list(value) if isinstance(value, list) else value for name, value in new.items()}
    for name, value in new.items():
        if isinstance(value, list):
            old[name] = [*(old.get(name) or []), *value]
    return old
