"""Shows the settings of our Pydantic classes in the API reference: a field's description is its docstring.

Griffe, which reads the code for MkDocs, loads this as an extension (see mkdocs.yml).
"""

from __future__ import annotations

import ast
from typing import Any

import griffe


class FieldDescriptions(griffe.Extension):
    """Takes `Field(default=..., description=...)` apart."""

    def on_attribute_instance(self, *, node: Any, attr: griffe.Attribute, **kwargs: Any) -> None:
        """The description becomes the docstring, the default the value."""
        call = getattr(node, "value", None)
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Field"):
            return
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        description = given.get("description")
        if isinstance(description, ast.Constant) and attr.docstring is None:
            attr.docstring = griffe.Docstring(str(description.value), parent=attr)
        attr.value = ast.unparse(given["default"]) if "default" in given else None
