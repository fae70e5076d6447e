"""What `bind`, `with_config`, `configurable_fields` and the like return: it takes `bind_tools` and
`with_structured_output` as a model does, and sends what was bound before.

LangChain's own pass both methods on to the model, which knows nothing of what is bound to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import ConfigurableField, Runnable, RunnableBinding, RunnableConfig, RunnableLambda
from langchain_core.runnables.base import RunnableBindingBase, RunnableSerializable
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.configurable import (
    DynamicRunnable,
    RunnableConfigurableAlternatives,
    RunnableConfigurableFields,
)

from langchain_aimlapi._settings import ChatSettings
from langchain_aimlapi._structured import structured
from langchain_aimlapi._tools import bound_tools

Model = Runnable[LanguageModelInput, AIMessage]


class ModelBinding(RunnableBinding[LanguageModelInput, AIMessage]):
    """A model with arguments or a config bound to it."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Written by `langchain_core.load` as what it is a kind of."""
        return RunnableBinding.lc_id()

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """As `ChatAIMLAPI.bind_tools`, beside what is bound already."""
        return self.bind(**bound_tools(tools, refuse=_model_in(self).strict_parameters, **options))

    def with_structured_output(self, schema: Any = None, **options: Any) -> Runnable[LanguageModelInput, Any]:
        """As `ChatAIMLAPI.with_structured_output`; what is bound already is sent, too."""
        return _structured(self, schema, options)


class ModelFields(RunnableConfigurableFields):  # type: ignore[type-arg]  # with arguments, Pydantic refuses a model
    """A model whose settings are chosen by the config of a call."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Written by `langchain_core.load` as what it is a kind of."""
        return RunnableConfigurableFields.lc_id()

    def bind(self, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """The same with arguments bound to every call."""
        return kept(super().bind(**kwargs))

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """As `ChatAIMLAPI.bind_tools`, for whatever settings are chosen."""
        return self.bind(**bound_tools(tools, refuse=_model_in(self).strict_parameters, **options))

    def with_structured_output(self, schema: Any = None, **options: Any) -> Runnable[LanguageModelInput, Any]:
        """As `ChatAIMLAPI.with_structured_output`, for whatever settings are chosen."""
        return _structured(self, schema, options)

    def configurable_alternatives(
        self, which: ConfigurableField, **options: Any
    ) -> RunnableSerializable[LanguageModelInput, AIMessage]:
        """This or another model, as the config of a call says."""
        return kept_alternatives(super().configurable_alternatives(which, **options))


class ModelAlternatives(RunnableConfigurableAlternatives):  # type: ignore[type-arg]  # with arguments, Pydantic refuses a model
    """One of several models, chosen by the config of a call."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Written by `langchain_core.load` as what it is a kind of."""
        return RunnableConfigurableAlternatives.lc_id()

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds tools to each of the models."""
        return self._each(lambda model: model.bind_tools(tools, **options))

    def with_structured_output(self, schema: Any = None, **options: Any) -> Runnable[LanguageModelInput, Any]:
        """The same shape of answers from each of the models."""
        return self._each(lambda model: model.with_structured_output(schema, **options))

    def _each(self, change: Callable[[Any], Any]) -> Runnable[LanguageModelInput, Any]:
        def changed(model: Any) -> Any:
            return change(model) if isinstance(model, Runnable) else lambda: change(model())

        alternatives = {key: changed(model) for key, model in self.alternatives.items()}
        fields = {**self.__dict__, "default": change(self.default), "alternatives": alternatives}
        return RunnableConfigurableAlternatives(**fields)


def kept(runnable: Runnable[LanguageModelInput, AIMessage]) -> Model:
    """A binding that LangChain made as one of ours; all else as it is."""
    if isinstance(runnable, ModelBinding) or not isinstance(runnable, RunnableBinding):
        return runnable
    return ModelBinding(**{name: getattr(runnable, name) for name in RunnableBinding.model_fields})


def kept_fields(runnable: Any) -> RunnableSerializable[LanguageModelInput, AIMessage]:
    """Configurable fields that LangChain made as ours."""
    return ModelFields(**{name: getattr(runnable, name) for name in RunnableConfigurableFields.model_fields})


def kept_alternatives(runnable: Any) -> RunnableSerializable[LanguageModelInput, AIMessage]:
    """Alternatives that LangChain made as ours."""
    names = RunnableConfigurableAlternatives.model_fields
    return ModelAlternatives(**{name: getattr(runnable, name) for name in names})


def _structured(runnable: Any, schema: Any, options: Mapping[str, Any]) -> Runnable[LanguageModelInput, Any]:
    chain = structured(_model_in(runnable), runnable, _bound_in(runnable), schema, **options)
    if not any(isinstance(layer, DynamicRunnable) for layer in _layers(runnable)):
        return chain

    # Which method a model takes is known when it is.
    def choose(_: Any, config: RunnableConfig) -> Runnable[Any, Any]:
        chosen = _chosen(runnable, config)
        return structured(_model_in(chosen), chosen, _bound_in(chosen), schema, **options)

    async def achoose(question: Any, config: RunnableConfig) -> Runnable[Any, Any]:
        return choose(question, config)

    return RunnableLambda(choose, afunc=achoose, name="with_structured_output")


def _layers(runnable: Any) -> list[Any]:
    """The runnable, and those it is around, down to the model."""
    layers = [runnable]
    while True:
        if isinstance(layers[-1], RunnableBindingBase):
            layers.append(layers[-1].bound)
        elif isinstance(layers[-1], DynamicRunnable):
            layers.append(layers[-1].default)
        else:
            return layers


def _model_in(runnable: Any) -> ChatSettings:
    model = _layers(runnable)[-1]
    if not isinstance(model, ChatSettings):
        raise AttributeError(f"{type(model).__name__} takes no tools and no schema: call the method on the model.")
    return model


def _bound_in(runnable: Any) -> dict[str, Any]:
    bound: dict[str, Any] = {}
    for layer in _layers(runnable):
        if isinstance(layer, RunnableBindingBase):
            bound = {**layer.kwargs, **bound}
    return bound


def _chosen(runnable: Any, config: RunnableConfig) -> Any:
    """The runnable with the model that the config chooses."""
    if isinstance(runnable, DynamicRunnable):
        chosen, _ = runnable.prepare(config)
        return chosen
    if isinstance(runnable, RunnableBindingBase):
        chosen = _chosen(runnable.bound, merge_configs(runnable.config, config))
        return runnable.model_copy(update={"bound": chosen})
    return runnable
