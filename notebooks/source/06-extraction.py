# %% [markdown]
# # A table out of texts
#
# Letters as input, rows as output: each text becomes an object of a class, and
# the objects a table.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, which finds values by simple rules, and whose token counts and
# prices are made up. Set `AIMLAPI_API_KEY` before you start Jupyter to call the
# real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## The letters, and the class of a row
#
# A Pydantic class is the schema. Descriptions are for the model; types and
# limits are checked when the answer arrives.

# %%
import datetime
from typing import Literal

from pydantic import BaseModel, Field

letters = [
    "2026-03-02. My name is Ada Lovelace, write to ada@example.com. "
    "I want a refund of 49.90 dollars.",
    "2026-03-03. My name is Grace Hopper. I have a question: when do you open?",
    "2026-03-05. This is a complaint by Alan Turing, alan@example.com: "
    "the parcel of 12.50 dollars never came.",
    "2026-03-08. My name is Mary Somerville, mary@example.com. "
    "Please refund the 120 dollars I paid twice.",
]


class Letter(BaseModel):
    """What a customer's letter says."""

    date: datetime.date
    name: str = Field(description="who wrote it")
    email: str | None = Field(description="where to answer, if named")
    kind: Literal["refund", "question", "complaint"]
    amount: float | None = Field(ge=0, description="US dollars, if named")


def as_table(rows):
    """Objects as a table, with a column for each field."""
    from IPython.display import Markdown

    lines = [list(Letter.model_fields), ["---"] * len(Letter.model_fields)]
    for row in rows:
        values = row.model_dump().values()
        lines.append(["" if value is None else str(value) for value in values])
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


# %% [markdown]
# ## LangChain
#
# `with_structured_output` makes a model that answers with objects; `batch` asks
# for all rows at the same time.

# %%
from langchain_aimlapi import ChatAIMLAPI, get_aimlapi_usage_callback

model = ChatAIMLAPI(model="openai/gpt-4o").with_structured_output(Letter)
with get_aimlapi_usage_callback() as used:
    rows = model.batch(letters)
as_table(rows)

# %%
used

# %% [markdown]
# ## LlamaIndex
#
# `as_structured_llm` does the same; the object is the response's `raw`.

# %%
import asyncio

from llama_index_aimlapi import AIMLAPI

llm = AIMLAPI(model="openai/gpt-4o").as_structured_llm(Letter)
responses = await asyncio.gather(*map(llm.acomplete, letters))
print("the same rows:", [response.raw for response in responses] == rows)

# %% [markdown]
# ## The objects as rows
#
# The rest is plain Python.

# %%
refunds = [row for row in rows if row.kind == "refund"]
print(
    f"{len(refunds)} refunds, {sum(row.amount for row in refunds):.2f} dollars"
)
print("first letter on a", min(row.date for row in rows).strftime("%A"))

# %% [markdown]
# ## A row that fails
#
# An answer that was cut, was refused or does not fit the class is an error.
# With `include_raw=True`, the reply and the reason are returned instead, so
# that a long run continues.

# %%
short = ChatAIMLAPI(model="openai/gpt-4o", max_tokens=5)
answer = short.with_structured_output(Letter, include_raw=True).invoke(
    letters[0]
)
print("row   ", answer["parsed"])
print("why   ", str(answer["parsing_error"]).splitlines()[0])
print("reason", answer["raw"].response_metadata["finish_reason"])

# %% [markdown]
# [The guide](../docs/structured-output.md) says how the schema is sent to which
# model.
#
# Next: [images, audio and files](07-media.ipynb).
