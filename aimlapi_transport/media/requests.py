"""Arguments -> the request of a media endpoint. Pure but for the local files that it reads.

What a user names is sent: common names (`prompt`, `image`, `size`, `n`, ...) as the field of the model's family
(`fields`), a family's own names as they are, unknown ones with one warning. Files become addresses, data URLs, or parts
of a multipart body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from aimlapi_transport import media_types
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.fields import COMMON_NAMES, FILE_NAMES, Field, field_for, fields_of, set_field
from aimlapi_transport.media.inputs import FileBytes, as_upload, is_address, is_file, read_input
from aimlapi_transport.media.multipart import multipart
from aimlapi_transport.media.operations import (
    EDITS_PATH,
    OPERATIONS,
    MediaModel,
    check_operation,
    model_facts,
)
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import RequestOptions, request_of

_FILE_FIELD = re.compile(r"(?:^|_)(?:urls?|image|images|image_list|mask)$")
_HOLDS_FILE = re.compile(r"image|video|audio|frame|url")
_AUDIO_FIELDS = {"stt/openai": "file"}  # what the part of an upload is called; `audio` everywhere else


class FileLimit(NamedTuple):
    """What a host documents of a file's size.

    Attributes:
        models: prefixes of ids.
        names: arguments.
        megabytes: at most.
        max_files: at most so many; None where it is not documented.
    """

    models: tuple[str, ...]
    names: tuple[str, ...]
    megabytes: float
    max_files: int | None = None


# Source: the pages of these models (docs/api-references, f14fa72).
FILE_LIMITS = (
    FileLimit(("openai/gpt-image",), ("image",), 50, 16),
    FileLimit(("openai/gpt-image",), ("mask",), 4, 1),
    FileLimit(("bytedance/dreamina-creative-upscale",), ("image",), 4.7),
    FileLimit(("minimax/hailuo", "minimax/h3", "video-01"), ("image", "last_image"), 20),
    FileLimit(("klingai/video-v3-turbo", "klingai/video-v3-standard-turbo"), ("image",), 50),
    FileLimit(("klingai/avatar",), ("audio",), 5),
    FileLimit(("minimax/music-cover",), ("audio",), 50),
    FileLimit(("mistral", "zhipu/glm-ocr"), ("document",), 50),
)


def media_request(
    operation: str,
    model: str,
    arguments: Mapping[str, Any],
    options: RequestOptions | None = None,
    **fields: Any,
) -> Request:
    """The request of an operation; its `unlisted` are the names that the model's documents do not list.

    Args:
        operation: a name of `OPERATIONS`.
        arguments: common names and the family's own; None values are unset.
        fields: options by their names, over `options`.

    Raises:
        InvalidRequestError: a field the model requires is missing, a file cannot be read or is too large, or the
            model does something else.
    """
    options = (options or RequestOptions())._replace(**fields)
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError(f"No model: pass the id of a model for `{operation}`.")
    row, facts = OPERATIONS[operation], model_facts(model)
    if facts is not None:
        check_operation(row, facts)
    values = {name: _read_files(value, name) for name, value in arguments.items() if value is not None}
    _check_sizes(model, values)
    if operation == "edit_image" and facts is not None and facts.edits is not None:
        body, files, path = *_edits(values, model), EDITS_PATH
        listed: tuple[str, ...] = facts.edits
    elif operation == "transcribe":
        body, files = _transcription(values, facts)
        path, listed = row.path, facts.fields if facts else ()
    else:
        body, files = _ocr(values, facts) if operation == "ocr" else _body(values, facts), []
        path, listed = (facts.path, facts.fields) if facts else (row.path, ())
        _check_required(body, facts, options.extra_body)
    unlisted = tuple(name for name in body if name not in listed) if facts else ()
    if unlisted and options.strict_parameters:
        raise InvalidRequestError(f"{model} does not list `{'`, `'.join(unlisted)}`: it takes {', '.join(listed)}.")
    body = {"model": model, **body, **(options.extra_body or {})}
    if not files:
        return request_of(model, body, options, path=path, at_root=True, unlisted=unlisted)
    data, content_type = multipart(body, files)
    request = request_of(model, data, options, path=path, at_root=True, unlisted=unlisted)
    return request._replace(headers=(*request.headers, ("content-type", content_type)))


def upload_limits(operation: str, model: str) -> Mapping[str, int]:
    """The arguments that are sent as files only, not as addresses, and how many bytes each may have."""
    facts = model_facts(model) if isinstance(model, str) else None
    if operation != "edit_image" or facts is None or facts.edits is None:
        return {}
    rows = (row for row in FILE_LIMITS if model.startswith(row.models))
    return {name: round(row.megabytes * 1_000_000) for row in rows for name in row.names}


def poll_request(operation: str, model: str, generation_id: str) -> Request:
    """The question how far a generation is. Ids hold `:` and `/`, so they are quoted."""
    row, facts = OPERATIONS[operation], model_facts(model)
    path = row.poll_path or row.path
    if facts is not None and facts.family.startswith("legacy/"):
        path = facts.path  # a path for each vendor, by which it was ordered
    query: tuple[tuple[str, str], ...] = ()
    if "{id}" in path:
        path = path.replace("{id}", quote(generation_id, safe=""))
    else:
        query = (("generation_id", generation_id),)
    return Request(
        model=model, profile=profile_for(model), body=b"", path=path, query=query, method="GET", at_root=True
    )


def _body(values: Mapping[str, Any], facts: MediaModel | None) -> dict[str, Any]:
    """The fields of a JSON body: the family's own names first, so that an object of theirs is added to."""
    body: dict[str, Any] = {}
    mapped: list[tuple[Field, str, Any]] = []
    for name, value in values.items():
        field = _own_field(name, value, facts)
        if field is None:
            body[name] = _with_data_urls(value)
        else:
            mapped.append((field, name, value))
    for field, name, value in mapped:
        if field.path in body:
            raise InvalidRequestError(
                f"`{name}` and `{field.path}` are one field of {facts.id if facts else 'the model'}: pass only one."
            )
        set_field(body, field.path, _value_for(field, name, value))
    return body


