# %% [markdown]
# # Answers from a talk and a scan
#
# A question to a recorded talk and to a scanned report. Each answer names its
# source: the second of the talk, or the page of the scan.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, vectors and prices are made up (it returns the sentence
# that shares the most words with the question). It transcribes only its own
# speech and reads only plain PDFs. Set `AIMLAPI_API_KEY` before you start
# Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## The talk
#
# You have a recording; here one is generated, from a script with two voices.

# %%
import tempfile
from pathlib import Path

from aimlapi_transport import Client

folder = Path(tempfile.mkdtemp())
script = """\
Speaker 1: Welcome to the harbour meeting. The new ferry carries ninety cars.
Speaker 2: How much does the crossing cost? The ticket costs twelve euros.
Speaker 1: The first crossing leaves at nine. Bicycles travel free of charge.
"""
client = Client()
voices = [{"preset": "Frank [EN]"}, {"preset": "Alice [EN]"}]
spoken = client.speech("microsoft/vibevoice-7b", script, speakers=voices)
[talk] = client.save(spoken, folder / "talk.wav")
print(talk.name, talk.read_bytes()[:4])

# %% [markdown]
# ## The scan
#
# A report of two pages, written here as a PDF with a line of text on each.


# %%
def pdf(lines):
    """A PDF with one line of text on each page."""
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(lines)))
    font = "<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(lines)}>>",
    ]
    for n, line in enumerate(lines):
        shown = f"BT /F 14 Tf 40 380 Td ({line}) Tj ET"
        objects += [
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 420]/Resources{font}"
            f"/Contents {4 + 2 * n} 0 R>>",
            f"<</Length {len(shown)}>>stream\n{shown}\nendstream",
        ]
    data, places = "%PDF-1.4\n", []
    for n, body in enumerate(objects, 1):
        places.append(f"{len(data):010} 00000 n \n")
        data += f"{n} 0 obj{body}endobj\n"
    table = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n"
    trailer = f"trailer<</Size {len(places) + 1}/Root 1 0 R>>"
    end = f"startxref\n{len(data)}\n%%EOF"
    return f"{data}{table}{''.join(places)}{trailer}\n{end}".encode()


report = folder / "report.pdf"
report.write_bytes(
    pdf(
        [
            "The harbour was dredged in May to a depth of seven metres.",
            "The terminal opens in October and has forty parking places.",
        ]
    )
)
print(report.name)

# %% [markdown]
# ## LangChain
#
# Two loaders. A document of the transcript is what one speaker says within a
# number of seconds; a document of the scan is a page.

# %%
from langchain_aimlapi.document_loaders import (
    AIMLAPIOCRLoader,
    AIMLAPITranscriptLoader,
)

talks = AIMLAPITranscriptLoader(
    talk, model="nova-3", max_seconds=3, parameters={"diarize": True}
)
scans = AIMLAPIOCRLoader(report, model="mistral/mistral-ocr-latest")
documents = talks.load() + scans.load()


def citation(metadata):
    """Where a document is from: the file, and the second or the page."""
    file = Path(metadata.get("source") or metadata["file_path"]).name
    if "start_seconds" in metadata:
        return (
            f"{file} at {metadata['start_seconds']:.0f} s, "
            f"speaker {metadata['speaker']}"
        )
    return f"{file}, page {metadata['page_label']}"


for document in documents:
    print(f"{citation(document.metadata):32} {document.page_content}")

# %% [markdown]
# The rest is a usual retrieval chain: a store, a prompt, a model.

# %%
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore

prompt = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from this context only.\n\nContext:\n{context}"),
        ("user", "{question}"),
    ]
)
chain = prompt | ChatAIMLAPI(model="openai/gpt-4o")
store = InMemoryVectorStore(AIMLAPIEmbeddings(model="text-embedding-3-small"))
store.add_documents(documents)
questions = [
    "How many cars does the new ferry carry?",
    "What does the ticket cost?",
    "When does the terminal open?",
    "To what depth was the harbour dredged?",
]

for question in questions:
    found = store.similarity_search(question, k=2)
    context = "\n".join(each.page_content for each in found)
    said = chain.invoke({"context": context, "question": question})
    print(question)
    print("  ", said.text)
    for each in found:
        print("   from", citation(each.metadata))

# %% [markdown]
# ## LlamaIndex
#
# Two readers, selected by the extensions of the files in a folder.

# %%
from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding
from llama_index_aimlapi.readers import (
    AIMLAPIOCRReader,
    AIMLAPITranscriptReader,
)

readers = {
    ".wav": AIMLAPITranscriptReader(
        "nova-3", max_seconds=3, parameters={"diarize": True}
    ),
    ".pdf": AIMLAPIOCRReader(),
}
pages = SimpleDirectoryReader(str(folder), file_extractor=readers).load_data()
index = VectorStoreIndex.from_documents(
    pages, embed_model=AIMLAPIEmbedding(model="text-embedding-3-small")
)
engine = index.as_query_engine(
    llm=AIMLAPI(model="openai/gpt-4o"), similarity_top_k=2
)
for question in questions[1:3]:
    response = engine.query(question)
    print(question)
    print("  ", response)
    for node in response.source_nodes:
        print("   from", citation(node.metadata))

# %% [markdown]
# The cost of a transcript or a page is in its document, if the provider reports
# it:

# %%
for name, each in (("talk", documents[0]), ("scan", documents[-1])):
    print(name, each.metadata.get("cost_usd", "unknown"), "US dollars")

# %% [markdown]
# [The guide](../docs/media.md) has more of these models.
