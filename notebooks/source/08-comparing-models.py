# %% [markdown]
# # Comparing models
#
# The same questions to models of several vendors: cost, time and tokens of each
# answer. To compare another model, add its id to the list.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, token counts and prices are made up and whose times are
# those of this machine, so the plot shows the method, not the models. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

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
# ## The calls
#
# The models take turns in three rounds, so that a slow minute affects all of
# them. The first call opens the connection and is not measured. `max_retries=0`
# keeps waits for a busy provider out of the times.

# %%
import time
from statistics import mean, median

from langchain_aimlapi import ChatAIMLAPI

ROUNDS = 3
seconds = {model_id: [] for model_id in models}
answers = {model_id: [] for model_id in models}

ChatAIMLAPI(model=models[0]).invoke("Hello")
for _ in range(ROUNDS):
    for question in questions:
        for model_id in models:
            model = ChatAIMLAPI(model=model_id, max_tokens=2000, max_retries=0)
            begun = time.perf_counter()
            answers[model_id].append(model.invoke(question))
            seconds[model_id].append(time.perf_counter() - begun)

# %% [markdown]
# ## The answers

# %%
for number, question in enumerate(questions):
    print(question.removeprefix(context))
    for model_id, messages in answers.items():
        print(f"   {model_id:<30}{messages[number].content.strip()}")

# %% [markdown]
# ## Tokens and cost
#
# For one question, on average.


# %%
def as_table(head, rows):
    """Rows as a table; all columns but the first to the right."""
    from IPython.display import Markdown

    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def cost(messages):
    """US dollars for 1,000 answers like these, as far as prices are known."""
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
        for model_id, m in answers.items()
    ],
)

# %% [markdown]
# ## The plot
#
# Left is fast, low is cheap. A larger circle is a longer answer. The scale of
# the cost is logarithmic.

# %% varies
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
for model_id in models:
    axes.scatter(
        1000 * median(seconds[model_id]),
        cost(answers[model_id]),
        s=12 * tokens(answers[model_id]),
        label=model_id,
        alpha=0.75,
        edgecolors="white",
    )
legend = figure.legend(loc="outside right center", frameon=False)
for handle in legend.legend_handles:
    handle.set_sizes([60])
made_up = "The emulator: made-up prices, this machine's times"
axes.set_title(made_up if server else "Cost against time", fontsize=11)
axes.set_xlabel("milliseconds to the whole answer (median)")
axes.set_ylabel("US dollars for 1,000 answers")
axes.set_yscale("log")
axes.yaxis.set_major_formatter("{x:g}")
axes.set_xlim(0, 1.5 * 1000 * max(map(median, seconds.values())))
axes.margins(y=0.15)
axes.grid(alpha=0.25)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# ## The same as rows

# %% varies
as_table(
    ["model", "quickest, ms", "median, ms", "slowest, ms"],
    [
        [model_id, *(f"{1000 * of(s):.1f}" for of in (min, median, max))]
        for model_id, s in seconds.items()
    ],
)

# %% [markdown]
# Three questions are not enough to choose a model: use your own, and more of
# them.
#
# Next: [when things go wrong](09-failure.ipynb).
