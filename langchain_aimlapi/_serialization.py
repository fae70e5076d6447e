"""Serialization of a ChatAIMLAPI: repr, copy, pickle, `langchain_core.load`, and the parameters that identify it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.language_models import LangSmithParams
from typing_extensions import Self

from aimlapi_transport.config.aliases import is_of_connection
from aimlapi_transport.config.fields import digest, public_address, timeout_to_json
from aimlapi_transport.repr_fields import repr_fields
from langchain_aimlapi._compat import forget_serialized
from langchain_aimlapi._content_blocks import PROVIDER
from langchain_aimlapi._profile import belongs_to_other_model
from langchain_aimlapi._settings import ChatSettings

# Fields beside the body's parameters that decide an answer.
_IDENTIFYING = (
    "preset",
    "strict_parameters",
    "extra_body",
    "replay_reasoning",
    "parse_think",
    "default_headers",
    "default_query",
)
# Fields a repr shows in its own way.
_NOT_IN_REPR = frozenset(("model_name", "base_url", "metadata", "profile"))

# Mappings whose values may be secrets.
_SECRETS = ("default_headers", "default_query", "extra_headers", "extra_query")


class SerializableChat(ChatSettings):
    """The settings of a `ChatAIMLAPI`, and how they are serialized."""

    def __repr_args__(self) -> Any:
        """What is in a repr: model, host, and what was set; no key."""
        yield from repr_fields(self, self.model_name, self.base_url, _NOT_IN_REPR)
        metadata = {name: value for name, value in (self.metadata or {}).items() if name != "lc_versions"}
        if metadata:
            yield "metadata", metadata
        if self.profile != self._known_profile(self.model_name):
            yield "profile", self.profile

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with these fields changed; another model brings its own profile."""
        copied = super().model_copy(update=update, deep=deep)
        forget_serialized(copied)
        if belongs_to_other_model(copied.profile, copied.model_name):
            copied.profile = copied._known_profile(copied.model_name)
        return copied

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: `langchain_core.load` writes an instance, and reads it back with `allowed_objects=[ChatAIMLAPI]`."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The key is serialized as the name of the environment's variable."""
        return {"api_key": self._host().key_variables[0]}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What is serialized otherwise than it stands: an `httpx.Timeout`, and an address that holds a password."""
        serialized = {
            "request_timeout": timeout_to_json(self.request_timeout),
            "base_url": public_address(self.base_url),
        }
        return {name: value for name, value in serialized.items() if value is not getattr(self, name)}

    @property
    def _llm_type(self) -> str:
        return "aimlapi-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """All that decides an answer, by which caches and tracers tell models apart; headers and query as digests."""
        return self._identifying({})

    def _identifying(self, call: Mapping[str, Any]) -> dict[str, Any]:
        params: dict[str, Any] = {name: getattr(self, name) for name in _IDENTIFYING}
        params["base_url"] = public_address(self.base_url)
        if params["base_url"] != self.base_url:
            params["base_url_digest"] = digest({"base_url": self.base_url})
        params = {name: value for name, value in params.items() if value is not None}
        call = {name: value for name, value in call.items() if not is_of_connection(name)}  # refused, and secrets
        params |= {"model": self.model_name, **self._body_parameters(call), **call}
        for name in _SECRETS:
            if isinstance(params.get(name), Mapping) and params[name]:
                params[name] = digest(params[name])
        return params

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """What tracers show of a call: also the stop sequences that are set and not passed."""
        params = self._identifying(kwargs)
        return {**params, "_type": self._llm_type, "stop": _stop_sequences(stop, params)}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The key of caches: all that decides an answer, as it is now. LangChain's would leave out headers."""
        return str(sorted(self._get_invocation_params(stop=stop, **kwargs).items()))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        settings = self._body_parameters(kwargs)
        params = LangSmithParams(
            ls_provider=PROVIDER,
            ls_model_type="chat",
            ls_model_name=kwargs.get("model") or self.model_name,
        )
        if settings.get("temperature") is not None:
            params["ls_temperature"] = settings["temperature"]
        if limit := settings.get("max_tokens") or settings.get("max_completion_tokens"):
            params["ls_max_tokens"] = limit
        if sequences := _stop_sequences(stop, settings):
            params["ls_stop"] = sequences
        return params


def _stop_sequences(stop: Any, settings: Mapping[str, Any]) -> list[str] | None:
    sequences = stop or settings.get("stop") or settings.get("stop_sequences")
    if isinstance(sequences, str):
        return [sequences]
    # what is neither is refused with the request
    return list(sequences) if sequences and isinstance(sequences, Iterable) else None
