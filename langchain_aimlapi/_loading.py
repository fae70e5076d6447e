"""Makes `langchain_core.load` count our models among the known integrations: `allowed_objects="all"`.

LangChain lists those in a mapping of its own, with no way in for a package outside its repository. Where that mapping
is another one day, nothing happens here, and `allowed_objects=[ChatAIMLAPI]` goes on working: it needs no mapping.
In either case the reader must name our package in `valid_namespaces`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module


@lru_cache
def register(*path: str) -> None:
    """Adds a class by the path it is written under. Cheap to repeat."""
    try:
        mappings = import_module("langchain_core.load.mapping").SERIALIZABLE_MAPPING
        load = import_module("langchain_core.load.load")
        known, paths = load.ALL_SERIALIZABLE_MAPPINGS, load._default_class_paths_cache
        mappings.setdefault(path, path)
        known.setdefault(path, path)
        paths.pop("all", None)  # what was computed before we came
    except (ImportError, AttributeError):
        return
