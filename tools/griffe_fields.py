"""Shows the settings of our Pydantic classes in the API reference: a field's description is its docstring.

Griffe, which reads the code for MkDocs, loads this as an extension (see mkdocs.yml).
"""

from __future__ import annotations

import ast
from typing import Any

import griffe

from aimlapi_transport.config.fields import ABOUT


class FieldDescriptions(griffe.Extension):
    """Takes `Field(default=..., description=...)` apart."""

    def on_attribute_instance(self, *, node: Any, attr: griffe.Attribute, **kwargs: Any) -> None:
        """The description becomes the docstring, the default the value."""
        call = getattr(node, "value", None)
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Field"):
            return
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        description = given.get("description")
        if description is not None and attr.docstring is None:
            text = ABOUT[description.slice.value] if isinstance(description, ast.Subscript) else description.value
            attr.docstring = griffe.Docstring(str(text), parent=attr)
        attr.value = ast.unparse(given["default"]) if "default" in given else None
