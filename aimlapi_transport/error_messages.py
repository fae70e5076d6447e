"""Error messages of vendors -> what a status alone does not say: no credits, quota used up, context too long. Pure.

To recognise another message, add an alternative to its pattern, and the message to `tests/transport/test_errors.py`.
Sources: https://docs.aimlapi.com/errors-and-messages/general-info, the vendors' error pages, users' reports.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["says_no_credits", "says_overflow", "says_quota"]

# Texts, which `re` compiles at the first refusal and keeps: all of them take 6 ms.
_NO_CREDITS = r"out of credits|insufficient (?:credit|balance|funds)"
_CREDITS = rf"{_NO_CREDITS}|(?:top|topped) up your|resource limit|payment required"
_QUOTA = rf"{_NO_CREDITS}|free[- ]tier|quota|billing|per[- ]day"
_INPUT = r"(?:prompts?|inputs?|messages?|sequence|requests?|contents?|context)"
_CONTEXT = (
    r"context[_ -]*(?:length|window|size|limit)"  # OpenAI, DeepSeek, Mistral, MiniMax, llama.cpp, LiteLLM
    r"|(?:maximum|length of (?:the )?|exceeds? (?:the )?(?:available )?)context"
    rf"|max(?:imum)?[_ ]{_INPUT}[_ ](?:length|tokens|size)|maximum allowed (?:number of )?(?:input )?tokens"  # xAI
    rf"|{_INPUT} (?:tokens )?(?:length )?(?:is |are |was )?too (?:long|large)\b"  # Anthropic, Bedrock, Zhipu, Baidu
    rf"|{_INPUT} (?:length )?exceed(?:s|ed)? (?:the )?(?:max(?:imum)? (?:length|size)|limit|model)"
    r"|too many (?:input |prompt )?tokens|(?:prompt|input)[^.]*longer than the|reduce the length of"  # Cohere, Groq
    r"|exceed(?:s|ed)? the (?:maximum|limit|model'?s)[^.]*tokens?|input (?:token|length)[^.]*exceed"  # Google
    r"|exceed(?:s|ed)? (?:the )?(?:model'?s? )?(?:max(?:imum)? )?(?:message )?token(?:s| limit)|max message tokens"
    r"|token limit exceeded|token count of \d+ exceeds|reduce the input token|input token count is \d+ but"
    r"|more than max tokens allowed|input tokens exceed"
    r"|range of input length|tokens? (?:count )?exceeds?|sequence length [^.]*exceeds?"  # Alibaba, NVIDIA
    r"|`?inputs`? tokens \+ `?max_new_tokens|input tokens; must be"  # Together, text-generation-inference
    r"|(?:prompt|input|文本|上下文|输入)[^。.]{0,12}(?:超长|过长|超过|超出)|上下文长度"
)
_CONTEXT_CODES = frozenset(
    (
        *("context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded", "context_too_long"),
        *("contextwindowexceedederror", "exceed_context_size_error", "max_context_length_exceeded", "prompt_too_long"),
    )
)
_READ = 16_384  # characters of a body
_RATE = r"per[- ](?:min|day|hour|sec)|\b[tr]p[md]\b|rate[- ]limit|throttl"
# More than a minute's tokens in one request never passes: only a shorter request does.
_NEVER_FITS = r"request too large|must be reduced in order to run"
_OUTPUT = r"max_(?:completion_|output_)?tokens|(?:output|completion) tokens"
_NOT_OUTPUT = rf"{_INPUT}|max_new_tokens"


def says_no_credits(message: str) -> bool:
    """Whether the account has no credits left."""
    return _says(_CREDITS, message)


def says_quota(message: str) -> bool:
    """Whether a quota is used up, so that a retry after a pause fails as well."""
    return _says(_QUOTA, message)


def says_overflow(message: str, body: Any = None) -> bool:
    """Whether the input is longer than what the model reads, in the words or by the error code of any vendor."""
    if _codes(body) & _CONTEXT_CODES:
        return True
    if _says(_RATE, message):
        return _says(_NEVER_FITS, message)
    if _says(_OUTPUT, message) and not _says(_NOT_OUTPUT, message):
        return False  # only the output limit is too high
    return _says(_CONTEXT, message)


def _says(pattern: str, message: str) -> bool:
    return re.search(pattern, message, re.I) is not None


def _codes(body: Any, depth: int = 0) -> frozenset[str]:
    """The error codes and types in a body, in lower case; also in one that is handed on as text."""
    if isinstance(body, str):
        return frozenset(re.findall(r"\w+", body[:_READ].lower()))
    if not isinstance(body, dict) or depth > 3:
        return frozenset()
    found = {value.lower() for name in ("code", "type", "status") if isinstance(value := body.get(name), str)}
    for name in ("error", "message", "detail"):
        found |= _codes(body.get(name), depth + 1)
    return frozenset(found)