def _own_field(name: str, value: Any, facts: MediaModel | None) -> Field | None:
    """Where a common name goes; None for a name that is sent as it is."""
    if name not in COMMON_NAMES:
        return None
    if facts is not None and name in facts.fields and name not in ("image", "size", "aspect_ratio"):
        return None
    return field_for(name, facts, several=isinstance(value, list) and len(value) > 1)


def _value_for(field: Field, name: str, value: Any) -> Any:
    if name in FILE_NAMES:
        if value == []:
            raise InvalidRequestError(f"`{name}` is an empty list: pass a file, or leave it out.")
        sent = _with_data_urls(value if isinstance(value, list) else [value])
        value = sent if field.is_list or len(sent) > 1 else sent[0]
        if isinstance(value, Mapping):  # the family's own object
            return value
    return field.form(value) if field.form else value


def _read_files(value: Any, name: str) -> Any:
    """A value, with the bytes of the files in it: of those given as such, and of those that a text names."""
    if isinstance(value, Mapping):
        return {key: _read_files(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if name in FILE_NAMES and any(isinstance(item, (list, tuple)) for item in value):
            raise InvalidRequestError(f"`{name}` is a list of lists: pass a list of files.")
        return [_read_files(item, name) for item in value]
    names_file = isinstance(value, str) and _FILE_FIELD.search(name)
    return read_input(value, name) if is_file(value) or names_file or name in FILE_NAMES else value


def _with_data_urls(value: Any) -> Any:
    """A value, with the files in it as data URLs."""
    if isinstance(value, FileBytes):
        return value.data_url()
    if isinstance(value, Mapping):
        return {key: _with_data_urls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_data_urls(item) for item in value]
    return value


def _transcription(
    values: Mapping[str, Any], facts: MediaModel | None
) -> tuple[dict[str, Any], list[tuple[str, FileBytes]]]:
    """The fields, and the sound as an upload unless it is an address."""
    values = dict(values)
    field = _AUDIO_FIELDS.get(facts.family if facts else "", "audio")
    sources = [name for name in ("audio", "file", "url") if name in values]
    if len(sources) != 1:
        raise InvalidRequestError("Pass the sound to transcribe as `audio`: an address, a path, bytes or a file.")
    source = sources[0]
    content = values.pop(source)
    body = _body(values, facts)
    if isinstance(content, str) and is_address(content):
        return {**body, "url": content}, []
    return body, [(field, as_upload(content, source))]


def _edits(values: Mapping[str, Any], model: str) -> tuple[dict[str, Any], list[tuple[str, FileBytes]]]:
    """The fields and the uploads of the multipart endpoint for edits."""
    body = {name: value for name, value in values.items() if name not in ("image", "mask")}
    images = values.get("image")
    if not images or not body.get("prompt"):
        raise InvalidRequestError(f"{model} edits an `image` by a `prompt`: pass both.")
    files = [
        ("image", as_upload(item, "image")) for item in (images if isinstance(images, (list, tuple)) else [images])
    ]
    if "mask" in values:
        files.append(("mask", as_upload(values["mask"], "mask")))
    return body, files


def _ocr(values: Mapping[str, Any], facts: MediaModel | None) -> dict[str, Any]:
    """`document` as the family wants it: an object that says whether it is an image, or a text beside its type."""
    body = {name: value for name, value in values.items() if name != "document"}
    document = values.get("document")
    if document is None or isinstance(document, Mapping):
        return body if document is None else {**body, "document": _with_data_urls(document)}
    if isinstance(document, list):
        raise InvalidRequestError("`document` is a list: pass one document for each call.")
    content = document
    media_type = content.media_type if isinstance(content, FileBytes) else None
    if facts is not None and facts.family == "ocr/google-docai":
        if media_type is not None:
            body.setdefault("mimeType", media_type)
        return {**body, "document": content if isinstance(content, str) else content.data_url()}
    address = content if isinstance(content, str) else content.data_url()
    is_image = (media_type or _type_of_address(address) or "").startswith("image/")
    kind = "image_url" if is_image else "document_url"
    return {**body, "document": {"type": kind, kind: address}}


def _type_of_address(address: str) -> str | None:
    return media_types.from_name(address.partition("?")[0].partition("#")[0])


def _check_required(body: Mapping[str, Any], facts: MediaModel | None, extra: Mapping[str, Any] | None) -> None:
    """Raises for a missing field; not for a file that may be there under an older name, such as `first_frame_image`."""
    if facts is None:
        return
    has_other_file = any(_HOLDS_FILE.search(name) for name in body if name not in facts.fields)
    missing = [
        name
        for name in facts.required
        if name not in body and name not in (extra or {}) and not (has_other_file and _HOLDS_FILE.search(name))
    ]
    if missing:
        raise InvalidRequestError(f"{facts.id} requires `{'`, `'.join(missing)}`. It takes: {', '.join(facts.fields)}.")


def _check_sizes(model: str, values: Mapping[str, Any]) -> None:
    """Raises for files over the documented limits; what is behind an address is not known."""
    for limit in FILE_LIMITS:
        if not model.startswith(limit.models):
            continue
        fields = {*limit.names, *(field for name in limit.names for field in fields_of(name))}
        for name, value in values.items():
            if name not in fields:
                continue
            files = list(_files_in(value))
            if limit.max_files is not None and len(files) > limit.max_files:
                raise InvalidRequestError(f"`{name}`: {len(files)} files, and {model} takes at most {limit.max_files}.")
            for file in files:
                size = len(file.data) / 1_000_000
                if size > limit.megabytes:
                    raise InvalidRequestError(
                        f"`{name}` has {size:.1f} MB, and {model} takes at most {limit.megabytes:g} MB."
                    )


def _files_in(value: Any) -> Iterator[FileBytes]:
    """The files in an argument: in a list, or in an object of the family's own."""
    if isinstance(value, FileBytes):
        yield value
    elif isinstance(value, (list, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _files_in(item)
