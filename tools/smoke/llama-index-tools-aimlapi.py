"""The tool spec under LlamaIndex's name makes its tools."""

from llama_index.tools.aimlapi import AIMLAPIToolSpec

assert AIMLAPIToolSpec().to_tool_list()
