# %% [markdown]
# # Answers from your documents
#
# Retrieval in both frameworks, over the guides of this project. Each answer
# comes with its sources.
#
# *Without a key, the emulator answers: a local server with the provider's
# protocol, whose texts, vectors, token counts and prices are made up (it
# returns the sentence that shares the most words with the question). Set
# `AIMLAPI_API_KEY` before you start Jupyter to call the real provider.*

# %%
from aimlapi_emulator import emulator_unless_key

server = emulator_unless_key()
print("The emulator answers." if server else "Live: answers are paid for.")

# %% [markdown]
# ## The documents
#
# Four guides, split at their headings. A piece keeps the name of its guide and
# its heading, so that an answer can name its source. Both frameworks get the
# same pieces.

# %%
import re
from pathlib import Path

guides = [
    "cost-and-usage.md",
    "errors-and-retries.md",
    "multimodal.md",
    "reasoning.md",
]


CODE, TAB, ROW = r"^ *```.*?^ *```$", r"^===.*?$", r"^\|.*?$"


def pieces(guide):
    """(heading, text) for each part of a guide that has paragraphs."""
    text = Path("../docs", guide).read_text(encoding="utf-8")
    prose = re.sub(f"{CODE}|{TAB}|{ROW}", "", text, flags=re.M | re.S)
    for part in re.split(r"^#+ ", prose, flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        paragraphs = [" ".join(p.split()) for p in body.split("\n\n")]
        if any(paragraphs):
            yield heading, "\n".join(filter(None, paragraphs))


corpus = [
    (f"{guide}: {heading}", body)
    for guide in guides
    for heading, body in pieces(guide)
]
for source, _ in corpus[:4]:
    print(source)

# %%
questions = [
    "How many credits are there to the dollar?",
    "How long is Retry-After followed?",
    "How does a spoken answer go back into the conversation?",
]

# %% [markdown]
# ## LangChain
#
# A vector store in memory, a prompt, a model. The chain returns the answer; its
# sources are the pieces that were found.

# %%
from langchain_aimlapi import (
    AIMLAPIEmbeddings,
    ChatAIMLAPI,
    get_aimlapi_usage_callback,
)
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore

prompt = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from this context only.\n\nContext:\n{context}"),
        ("user", "{question}"),
    ]
)
chain = prompt | ChatAIMLAPI(model="anthropic/claude-haiku-4.5")
store = InMemoryVectorStore(AIMLAPIEmbeddings(model="text-embedding-3-small"))


def answer(question):
    """The answer, and where it is from."""
    found = store.similarity_search(question, k=2)
    context = "\n".join(page.page_content for page in found)
    message = chain.invoke({"context": context, "question": question})
    return message.content, [page.metadata["source"] for page in found]


with get_aimlapi_usage_callback() as used:
    store.add_documents(
        [Document(body, metadata={"source": source}) for source, body in corpus]
    )
    for question in questions:
        said, places = answer(question)
        print("question", question)
        print("answer  ", said)
        print("from    ", "; ".join(places), end="\n\n")

# %% [markdown]
# The sum of indexing and answering:

# %% varies
used

# %% [markdown]
# ## LlamaIndex
#
# An index and its query engine. The response has its sources as `source_nodes`.

# %%
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding, get_aimlapi_usage

llm = AIMLAPI(model="anthropic/claude-haiku-4.5", context_window=200_000)
embedding = AIMLAPIEmbedding(model="text-embedding-3-small")
apart = {  # the name of its place is for you, not for the models
    "excluded_embed_metadata_keys": ["source"],
    "excluded_llm_metadata_keys": ["source"],
}

with get_aimlapi_usage() as used:
    nodes = [
        TextNode(text=body, metadata={"source": source}, **apart)
        for source, body in corpus
    ]
    index = VectorStoreIndex(nodes, embed_model=embedding)
    engine = index.as_query_engine(llm=llm, similarity_top_k=2)
    for question in questions:
        response = engine.query(question)
        places = [node.metadata["source"] for node in response.source_nodes]
        print("question", question)
        print("answer  ", response)
        print("from    ", "; ".join(places), end="\n\n")

# %% varies
used

# %% [markdown]
# ## When the documents have no answer
#
# The prompt tells the model to answer from the context only, so it says that it
# does not know.

# %%
print(answer("Who founded Rome?")[0])

# %% [markdown]
# Next: [an agent with tools](04-agent.ipynb).
