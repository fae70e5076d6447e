# %% [markdown]
# # When things go wrong
#
# Each kind of failure has its own class: how it looks, and what to do. The
# emulator fails on demand, so that you can test what your program does.
#
# *This notebook needs the emulator, a local server with the provider's
# protocol. If you set `AIMLAPI_API_KEY` to run it live, the cells that need a
# failure on demand say so and do nothing.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## One base class
#
# All errors are subclasses of `AIMLAPIError`, in both frameworks. Each has a
# message that says what to do, the status, and the provider's id of the call
# for its support. To get a failure, pass its name as the model.

# %%
from aimlapi_transport.errors import AIMLAPIError
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

NOT_LIVE = "Only the emulator fails on demand: nothing is done here live."


def see(fault, **settings):
    """Asks for a failure in both frameworks, and shows the error."""
    if not server:
        return print(NOT_LIVE)
    model = ChatAIMLAPI(model=fault, **settings)
    llm = AIMLAPI(model=fault, **settings)
    errors = []
    for ask in (model.invoke, llm.complete):
        try:
            ask("Hello")
        except AIMLAPIError as error:
            errors.append(error)
    error, same = errors
    assert isinstance(error, type(same)) and error.message == same.message
    print(f"{type(error).__name__} | {error.message.splitlines()[0]}")
    again = "worth" if error.is_retryable else "not worth"
    print(f"   status {error.status_code}, {again} another try")


# %% [markdown]
# ## The key, and the credits
#
# **What to do:** set `AIMLAPI_API_KEY`; top up the account. Neither is retried,
# because waiting does not help.

# %%
see("fault-401")
see("fault-403")

# %% [markdown]
# ## The request
#
# **What to do:** read the message: it names the field. If a conversation has
# become too long, shorten it.

# %%
see("fault-400")
see("fault-context-length")
see("fault-404")

# %% [markdown]
# Many errors are found before anything is sent, live too, because the documents
# of a model say what it accepts:

# %%
for settings in ({"temperature": 3}, {"stop": list("abcde")}):
    try:
        ChatAIMLAPI(model="openai/gpt-4o", **settings).invoke("Hello")
    except AIMLAPIError as error:
        print(type(error).__name__, "|", error.message)

# %% [markdown]
# ## A busy provider
#
# Such failures are temporary, and are retried: `max_retries=2`, the default,
# means at most three requests in any kind of call. A quota that is used up has
# the same status, but is not temporary, and is not retried.
#
# **What to do:** usually nothing. If you get a `RateLimitError`, send fewer
# requests; `retry_after` says when to send the next.

# %%
if server:
    for fault in ("fault-503-then-ok", "fault-429-always", "fault-429-quota"):
        server.clear()
        failed = None
        try:
            ChatAIMLAPI(model=fault).invoke("Hello")
        except AIMLAPIError as error:
            failed = type(error).__name__
        print(
            f"{fault:<18} requests: {len(server.requests)}, in the end:",
            failed or "an answer",
        )
else:
    print(NOT_LIVE)

# %% [markdown]
# ## The network
#
# **What to do:** check the network, or raise `timeout`, which is seconds
# without data.

# %% varies
see("fault-connection-reset", max_retries=0)
see("fault-stall", timeout=0.2, max_retries=0)

# %% [markdown]
# ## An incomplete answer
#
# A stream that breaks is an error. The part that arrived is in `partial`. It is
# not retried, because your program has already used the first part.
#
# **What to do:** ask again, or show the part as incomplete.

# %%
if server:
    try:
        for chunk in ChatAIMLAPI(model="fault-cut-midstream").stream("Hello"):
            print(chunk.content, end="|")
    except AIMLAPIError as error:
        print(f"\n{type(error).__name__}: {error.message}")
        print("partial:", repr(error.partial.text))
else:
    print(NOT_LIVE)

# %% [markdown]
# ## An incomplete tool call
#
# A call whose arguments were cut is never run with the part that arrived; it is
# returned as an invalid call.
#
# **What to do:** raise `max_tokens`.

# %%
if server:
    message = ChatAIMLAPI(model="fault-tool-truncated").invoke("Hello")
    print("to be run:", message.tool_calls)
    for call in message.invalid_tool_calls:
        print("invalid:  ", call["name"], call["args"])
else:
    print(NOT_LIVE)

# %% [markdown]
# ## Falling back to another model
#
# LangChain's `with_fallbacks` uses the next model when one fails. Name the
# errors for which it should: a wrong request would be wrong for the next model,
# too.

# %%
from langchain_aimlapi.errors import (
    APIConnectionError,
    RateLimitError,
    ServerError,
)

passing = (ServerError, RateLimitError, APIConnectionError)
busy = "fault-503-always" if server else "openai/gpt-4o"
first = ChatAIMLAPI(model=busy, max_retries=0)
second = ChatAIMLAPI(model="anthropic/claude-haiku-4.5")
model = first.with_fallbacks([second], exceptions_to_handle=passing)
message = model.invoke("What is 6 * 7?")
print(message.content, "|", message.response_metadata["model_name"])

# %% [markdown]
# [The guide](../docs/errors-and-retries.md) lists all classes and what to do;
# `python -m aimlapi_emulator --list-faults` lists all faults of the emulator.
