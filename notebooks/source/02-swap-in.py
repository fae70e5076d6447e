# %% [markdown]
# # Swap it in
#
# You have a program that uses `ChatOpenAI` or LlamaIndex's `OpenAILike`. Change
# the class and keep the program: one of each before and after, and what
# changes.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, token counts and prices are made up. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## From `ChatOpenAI`
#
# A small LangChain program: a prompt, a model, a parser, and an answer as an
# object of a class.

# %%
before = '''
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Sum(BaseModel):
    """A sum and what it comes to."""

    left: int
    right: int


model = ChatOpenAI(model="gpt-4o", temperature=0, max_tokens=200)
prompt = ChatPromptTemplate.from_template("What is {left} * {right}?")
chain = prompt | model | StrOutputParser()
print(chain.invoke({"left": 6, "right": 7}))
print("".join(chain.stream({"left": 7, "right": 8})))
print(model.with_structured_output(Sum).invoke("Add 19 and 23"))
'''

# %% [markdown]
# The same program with the other class. Two lines differ: the import, and the
# line that makes the model, whose id is the provider's.

# %%
import difflib

after = before
for there, here in [
    ("langchain_openai", "langchain_aimlapi"),
    ("ChatOpenAI", "ChatAIMLAPI"),
    ('"gpt-4o"', '"openai/gpt-4o"'),
]:
    after = after.replace(there, here)


def show_change(before, after):
    """The lines that differ, and those around them."""
    both = before.splitlines(), after.splitlines()
    diff = difflib.unified_diff(*both, "before", "after", lineterm="", n=1)
    print("\n".join(diff))


show_change(before, after)

# %% [markdown]
# Its output:

# %%
exec(after)

# %% [markdown]
# ## From `OpenAILike`
#
# `OpenAILike` needs settings for what the model can do and for the address.
# `AIMLAPI` knows both from the provider's documents, so these lines are not
# needed.

# %%
before = """
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

llm = OpenAILike(
    model="openai/gpt-4o",
    api_base="https://api.aimlapi.com/v1",
    api_key="...",
    is_chat_model=True,
    is_function_calling_model=True,
    context_window=128000,
    temperature=0,
)
print(llm.complete("What is 6 * 7?"))
print(llm.chat([ChatMessage("What is 7 * 8?")]).message.content)
print(llm.metadata.context_window, "tokens fit")
"""
after = """
from llama_index.core.llms import ChatMessage
from llama_index_aimlapi import AIMLAPI

llm = AIMLAPI(model="openai/gpt-4o", temperature=0)
print(llm.complete("What is 6 * 7?"))
print(llm.chat([ChatMessage("What is 7 * 8?")]).message.content)
print(llm.metadata.context_window, "tokens fit")
"""
show_change(before, after)

# %%
exec(after)

# %% [markdown]
# ## What you have now
#
# The cost of every answer, token counts in every stream, and the reasoning of
# models that reason.

# %%
from langchain_aimlapi import ChatAIMLAPI

whole = None
for chunk in ChatAIMLAPI(model="deepseek/deepseek-r1").stream("What is 6 * 7?"):
    whole = chunk if whole is None else whole + chunk
print("thoughts", whole.additional_kwargs["reasoning_content"])
print("answer  ", whole.content)
print("tokens  ", whole.usage_metadata["total_tokens"])
print("price   ", whole.response_metadata.get("cost_usd"), "US dollars")

# %% [markdown]
# ## Settings without an effect
#
# A setting of the old class that has no effect here gives a warning, and one
# that would mislead is refused:

# %%
try:
    ChatAIMLAPI(model="openai/gpt-4o", client=object())
except ValueError as error:
    print(error.errors()[0]["msg"])

# %% [markdown]
# [Migrating](../docs/migrating/index.md) lists all settings of the other
# classes.
#
# Next: [an answer from your documents](03-rag.ipynb).
