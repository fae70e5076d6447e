# %% [markdown]
# # Quickstart
#
# One call, one stream and one bill, in LangChain and in LlamaIndex, side by
# side. Take the half that is yours.
#
# *Without a key the emulator answers: a program on this machine that speaks
# the provider's protocol, but whose words, token counts and prices are made
# up; set `AIMLAPI_API_KEY` before you start Jupyter, and the same cells run
# live.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## A question
#
# A model is named by its id, as the provider lists it; there is no default.
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
# ## What it took
#
# Every answer carries its token counts, its price in US dollars and the id
# under which the provider bills it.

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
# The answer piece by piece. The bars show where one piece ends and the next
# begins.

# %%
for chunk in model.stream("Say: what is well begun is half done."):
    print(chunk.content, end="|")

# %%
for chunk in llm.stream_complete("Say: what is well begun is half done."):
    print(chunk.delta, end="|")

# %% [markdown]
# ## Several at once
#
# Three questions side by side, LangChain's way and LlamaIndex's. A notebook
# has a running event loop, so `await` works as it stands.

# %%
questions = ["What is 2 + 2?", "What is 3 * 3?", "What is 10 - 4?"]
for answer in model.batch(questions):
    print(answer.content)

# %%
import asyncio

for answer in await asyncio.gather(*map(llm.acomplete, questions)):
    print(answer.text)

# %% [markdown]
# ## The bill
#
# A block adds up what all calls inside it used, by the name of the model that
# served them.

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
# Next: [swap it in](02-swap-in.ipynb) for the class you have.
