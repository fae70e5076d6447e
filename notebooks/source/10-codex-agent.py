# %% [markdown]
# # A codex agent with the provider's tools
#
# The codex models are served under `/v1/responses` only. There, the provider
# runs tools of its own: it searches the web and runs code while it answers.
# Here an agent has both, and a function of yours.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, token counts and prices are made up. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## LangChain
#
# Tools that the provider runs are passed as dicts, together with your own
# functions. `ChatAIMLAPI` knows where the model is served.

# %%
from langchain.agents import create_agent
from langchain_aimlapi import ChatAIMLAPI


def read_ticket(number: int) -> str:
    """The text of a ticket."""
    return f"Ticket {number}: the parser drops the last line of a file."


model = ChatAIMLAPI(model="openai/gpt-5-1-codex", reasoning={"summary": "auto"})
agent = create_agent(
    model,
    [read_ticket, {"type": "web_search"}, {"type": "code_interpreter"}],
)
asked = {"messages": [{"role": "user", "content": "Read ticket 7."}]}
messages = agent.invoke(asked)["messages"]
print(messages[-1].text)

# %% [markdown]
# The reasoning, searches and code of the model are blocks of its messages, in
# order. The next request sends all of them back.

# %%
for message in messages[1:]:
    print(message.type)
    for block in message.content_blocks:
        detail = block.get("args") or block.get("output") or ""
        print("   ", block["type"], block.get("name", ""), str(detail)[:50])

# %% [markdown]
# ## Streaming
#
# A block is shown when it is complete, text as it arrives.

# %%
bound = model.bind_tools([{"type": "web_search"}])
for chunk in bound.stream("How deep is the sea?"):
    for block in chunk.content_blocks:
        if block["type"] == "server_tool_call":
            print("[", block["name"], block["args"]["query"], "]")
        elif block["type"] == "text":
            print(block["text"], end="")

# %% [markdown]
# ## LlamaIndex

# %%
from llama_index.core.agent.workflow import FunctionAgent
from llama_index_aimlapi import AIMLAPI

llm = AIMLAPI(
    model="openai/gpt-5-1-codex", built_in_tools=[{"type": "web_search"}]
)
worker = FunctionAgent(tools=[read_ticket], llm=llm, streaming=False)
answer = await worker.run("Read ticket 7.")
print(answer)

# %% [markdown]
# The calls of the provider's tools are in the message, besides its blocks.

# %%
from llama_index.core.llms import ChatMessage

question = ChatMessage(role="user", content="How deep is the sea?")
message = llm.chat([question]).message
print([block.block_type for block in message.blocks])
for item in message.additional_kwargs["built_in_tool_calls"]:
    print(item["type"], item["action"]["query"])

# %% [markdown]
# More: [the guide to /v1/responses](../docs/responses.md).
