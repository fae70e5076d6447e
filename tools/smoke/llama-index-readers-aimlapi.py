"""The readers under LlamaIndex's name."""

from llama_index.readers.aimlapi import AIMLAPIOCRReader, AIMLAPITranscriptReader

AIMLAPIOCRReader()
AIMLAPITranscriptReader()
