"""An answer as the output has it: one row of values, or why there is none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_batch.job import Job, Row
from aimlapi_transport.errors import AIMLAPIError, ContextLengthError, InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_batch.schemas import AnswerCheck
    from aimlapi_transport.chat.response import Choice, Completion
    from aimlapi_transport.chat.usage import Usage

FIELDS = (
    *("text", "parsed", "tool_calls", "choices", "embedding", "reasoning", "refusal", "finish_reason", "model"),
    *("usage", "cost_usd", "request_id", "tries", "seconds", "error"),
)
MEDIA_FIELDS = (
    *("path", "url", "files", "text", "segments", "turns", "pages", "language", "duration", "model", "usage"),
    *("cost_usd", "request_id", "tries", "seconds", "error"),
)
"""What an answer has beside its key: of a chat or a vector, and of media."""

_LONGEST_MESSAGE = 1000
_MODELS_OWN = ("CutError", "FilteredError", "EmptyError")  # answers that another try would give again
_CUT = {"length": "cut at its limit: pass a larger `max_tokens`", "content_filter": "filtered by the provider"}
_MEDIA = ("audio", "images")  # of a message's other fields
_BLANK, _BLANK_MEDIA = dict.fromkeys(FIELDS), dict.fromkeys(MEDIA_FIELDS)


class LostOrderError(AIMLAPIError):
    """Whether media were made, and are charged for, is not known: only `retry_errors` has them made again."""


def blank(key: str) -> Row:
    """An answer with nothing in it."""
    return {"key": key, **_BLANK}


def blank_media(key: str) -> Row:
    """An answer of media with nothing in it."""
    return {"key": key, **_BLANK_MEDIA}


def error_of(error: BaseException) -> Row:
    """What a row's `error` holds of an exception: a user's own are passed on as they are."""
    refused = isinstance(error, InvalidRequestError) and not getattr(error, "is_retryable", False)
    return {
        "class": type(error).__name__,
        "message": str(getattr(error, "message", None) or error or type(error).__name__)[:_LONGEST_MESSAGE],
        "retryable": not (refused or isinstance(error, (ContextLengthError, LostOrderError))),
    }


def failed(blank: Row, error: BaseException) -> Row:
    """A row without an answer; `retryable` tells whether another run asks again.

    Args:
        blank: the answer with nothing in it.
    """
    return {**blank, "request_id": getattr(error, "request_id", None), "error": error_of(error)}


def unusable(blank: Row, reason: str) -> Row:
    """A row that cannot be asked."""
    return {**blank, "error": {"class": "RowError", "message": reason, "retryable": False}}


def from_completion(key: str, completion: Completion, seconds: float | None) -> Row:
    """The answer a completion holds: its first choice, and all of several."""
    cost = completion.cost
    row = {**blank(key), **(_of_choice(completion.choices[0]) if completion.choices else {"text": ""})}
    if len(completion.choices) > 1:
        row["choices"] = [_of_choice(choice) for choice in completion.choices]
    if not any(one.extra.get(name) for one in completion.choices for name in _MEDIA):
        row["error"] = empty_error(row)
    row["model"] = completion.model
    row["usage"] = usage_row(completion.usage)
    row["cost_usd"] = cost and cost.usd
    row["request_id"] = completion.inference_id or completion.id
    row["seconds"] = seconds
    return row


def _of_choice(choice: Choice) -> Row:
    calls = [
        {"id": call.id, "name": call.name, "arguments": call.parsed if call.parsed is not None else call.arguments}
        for call in choice.tool_calls
    ]
    return {
        "text": choice.text,
        "tool_calls": calls or None,
        "reasoning": choice.reasoning or None,
        "refusal": choice.refusal or None,
        "finish_reason": choice.finish_reason,
    }


def empty_error(row: Row) -> Row | None:
    """The error of an answer with neither text nor call nor refusal; None where it was cut, which `on_cut` decides."""
    parts = row["choices"] or [row]
    if row["finish_reason"] in _CUT or any(one["text"] or one["tool_calls"] or one["refusal"] for one in parts):
        return None
    return _error("EmptyError", "the answer has no text, no call and no refusal")


def usage_row(usage: Usage | None) -> Row | None:
    """Token counts by name."""
    if usage is None:
        return None
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "reasoning_tokens": usage.reasoning,
    }


def checked(row: Row, job: Job, schema: AnswerCheck | None) -> Row:
    """The answer with the value its text holds, where a schema was asked for; with an error where it does not do."""
    finish = row["finish_reason"]
    if finish in _CUT and (job.on_cut == "fail" or (schema is not None and not row["refusal"])):
        kind = "CutError" if finish == "length" else "FilteredError"
        if schema is not None and job.on_cut != "fail":
            kind = "SchemaError"
        return {**row, "error": _error(kind, f"the answer was {_CUT[finish]}")}
    if schema is None:
        return row
    if row["refusal"]:
        return {**row, "error": _error("SchemaError", f"the model refused: {row['refusal'][:200]}")}
    if row["choices"]:
        every = [_parsed(one, schema) for one in row["choices"]]
        return {**row, **_parsed(row, schema), "choices": every}
    return {**row, **_parsed(row, schema)}


def _parsed(part: Row, schema: AnswerCheck) -> Row:
    value = part.get("parsed")
    if value is None:
        try:
            value = schema.read(part["text"] or "")
        except ValueError:
            return {**part, "error": _error("SchemaError", f"the answer is not JSON: {str(part['text'])[:200]!r}")}
    problem = schema.problem(value)
    if problem is None:
        return {**part, "parsed": value}
    return {**part, "parsed": value, "error": _error("SchemaError", f"the answer does not fit its schema: {problem}")}


def _error(kind: str, message: str) -> Row:
    return {"class": kind, "message": message, "retryable": kind not in _MODELS_OWN}


def may_fit_another_time(row: Row) -> bool:
    """Whether an answer that does not fit its schema is worth another question: it was not cut, nor refused."""
    error: Any = row["error"]
    if error is None or error["class"] != "SchemaError":
        return False
    return not row["refusal"] and row["finish_reason"] not in _CUT
