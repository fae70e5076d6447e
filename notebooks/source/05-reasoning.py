# %% [markdown]
# # Models that think
#
# Reasoning models produce text before the answer. Here you read it, send it
# back where a model needs it, and see what it costs.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, reasoning, token counts and prices are made up. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## Read it
#
# Vendors send reasoning in five formats; both classes return it in one place,
# separate from the answer. In a stream it arrives first, in chunks: a bar shows
# where one ends.

# %%
from langchain_aimlapi import ChatAIMLAPI

question = "Which is larger, 9.9 - 9.11 or 0?"
thoughts, words = [], []
for chunk in ChatAIMLAPI(model="deepseek/deepseek-r1").stream(question):
    thoughts.append(chunk.additional_kwargs.get("reasoning_content", ""))
    words.append(chunk.content)
print("thinks ", "|".join(filter(None, thoughts)))
print("answers", "|".join(filter(None, words)))

# %%
from llama_index.core.llms import ChatMessage
from llama_index_aimlapi import AIMLAPI

response = AIMLAPI(model="deepseek/deepseek-r1").chat([ChatMessage(question)])
for block in response.message.blocks:
    text = block.content if block.block_type == "thinking" else block.text
    print(f"{block.block_type:<9}", text)

# %% [markdown]
# ## Send it back
#
# In a loop with tools, a model reasons, calls a tool, and continues from there.
# Some models need their own reasoning back for this, each in its own format.
# The message that you got contains it; pass it on unchanged. An `httpx` hook
# shows what is sent.

# %%
import json

import httpx
from langchain_core.messages import HumanMessage, ToolMessage


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees and sunny in {city}"


sent = []


def note(request):
    """Keeps what is sent."""
    sent.append(json.loads(request.content))


http_client = httpx.Client(event_hooks={"request": [note]})


def ask_with_tool(model_id):
    """A turn of a tool loop: the history, and what went back of the model's."""
    model = ChatAIMLAPI(model=model_id, http_client=http_client)
    model = model.bind_tools([get_weather])
    history = [HumanMessage("What is the weather in Lisbon?")]
    history.append(model.invoke(history))
    calls = history[-1].tool_calls
    history += [
        ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"])
        for call in calls
    ]
    model.invoke(history)
    return history, sent[-1]["messages"][1]


thinkers = [
    "deepseek/deepseek-thinking-v3.2-exp",
    "minimax/m2",
    "google/gemini-2.5-flash",
]
for model_id in thinkers:
    history, back = ask_with_tool(model_id)
    print(model_id)
    if back.get("reasoning_content"):
        print("   in a field of its own:", back["reasoning_content"])
    if "<think>" in (back.get("content") or ""):
        print("   inside the text:", " ".join(back["content"].split()))
    for call in back.get("tool_calls", []):
        google = call.get("extra_content", {}).get("google", {})
        if google.get("thought_signature"):
            print("   signed:", google["thought_signature"][:24] + "...")

# %% [markdown]
# A history can be saved and loaded in another process: the reasoning is still
# there, and the request is the same.

# %%
from langchain_core.messages import messages_from_dict, messages_to_dict

history, back = ask_with_tool("minimax/m2")
written = json.dumps(messages_to_dict(history))

model = ChatAIMLAPI(model="minimax/m2", http_client=http_client)
model.bind_tools([get_weather]).invoke(messages_from_dict(json.loads(written)))
print(sent[-1]["messages"][1] == back)

# %% [markdown]
# ## Tokens and cost
#
# Reasoning tokens are output tokens, and are charged as such. The column
# `reasoning` is part of the column `output`.

# %%
from langchain_aimlapi import get_aimlapi_usage_callback

with get_aimlapi_usage_callback() as used:
    for model_id in ("deepseek/deepseek-r1", "minimax/m2", "openai/gpt-4o"):
        ChatAIMLAPI(model=model_id).invoke(question)
used

# %% [markdown]
# ## When no tokens are left for the answer
#
# `max_tokens` includes reasoning. With a small limit, a model can use all
# tokens for reasoning: the answer is empty, and its finish reason is `length`.

# %%
message = ChatAIMLAPI(model="deepseek/deepseek-r1", max_tokens=12).invoke(
    question
)
print("thoughts     ", repr(message.additional_kwargs.get("reasoning_content")))
print("answer       ", repr(message.content))
print("finish reason", message.response_metadata["finish_reason"])

# %% [markdown]
# [The guide](../docs/reasoning.md) has the parameters of each family.
#
# Next: [a table out of texts](06-extraction.ipynb).
