"""What the methods of an LLM need, imported when one is first called: half of what importing the class would cost.

The one place of this package that is lazy beside its public names. To use another module so, add its name.
"""

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import lazy_modules

if TYPE_CHECKING:
    from llama_index_aimlapi import _calls as _calls
    from llama_index_aimlapi import _schemas as _schemas
    from llama_index_aimlapi import _structured_llm as _structured_llm
    from llama_index_aimlapi import _structured_parsing as _structured_parsing
    from llama_index_aimlapi import _tools as _tools

__getattr__ = lazy_modules(
    "llama_index_aimlapi", "_calls", "_schemas", "_structured_llm", "_structured_parsing", "_tools"
)
