# %% [markdown]
# # A table through a model
#
# A few hundred letters, labelled by a job that can be killed: answers are kept,
# and the cost is known.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, token counts and prices are made up. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## Rows
#
# Any file of JSON Lines, CSV or Parquet can be used; here one is made.

# %%
import csv
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
things = ["parcel", "invoice", "login", "printer", "lamp"]
with (folder / "letters.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["id", "text"])
    for number in range(300):
        thing = things[number % len(things)]
        table.writerow([number, f"Letter {number}: my {thing} does not work."])

# %% [markdown]
# ## The cost beforehand
#
# A dry run sends nothing to the model: it counts tokens and estimates the cost.
# A sample shows how long answers are.

# %%
from dataclasses import replace

from aimlapi_batch import Job, run

kinds = ["delivery", "money", "account", "device"]
job = Job(
    folder / "letters.csv",
    folder / "answers.jsonl",
    model="openai/gpt-4o",
    prompt="What is this about? {text}",
    key="id",
    schema={
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": kinds}},
        "required": ["kind"],
    },
)
estimate = run(job, dry_run=True)
print(f"{estimate.total} rows, about {estimate.input_tokens:,} tokens in")
sample = run(replace(job, output=folder / "sample.jsonl", sample=10))
print(f"about ${sample.cost_usd / 10 * 300:.2f} for all of them")

# %% [markdown]
# ## In a process that is killed
#
# Another process starts the job and is killed in the middle.

# %%
import os
import pickle
import signal
import subprocess
import sys
import time

(folder / "job.pickle").write_bytes(pickle.dumps(job))
code = """
import pickle, sys
from aimlapi_batch import run
run(pickle.load(open(sys.argv[1], "rb")))
"""
command = [sys.executable, "-c", code, str(folder / "job.pickle")]
process = subprocess.Popen(command)
answers = folder / "answers.jsonl"
while not answers.exists() or answers.read_text().count("\n") < 40:
    time.sleep(0.01)
os.kill(process.pid, signal.SIGKILL)
process.wait()
print("It was killed in the middle.")

# %% [markdown]
# Run it again, and it sends the rows that have no answer.

# %%
summary = run(job)
print(summary.already > 0, summary.already + summary.answered)

# %% [markdown]
# ## The result
#
# One object for each row, with its cost and its time.

# %%
import json
from collections import Counter

rows = [json.loads(line) for line in answers.read_text().splitlines()]
print(len(rows), "rows,", len({row["key"] for row in rows}), "keys")
print(Counter(row["parsed"]["kind"] for row in rows if row["parsed"]))
print(f"${sum(row['cost_usd'] or 0 for row in rows):.4f}")

# %% [markdown]
# More: [the guide to batches](../docs/batches.md), also on the provider's
# batch endpoint, on Ray, and with embeddings.
#
# Next: [a talk and a scan](12-talk-and-scan.ipynb).
