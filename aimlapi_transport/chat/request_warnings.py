"""What a request holds that nobody documents -> warnings."""

from __future__ import annotations

from aimlapi_transport.chat.validation import nearest_parameter
from aimlapi_transport.request import Request
from aimlapi_transport.user_warnings import warn_once


def warn_unlisted(request: Request) -> None:
    """Warns of what a request holds beyond the model's documents, or in place of what was asked for."""
    model = request.model
    for name in request.unlisted:
        nearest = nearest_parameter(name)
        text = f"The documents do not list `{name}` for {model}"
        text += f"; did you mean `{nearest}`?" if nearest else "."
        warn_once(model, name, f"{text} It is sent anyway")
    for kind in request.unlisted_parts:
        text = f"The documents do not list content parts of type `{kind}` for {model}. It is sent anyway"
        warn_once(model, f"part {kind}", text)
    if request.tool_choice_downgrade:
        asked, sent, reason = request.tool_choice_downgrade
        text = f"`tool_choice` {asked!r} is sent as {sent!r}, so the model may answer otherwise: {reason}"
        warn_once(model, f"tool_choice {reason}", text)
