"""`init_chat_model` for AI/ML API: LangChain's function of this name makes models of the providers it lists alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import ConfigurableField, RunnableConfig
from langchain_core.runnables.utils import AnyConfigurableField

from langchain_aimlapi._aliases import CHAT
from langchain_aimlapi._binding import ModelFields
from langchain_aimlapi._settings import PARAMETERS
from langchain_aimlapi.chat_models import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError

PROVIDER = "aimlapi"
_PREFIX = f"{PROVIDER}:"
_NO_MODEL = "(named by the config)"


class _NamedByConfig(ModelFields):
    """A model whose id the config of a call names: the one it was made with stands for none."""

    def prepare(self, config: RunnableConfig | None = None) -> tuple[Any, RunnableConfig]:
        """The model that this config asks for, and the config.

        Raises:
            InvalidRequestError: the config names none.
        """
        model: Any
        model, config = super().prepare(config)
        if model.model_name == _NO_MODEL:
            key = self.fields["model_name"].id
            raise InvalidRequestError(
                f"No model: pass its id in the config, as `{{'configurable': {{{key!r}: ...}}}}`."
            )
        if model.model_name.startswith(_PREFIX):
            model = model.model_copy(update={"model_name": model.model_name.removeprefix(_PREFIX)})
        return model, config


def init_chat_model(
    model: str | None = None,
    *,
    model_provider: str | None = None,
    configurable_fields: Literal["any"] | Sequence[str] | None = None,
    config_prefix: str | None = None,
    **settings: Any,
) -> BaseChatModel:
    """A `ChatAIMLAPI`, by the arguments of LangChain's `init_chat_model`.

    Args:
        model: id of the model; `aimlapi:` may stand before it. Without one, each call's config must name it, under
            `configurable`.
        model_provider: `aimlapi`, where it is said.
        configurable_fields: settings that a call's config may set, under `configurable`, such as
            `("model", "temperature")`; "any" for the model and every parameter of a call, but no address and no key.
            By default none; without a model, the model.
        config_prefix: stands before their names in a config, with an underscore.
        settings: as `ChatAIMLAPI` takes them.

    Raises:
        InvalidRequestError: another provider, or a configurable setting that is none. A call raises it, too, where no
            model is named.
    """
    if model_provider not in (None, PROVIDER):
        raise InvalidRequestError(
            f"`model_provider` is {model_provider!r}: models of other providers come from "
            "`langchain.chat_models.init_chat_model`."
        )
    if not model and not configurable_fields:
        configurable_fields = ("model",)
    made = ChatAIMLAPI(model=(model or _NO_MODEL).removeprefix(_PREFIX), **settings)
    if not configurable_fields:
        return made
    names = ("model", *PARAMETERS) if configurable_fields == "any" else tuple(configurable_fields)
    prefix = f"{config_prefix.removesuffix('_')}_" if config_prefix else ""
    known = {"model", "timeout", *ChatAIMLAPI.model_fields}
    for name in names:
        if name not in known:
            raise InvalidRequestError(f"`configurable_fields` has {name!r}, which is not a setting of ChatAIMLAPI.")
    fields: dict[str, AnyConfigurableField]
    fields = {CHAT.fields.get(name, name): ConfigurableField(id=f"{prefix}{name}") for name in names}
    if not model and "model_name" not in fields:
        raise InvalidRequestError("`model` is missing: pass the id of a model, or `model` among `configurable_fields`.")
    # a runnable, and no chat model, as LangChain's own is that says the same of it
    return cast(BaseChatModel, _NamedByConfig(default=made, fields=fields))
