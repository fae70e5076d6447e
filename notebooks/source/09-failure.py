# %% [markdown]
# # When things go wrong
#
# Each kind of failure is a class of its own: what it looks like here, and what
# to do about it. The emulator fails on demand, so that you can try what your
# program does before it happens.
#
# *This notebook is at home with the emulator, a program on this machine that
# speaks the provider's protocol; if you set `AIMLAPI_API_KEY` to run it live,
# the cells that need a failure on demand say so and do nothing.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## One tree
#
# All errors are `AIMLAPIError`s, in both frameworks. Each has a message that
# says what to do, the status, and the provider's id of the call to quote to
# its support. A failure is asked for with its name in place of a model's.

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
# ## The key, and the money
#
# **What to do:** set `AIMLAPI_API_KEY`; top up the account. Neither is tried
# again, since waiting does not help.

# %%
see("fault-401")
see("fault-403")

# %% [markdown]
# ## The request
#
# **What to do:** read the message, it names the field. Where a conversation
# has become too long, shorten it.

# %%
see("fault-400")
see("fault-context-length")
see("fault-404")

# %% [markdown]
# Much is refused before anything is sent, live too, since the documents of a
# model say what it takes:

# %%
for settings in ({"temperature": 3}, {"stop": list("abcde")}):
    try:
        ChatAIMLAPI(model="openai/gpt-4o", **settings).invoke("Hello")
    except AIMLAPIError as error:
        print(type(error).__name__, "|", error.message)

# %% [markdown]
# ## A busy provider
#
# Such failures pass, and are tried again: `max_retries=2`, the default, means
# at most three requests, of any kind. A quota that is used up looks the same
# on the wire, but does not pass, and is not tried again.
#
# **What to do:** usually nothing. If a `RateLimitError` still reaches you, ask
# less often; `retry_after` says when.

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
# **What to do:** look at the network, or raise `timeout`, which is seconds of
# silence.

# %% varies
see("fault-connection-reset", max_retries=0)
see("fault-stall", timeout=0.2, max_retries=0)

# %% [markdown]
# ## Half an answer
#
# A stream that breaks is an error, never a short answer that looks whole. What
# had arrived is in `partial`. It is not tried again, since you have already
# shown the first half to somebody.
#
# **What to do:** ask again, or show the half as a half.

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
# ## Half a tool call
#
# The same for a call whose arguments were cut: it is never run with what
# happened to arrive, but handed to you as an invalid one.
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
# ## Another model instead
#
# LangChain's `with_fallbacks` takes the next model when one fails. Say for
# which errors: a wrong request would be wrong for the next one, too.

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
# All classes and what to do about each stand in [the
# guide](../docs/errors-and-retries.md); all faults of the emulator are listed
# by `python -m aimlapi_emulator --list-faults`.
