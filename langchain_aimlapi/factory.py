"""`init_chat_model` for AI/ML API: LangChain's function of this name makes models of the providers it lists alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import ConfigurableField

from langchain_aimlapi._settings import PARAMETERS
from langchain_aimlapi.chat_models import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError

PROVIDER = "aimlapi"


def init_chat_model(
    model: str,
    *,
    model_provider: str | None = None,
    configurable_fields: Literal["any"] | Sequence[str] | None = None,
    config_prefix: str | None = None,
    **settings: Any,
) -> BaseChatModel:
    """A `ChatAIMLAPI`, by the arguments of LangChain's `init_chat_model`.

    Args:
        model: id of the model; `aimlapi:` may stand before it.
        model_provider: `aimlapi`, where it is said.
        configurable_fields: settings that a call's config may set, under `configurable`, such as
            `("model", "temperature")`; "any" for the model and every parameter of a call, but no address and no key.
        config_prefix: stands before their names in a config, with an underscore.
        settings: as `ChatAIMLAPI` takes them.

    Raises:
        InvalidRequestError: another provider, or a configurable setting that is none.
    """
    if model_provider not in (None, PROVIDER):
        raise InvalidRequestError(
            f"`model_provider` is {model_provider!r}: models of other providers come from "
            "`langchain.chat_models.init_chat_model`."
        )
    made = ChatAIMLAPI(model=model.removeprefix(f"{PROVIDER}:"), **settings)
    if configurable_fields is None:
        return made
    names = ("model", *PARAMETERS) if configurable_fields == "any" else tuple(configurable_fields)
    prefix = f"{config_prefix.removesuffix('_')}_" if config_prefix else ""
    known = {"model", "timeout", *ChatAIMLAPI.model_fields}
    for name in names:
        if name not in known:
            raise InvalidRequestError(f"`configurable_fields` has {name!r}, which is no setting of ChatAIMLAPI.")
    fields = {name: ConfigurableField(id=f"{prefix}{name}") for name in names}
    return cast(BaseChatModel, made.configurable_fields(**fields))  # as LangChain's own says of what it gives
