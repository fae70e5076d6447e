"""What `bind`, `with_config`, `configurable_fields` and the like return: it takes `bind_tools` and
`with_structured_output` as a model does, and sends what was bound before.

LangChain's own pass both methods on to the model, which knows nothing of what is bound to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.load.serializable import Serializable
from langchain_core.messages import AIMessage
from langchain_core.runnables import ConfigurableField, Runnable, RunnableBinding, RunnableConfig, RunnableLambda
from langchain_core.runnables.base import RunnableBindingBase
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
R = TypeVar("R", bound=Runnable[Any, Any])


class _LikeModel(Runnable[LanguageModelInput, AIMessage]):
    """What takes tools and schemas as the model in it does, beside what is bound already."""

    _written_as: ClassVar[type[Serializable]]

    @classmethod
    def lc_id(cls) -> list[str]:
        """Written by `langchain_core.load` as what it is a kind of."""
        return cls._written_as.lc_id()

    def bind(self, **kwargs: Any) -> Model:
        """The same with arguments bound to every call."""
        return kept(super().bind(**kwargs))

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Model:
        """As `ChatAIMLAPI.bind_tools`."""
        return self.bind(**bound_tools(tools, refuse=_model_in(self).strict_parameters, **options))

    def with_structured_output(self, schema: Any = None, **options: Any) -> Runnable[LanguageModelInput, Any]:
        """As `ChatAIMLAPI.with_structured_output`; what is bound already is sent, too."""
        return _structured(self, schema, options)


class ModelBinding(_LikeModel, RunnableBinding[LanguageModelInput, AIMessage]):
    """A model with arguments or a config bound to it."""

    _written_as = RunnableBinding


class ModelFields(_LikeModel, RunnableConfigurableFields):  # type: ignore[type-arg]  # with arguments, Pydantic refuses a model
    """A model whose settings are chosen by the config of a call."""

    _written_as = RunnableConfigurableFields

    def configurable_alternatives(self, which: ConfigurableField, **options: Any) -> Any:
        """This or another model, as the config of a call says."""
        return kept(super().configurable_alternatives(which, **options))


class ModelAlternatives(_LikeModel, RunnableConfigurableAlternatives):  # type: ignore[type-arg]  # as above
    """One of several models, chosen by the config of a call."""

    _written_as = RunnableConfigurableAlternatives

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


def kept(runnable: R) -> R:
    """What LangChain made around a model as ours; all else as it is."""
    for ours in (ModelBinding, ModelFields, ModelAlternatives):
        theirs: Any = ours._written_as
        if isinstance(runnable, theirs) and not isinstance(runnable, ours):
            return cast(R, ours(**{name: getattr(runnable, name) for name in theirs.model_fields}))
    return runnable


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
