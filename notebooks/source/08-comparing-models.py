# %% [markdown]
# # Comparing models
#
# The same questions to several models of several vendors: what each answer
# costs, how long it takes, how many tokens it is made of. To try another
# model, write its id into the list.
#
# *Without a key the emulator answers: a program on this machine that speaks
# the provider's protocol, but whose words, token counts and prices are made up
# and whose times are those of this machine, so that the picture shows the
# method, not the models; set `AIMLAPI_API_KEY` before you start Jupyter, and
# the same cells run live.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## The models and the questions

# %%
models = [
    "openai/gpt-4o",
    "anthropic/claude-sonnet-4.5",
    "google/gemini-2.5-flash",
    "x-ai/grok-4-07-09",
    "deepseek/deepseek-chat-v3.1",
    "minimax/m2",
]
context = (
    "Context: The office opens at nine and closes at five. "
    "On Fridays it closes at two.\n"
)
questions = [
    "What is 17 * 23?",
    context + "Question: When does the office close on Fridays?",
    "Repeat after me: she sells sea shells by the sea shore",
]

# %% [markdown]
# ## Asking
#
# A first question to each model opens the connection, and is not counted: it
# would be charged to whoever comes first. Every model is then asked every
# question, one call after the other, so that no call waits for another.
# `max_retries=0` keeps waiting for a busy provider out of the times.

# %%
import time
from statistics import mean, median

from langchain_aimlapi import ChatAIMLAPI


def measure(model_id):
    """A model's answers: the seconds each took, and the messages."""
    model = ChatAIMLAPI(model=model_id, max_tokens=2000, max_retries=0)
    model.invoke("Hello")
    seconds, messages = [], []
    for question in questions:
        begun = time.perf_counter()
        messages.append(model.invoke(question))
        seconds.append(time.perf_counter() - begun)
    return seconds, messages


measured = {model_id: measure(model_id) for model_id in models}

# %% [markdown]
# ## What they said

# %%
for number, question in enumerate(questions):
    print(question.removeprefix(context))
    for model_id, (_, messages) in measured.items():
        print(f"   {model_id:<30}{messages[number].content.strip()}")

# %% [markdown]
# ## Tokens and prices
#
# For one question, on average.


# %%
def as_table(head, rows):
    """Rows as a table; all columns but the first to the right."""
    from IPython.display import Markdown

    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def cost(messages):
    """US dollars for 1,000 answers like these, as far as prices were told."""
    costs = [m.response_metadata.get("cost_usd") for m in messages]
    return 1000 * mean([cost for cost in costs if cost is not None] or [0.0])


def tokens(messages):
    """Output tokens of an answer, thoughts included."""
    return mean(m.usage_metadata["output_tokens"] for m in messages)


def thoughts(messages):
    """Output tokens of an answer that are thoughts; some models do not say."""
    details = [
        m.usage_metadata.get("output_token_details", {}) for m in messages
    ]
    return mean(detail.get("reasoning", 0) for detail in details)


as_table(
    ["model", "output tokens", "of them thoughts", "USD for 1,000 answers"],
    [
        [model_id, f"{tokens(m):.0f}", f"{thoughts(m):.0f}", f"{cost(m):.3f}"]
        for model_id, (_, m) in measured.items()
    ],
)

# %% [markdown]
# ## The picture
#
# Left and low is good: quick and cheap. A larger circle is a longer answer.

# %% varies
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
for model_id, (seconds, messages) in measured.items():
    x, y = 1000 * median(seconds), cost(messages)
    size = 12 * tokens(messages)
    axes.scatter(x, y, s=size, alpha=0.75, edgecolors="white", linewidths=1)
    axes.annotate(
        model_id,
        (x, y),
        xytext=(0, 4 + size**0.5 / 2),
        textcoords="offset points",
        ha="center",
        fontsize=9,
    )
axes.set_xlabel("milliseconds to the whole answer (median)")
axes.set_ylabel("US dollars for 1,000 answers")
made_up = "The emulator: made-up prices, this machine's times"
axes.set_title(made_up if server else "Cost against time", fontsize=11)
axes.margins(0.2)
axes.set_ylim(bottom=0)
axes.grid(alpha=0.25)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# ## The same, as rows

# %% varies
as_table(
    ["model", "quickest, ms", "median, ms", "slowest, ms"],
    [
        [model_id, *(f"{1000 * of(s):.1f}" for of in (min, median, max))]
        for model_id, (s, _) in measured.items()
    ],
)

# %% [markdown]
# Three questions decide nothing: take your own, and more of them.
#
# Next: [when things go wrong](09-failure.ipynb).
