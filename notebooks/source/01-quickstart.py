# %% [markdown]
# # Quickstart
#
# A call, a stream, and the sum of token counts and cost, in LangChain and in
# LlamaIndex side by side. Use the cells of your framework.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, token counts and prices are made up. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## A question
#
# `model` is the id of a model as the provider lists it; there is no default.
# The key is read from the environment.

# %%
from langchain_aimlapi import ChatAIMLAPI

model = ChatAIMLAPI(model="openai/gpt-4o")
message = model.invoke("What is 6 * 7?")
print(message.content)

# %%
from llama_index_aimlapi import AIMLAPI

llm = AIMLAPI(model="openai/gpt-4o")
response = llm.complete("What is 6 * 7?")
print(response.text)

# %% [markdown]
# ## Tokens and cost
#
# Every answer comes with its token counts, its cost in US dollars and the
# provider's id of the call.

# %%
print(message.usage_metadata["total_tokens"], "tokens")
print(message.response_metadata.get("cost_usd"), "US dollars")
print(message.response_metadata["inference_id"])

# %%
facts = response.additional_kwargs
print(facts["total_tokens"], "tokens")
print(facts.get("cost_usd"), "US dollars")
print(facts["inference_id"])

# %% [markdown]
# ## A stream
#
# The answer in chunks. The bars show where one chunk ends and the next begins.

# %%
for chunk in model.stream("Say: what is well begun is half done."):
    print(chunk.content, end="|")

# %%
for chunk in llm.stream_complete("Say: what is well begun is half done."):
    print(chunk.delta, end="|")

# %% [markdown]
# ## Several calls at once
#
# Three questions at the same time, in LangChain and in LlamaIndex. A notebook
# has a running event loop, so `await` works in a cell.

# %%
questions = ["What is 2 + 2?", "What is 3 * 3?", "What is 10 - 4?"]
for answer in model.batch(questions):
    print(answer.content)

# %%
import asyncio

for answer in await asyncio.gather(*map(llm.acomplete, questions)):
    print(answer.text)

# %% [markdown]
# ## The sum
#
# A block adds up the usage of all calls inside it, by the model that answered.

# %%
from langchain_aimlapi import get_aimlapi_usage_callback

with get_aimlapi_usage_callback() as used:
    model.batch(questions)
    ChatAIMLAPI(model="anthropic/claude-haiku-4.5").invoke("What is 8 * 9?")
used

# %%
from llama_index_aimlapi import get_aimlapi_usage

with get_aimlapi_usage() as used:
    await asyncio.gather(*map(llm.acomplete, questions))
    AIMLAPI(model="anthropic/claude-haiku-4.5").complete("What is 8 * 9?")
used

# %% [markdown]
# Next: [swap it in](02-swap-in.ipynb) for the class that you use now.
