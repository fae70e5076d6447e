"""What the methods of a model need, imported when one is first called: it costs twice what the class itself does.

The one place of this package that is lazy beside its public names. To use another module so, add its name.
"""

from typing import TYPE_CHECKING

from aimlapi_transport.lazy_imports import lazy_modules

if TYPE_CHECKING:
    from langchain_aimlapi import _binding as _binding
    from langchain_aimlapi import _calls as _calls
    from langchain_aimlapi import _catalogue as _catalogue
    from langchain_aimlapi import _parsed as _parsed
    from langchain_aimlapi import _structured as _structured
    from langchain_aimlapi import _tools as _tools

__getattr__ = lazy_modules("langchain_aimlapi", "_binding", "_calls", "_catalogue", "_parsed", "_structured", "_tools")
