"""When a job stops by itself, as its next rows would fare no better, and what it says then. Pure.

To have another error stop a job, add it to `_ADVICE`, with what to do.
"""

from __future__ import annotations

from aimlapi_batch.job import JobStoppedError, StoreError
from aimlapi_transport.errors import (
    AIMLAPIError,
    AuthenticationError,
    BudgetExceededError,
    InsufficientCreditsError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
)

MAX_ALIKE = 20  # rows that fail for one reason, before any is answered
OUTAGE_SECONDS = 60.0  # without an answer, after which so many that fail for one passing reason end a job, too
_ALWAYS = (BudgetExceededError, AuthenticationError, InsufficientCreditsError, QuotaExceededError, StoreError)
_ADVICE = {
    AuthenticationError: "pass a key that is accepted",
    InsufficientCreditsError: "top up the account",
    QuotaExceededError: "wait for the quota, or raise it",
    PermissionDeniedError: "see what the key may do",
    NotFoundError: "see `aimlapi models` for the ids there are",
}


def is_pointless(error: Exception, answered: int) -> bool:
    """Whether to ask for another row is pointless.

    Args:
        answered: rows of this run: where there are some, a refusal or a missing model is of the one row.
    """
    status = getattr(error, "status_code", None)
    return isinstance(error, _ALWAYS) or status in (401, 402) or (status in (403, 404) and not answered)


def with_advice(error: Exception, waiting: int) -> Exception:
    """The error, with how many rows wait and what to do."""
    if isinstance(error, AIMLAPIError):
        advice = next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), "mend the cause")
        error.message = f"{error.message.rstrip('.')}. {waiting:,} rows wait: {advice}, and run the job again."
        error.args = (error.message,)
    return error


def alike_error(error: Exception, which: str, waiting: int) -> JobStoppedError:
    """What a job ends with whose first or last rows all failed for one reason."""
    reason = str(getattr(error, "message", None) or error or type(error).__name__).splitlines()[0][:200].rstrip(".")
    return JobStoppedError(
        f"The {which} rows failed alike, so the others were not asked: {type(error).__name__}: {reason}. "
        f"{waiting:,} rows wait: fix the cause, and run the job again."
    )
