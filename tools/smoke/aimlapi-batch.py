"""A job with a schema, into Parquet; and the command."""

import os
import tempfile

from aimlapi_batch import Job, run
from aimlapi_batch.cli import batch  # noqa: F401  # what `aimlapi batch` runs
from aimlapi_emulator import emulator

os.chdir(tempfile.mkdtemp())
with emulator() as server:
    rows = [{"id": 1, "text": "Hello"}]
    host = {"base_url": server.base_url, "api_key": "k"}
    job = Job(rows, "out.parquet", model="openai/gpt-4o", prompt="{text}", key="id", **host)
    assert run(job).answered == 1
