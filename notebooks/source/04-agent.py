# %% [markdown]
# # An agent with three tools
#
# The model decides which of your functions to call, reads what they return, and
# answers. Here you see each step, in both frameworks.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, token counts and prices are made up. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## The tools
#
# Three plain functions. The model sees only their names, docstrings and types.


# %%
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees and sunny in {city}"


def get_time(city: str) -> str:
    """The local time in a city."""
    return f"14:05 in {city}"


def send_email(to: str, text: str) -> str:
    """Send an email."""
    return f"sent to {to}"


tools = [get_weather, get_time, send_email]
task = (
    "What is the weather in Lisbon, and what time is it there? "
    "Then send an email to ada@example.com saying: bring a hat"
)

# %% [markdown]
# ## LangChain
#
# `create_agent` is LangChain's own loop. `parallel_tool_calls=False` asks for
# one call at a time, so that the steps follow one another (without it, models
# call all three at once). `stream_mode` selects what is streamed: `updates` are
# the finished steps, `messages` the chunks of the answer.

# %%
from langchain.agents import create_agent
from langchain_aimlapi import ChatAIMLAPI, get_aimlapi_usage_callback

model = ChatAIMLAPI(
    model="openai/gpt-4o", model_kwargs={"parallel_tool_calls": False}
)
agent = create_agent(model, tools)

with get_aimlapi_usage_callback() as used:
    question = {"messages": [("user", task)]}
    for mode, data in agent.stream(
        question, stream_mode=["updates", "messages"]
    ):
        if mode == "messages":
            chunk, metadata = data
            if metadata["langgraph_node"] == "model" and chunk.content:
                print(chunk.content, end="|")
            continue
        for step in data.values():
            for message in step["messages"]:
                for call in getattr(message, "tool_calls", ()):
                    print("calls  ", call["name"], call["args"])
                if message.type == "tool":
                    print("result ", message.content)

# %% [markdown]
# Four requests: three that ended with a call, and the answer.

# %%
used

# %% [markdown]
# ## LlamaIndex
#
# `FunctionAgent` reports its steps as events.

# %%
from llama_index.core.agent.workflow import (
    AgentStream,
    FunctionAgent,
    ToolCall,
    ToolCallResult,
)
from llama_index_aimlapi import AIMLAPI, get_aimlapi_usage

llm = AIMLAPI(model="openai/gpt-4o")
agent = FunctionAgent(tools=tools, llm=llm, allow_parallel_tool_calls=False)

with get_aimlapi_usage() as used:
    run = agent.run(task)
    async for event in run.stream_events():
        if isinstance(event, ToolCallResult):
            print("result ", event.tool_output.content)
        elif isinstance(event, ToolCall):
            print("calls  ", event.tool_name, event.tool_kwargs)
        elif isinstance(event, AgentStream) and event.delta:
            print(event.delta, end="|")
    await run
used

# %% [markdown]
# ## A tool that fails
#
# An exception of a tool can be sent to the model as the result, so that it can
# try something else. In LangChain this needs a middleware, in LlamaIndex it is
# the default.

# %%
from langchain.agents.middleware import wrap_tool_call
from langchain_core.messages import ToolMessage


def get_stock(ticker: str) -> str:
    """The price of a stock."""
    raise ValueError(
        f"the exchange is closed, so there is no price of {ticker}"
    )


@wrap_tool_call
def tell_failures(request, handler):
    """The words of an error as the tool's result."""
    try:
        return handler(request)
    except ValueError as error:
        return ToolMessage(
            f"Failed: {error}", tool_call_id=request.tool_call["id"]
        )


agent = create_agent(model, [get_stock], middleware=[tell_failures])
asked = ("user", "What is the price of the stock with the ticker AAPL?")
print(agent.invoke({"messages": [asked]})["messages"][-1].content)

# %% [markdown]
# Next: [models that think](05-reasoning.ipynb).
