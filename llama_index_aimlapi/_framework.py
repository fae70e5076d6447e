"""LlamaIndex, or the error that says how to install it: each public module imports this first."""

from __future__ import annotations

from aimlapi_transport.lazy_imports import import_or_explain
from llama_index_aimlapi import _FRAMEWORK

import_or_explain(_FRAMEWORK.module, __package__, _FRAMEWORK)
