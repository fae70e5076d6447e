"""Many rows through a model, and nothing paid for is lost: `run(Job(...))`, or `aimlapi batch run` on a terminal.

from aimlapi_batch import Job, run

run(Job("rows.jsonl", "answers.jsonl", model="openai/gpt-4o", prompt="Label this: {text}", key="id"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import lazy_names

if TYPE_CHECKING:
    from aimlapi_batch.engine import arun as arun
    from aimlapi_batch.engine import run as run
    from aimlapi_batch.job import Job as Job
    from aimlapi_batch.job import JobError as JobError
    from aimlapi_batch.job import JobStoppedError as JobStoppedError
    from aimlapi_batch.summary import Summary as Summary

_WHERE = {
    "Job": "aimlapi_batch.job",
    "JobError": "aimlapi_batch.job",
    "JobStoppedError": "aimlapi_batch.job",
    "Summary": "aimlapi_batch.summary",
    "arun": "aimlapi_batch.engine",
    "run": "aimlapi_batch.engine",
}

__all__ = sorted(_WHERE)

__getattr__, __dir__ = lazy_names(__name__, _WHERE)
