# %% [markdown]
# # Images, audio and files
#
# An image, a document and a recording are sent as content blocks of your
# framework; a spoken answer is returned, and played here.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, which only reports the kind and size of what it received. Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## An image
#
# A plot to ask about.

# %% varies
import io

from IPython.display import Audio, Image
from matplotlib.figure import Figure

figure = Figure(figsize=(5, 2.6), layout="constrained")
axes = figure.add_subplot()
axes.bar(
    ["Mon", "Tue", "Wed", "Thu", "Fri"], [12, 19, 7, 22, 15], color="#0d9488"
)
axes.set(ylabel="visitors", title="A week")
axes.spines[["top", "right"]].set_visible(False)

with io.BytesIO() as file:
    figure.savefig(file, format="png", dpi=80)
    picture = file.getvalue()
Image(picture)

# %% [markdown]
# In LangChain it is a content block of type `image`:

# %% varies
import base64

from langchain_aimlapi import ChatAIMLAPI
from langchain_core.messages import HumanMessage

model = ChatAIMLAPI(model="openai/gpt-4o")
image = {
    "type": "image",
    "base64": base64.b64encode(picture).decode(),
    "mime_type": "image/png",
}
question = "Which day had the most visitors?"
print(model.invoke([HumanMessage([question, image])]).content)

# %% [markdown]
# In LlamaIndex it is an `ImageBlock`:

# %% varies
from llama_index.core.llms import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
)
from llama_index_aimlapi import AIMLAPI

llm = AIMLAPI(model="openai/gpt-4o")
blocks = [
    TextBlock(text=question),
    ImageBlock(image=picture, image_mimetype="image/png"),
]
print(llm.chat([ChatMessage(role="user", blocks=blocks)]).message.content)

# %% [markdown]
# ## A file
#
# The same plot as a PDF.

# %% varies
with io.BytesIO() as file:
    figure.savefig(file, format="pdf")
    paper = file.getvalue()

document = {
    "type": "file",
    "base64": base64.b64encode(paper).decode(),
    "mime_type": "application/pdf",
    "filename": "week.pdf",
}
print(model.invoke([HumanMessage([question, document])]).content)

blocks = [
    TextBlock(text=question),
    DocumentBlock(
        data=paper, title="week.pdf", document_mimetype="application/pdf"
    ),
]
print(llm.chat([ChatMessage(role="user", blocks=blocks)]).message.content)

# %% [markdown]
# ## Audio as input and output
#
# Half a second of a tone is sent. The model answers with audio and its
# transcript.

# %%
import array
import math
import wave

RATE = 16_000  # samples in a second, of two bytes each
wave_at = [math.sin(2 * math.pi * 440 * n / RATE) for n in range(RATE // 2)]
samples = array.array("h", (round(9000 * height) for height in wave_at))
with io.BytesIO() as file:
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(samples.tobytes())
    tone = file.getvalue()
Audio(tone)

# %%
speaker = ChatAIMLAPI(
    model="gpt-4o-audio-preview",
    model_kwargs={
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
    },
)
heard = {
    "type": "audio",
    "base64": base64.b64encode(tone).decode(),
    "mime_type": "audio/wav",
}
answer = speaker.invoke([HumanMessage(["What do you hear?", heard])])
print(answer.additional_kwargs["audio"]["transcript"])
Audio(base64.b64decode(answer.additional_kwargs["audio"]["data"]))

# %%
speaker = AIMLAPI(
    model="gpt-4o-audio-preview",
    modalities=["text", "audio"],
    audio_config={"voice": "alloy", "format": "wav"},
)
blocks = [
    TextBlock(text="What do you hear?"),
    AudioBlock(audio=tone, format="wav"),
]
answer = speaker.chat([ChatMessage(role="user", blocks=blocks)])
print(answer.message.additional_kwargs["audio_transcript"])
(spoken,) = [
    block for block in answer.message.blocks if isinstance(block, AudioBlock)
]
print(spoken.resolve_audio().read(4), "is how a WAV file begins")

# %% [markdown]
# ## What a model does not accept
#
# Content is never left out without a report. An image that a model's documents
# do not list is sent with one warning, because documents are incomplete. With
# `strict_parameters=True` it raises before anything is sent:

# %%
from langchain_aimlapi.errors import InvalidRequestError

try:
    strict = ChatAIMLAPI(model="deepseek/deepseek-r1", strict_parameters=True)
    strict.invoke([HumanMessage([question, image])])
except InvalidRequestError as error:
    print(error)

# %% [markdown]
# [The guide](../docs/multimodal.md) has further forms, such as URLs in place of
# data.
#
# Next: [comparing models](08-comparing-models.ipynb).
