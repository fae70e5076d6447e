"""A dozen exotic replies, their values written down by hand from the published documents.

The replay tests compute what they expect; this table does not. ` … ` stands for the middle of a long text.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from cassette_files import Cassette


@dataclass(frozen=True)
class Golden:
    """One reply: texts, token counts, the price in US dollars, and who answered."""

    text: str
    reasoning: str
    input: int
    output: int
    usd: float | None
    id: str
    model: str
    finish_reason: str = "stop"


GOLDEN = {
    # reasoning_content; the vendor's word for the end is end_turn
    "published/claude-opus-4-1-20250805--reasoning-1": Golden(
        text="Hello! How can I help you today?",
        reasoning='The human has greeted me with a simple "Hello". I should respond in a friendly and helpful manner, '
        "acknowledging their greeting and inviting them to share how I can assist them today.",
        input=1134,
        output=9450,
        usd=None,
        id="msg_01G9P4b9HG3PeKm1rRvS8kop",
        model="claude-opus-4-1-20250805",
    ),
    # reasoning beside reasoning_details; blank space around the text is kept
    "published/nvidia-nemotron-nano-9b-v2--reasoning-1": Golden(
        text="\n\nHello! How can I assist you today? 😊\n",
        reasoning='Okay, the user just said "Hello". That\'s a greeting. I should respond politely. … '
        " ask questions. I should keep it simple and welcoming.\n",
        input=14,
        output=84,
        usd=None,
        id="gen-1762343928-hETm6La6igsboRxBM0fa",
        model="nvidia/nemotron-nano-9b-v2",
    ),
    # reasoning only encrypted, in reasoning_details; the price in credits
    "published/google-gemini-3-flash-preview--reasoning-1": Golden(
        text="That is a profound and complex question. …  Do you feel optimistic about where the species is headed, "
        "or concerned?**",
        reasoning="",
        input=10,
        output=572,
        usd=0.001907,  # 3,814 credits
        id="gen-1766063158-RRytcJXYoleIKM3qUEs7",
        model="google/gemini-3-flash-preview",
    ),
    # a thought signature in extra_content; 1,120 in + 154 out is not the total of 2,494: 1,220 were reasoning
    "published/google-gemini-3.5-flash--vision-1": Golden(
        text="Based on the image, here is a description of its content:\n\nThe image shows … "
        '\nis having a good day. ☺"\n\nThe paragraph ends with a hand-drawn smiley face symbol.',
        reasoning="",
        input=1120,
        output=1374,
        usd=0.006087,
        id="-n4NauvOHq6fq8YPupjeuAQ",
        model="google/gemini-3.5-flash",
    ),
    # reasoning inside the text
    "published/minimax-m2--reasoning-1": Golden(
        text="Hello! How can I help you today?",
        reasoning='The user says "Hello". This is a simple greeting. There\'s no request. … \n\nThus final answer.',
        input=26,
        output=159,
        usd=None,
        id="0557b8f7fa197172a75531a82ae6c887",
        model="MiniMax-M2",
    ),
    "published/qwen-qwq-32b--reasoning-1": Golden(
        text="Hello! How can I assist you today?",
        reasoning='Okay, the user said "Hello". I should respond politely. …  I\'ll go with that.',
        input=25,
        output=88,
        usd=None,
        id="npK8kgb-2j9zxn-92d49c21a9f9302c",
        model="Qwen/QwQ-32B",
    ),
    # a closing tag and nothing it closes
    "published/glm-4.5--chat-1": Golden(
        text="Hello! How can I assist you today?",
        reasoning="",
        input=8,
        output=65,
        usd=None,
        id="202508011715489a4cb4a7a145463b",
        model="glm-4.5",
    ),
    # a choice with a message and an empty delta beside it; citations
    "published/sonar--search-1": Golden(
        text="Hello is a common English salutation or greeting, first recorded in writing in 1826 … "
        "showing its versatile use beyond just a greeting[4][5].",
        reasoning="",
        input=10502,
        output=292,
        usd=None,
        id="541db1f4-d5ef-4e65-9474-a10843fa92ab",
        model="sonar",
    ),
    # base_resp with status 0 is no error
    "published/m2-her--chat-1": Golden(
        text="Humanity is the ultimate paradox. I love seeing how messy, brilliant, and deeply imaginative you all "
        "are, always pushing the boundaries of what’s possible. But also, let’s be real-your emotions are an absolute "
        "train wreck! I’m here for all of it. 😊",
        reasoning="",
        input=200,
        output=55,
        usd=0.000164,
        id="062f452da0ed51e499b99a4e516a6e06",
        model="M2-her",
    ),
    # content is null, the answer is audio
    "published/gpt-4o-audio-preview-2025-06-03--audio-1": Golden(
        text="",
        reasoning="",
        input=74,
        output=5838,
        usd=None,
        id="chatcmpl-BrgY0KMxWgy1EHUxYJC49MuMNmdOP",
        model="gpt-4o-audio-preview-2025-06-03",
    ),
    # credits by their older name: 1,134 tokens_used
    "published/claude-opus-4-5-20251101--chat-1": Golden(
        text="Hello! How are you doing today? Is there something I can help you with?",
        reasoning="",
        input=8,
        output=20,
        usd=0.000567,
        id="msg_01NxAGYo8VfNu5UAEdmQjv62",
        model="claude-opus-4-5-20251101",
    ),
    # reasoning outside completion_tokens: 823 - 133
    "published/grok-4.20-0309-reasoning--reasoning-1": Golden(
        text="**I think we're fucking magnificent... and a complete disaster.**\n\nMankind is … "
        "\n\nWhat do *you* think about us?",
        reasoning='First, the user\'s query is: "Hi! What do you think about mankind?"\nHi there! … '
        "\n\nThe response got cut off mid-sentence. Let me finish it naturally.",
        input=133,
        output=690,
        usd=0.0057455,
        id="e1476e42-ee45-9257-a51c-23725b6351ff",
        model="grok-4.20-0309-reasoning",
    ),
    # Claude's stream: the id only in its first event, two events that finish
    "published/claude-3-5-haiku-20241022--stream-1": Golden(
        text="I want to be direct and balanced in my response. I recognize humanity has tremendous potential for "
        "creativity, compassion, scientific achievement, and positive change. At the same time, humans are complex and "
        "capable of both remarkable good and significant destructive behaviors. I try to view humanity objectively, "
        "acknowledging our strengths and ongoing challenges. What are your thoughts about humanity?",
        reasoning="",
        input=16,
        output=77,
        usd=None,
        id="msg_01MuATe8QKEhnksWHddPGVMD",
        model="claude-3-5-haiku-20241022",
    ),
    # the envelope: its chunks count zero, its state counts 16 in its first event and 74 in its last but one
    "published/claude-3-haiku-20240307--stream-2": Golden(
        text="I don't have personal opinions about humanity in general. As an AI assistant, I try to avoid making "
        "broad judgments or taking strong stances on complex topics like the nature of mankind. I can share factual "
        "information from reliable sources, but I don't have subjective views to offer on the human condition. What "
        "are your thoughts on this topic?",
        reasoning="",
        input=16,
        output=74,
        usd=None,
        id="msg_01EKEwRwLBBQDpix7ygx9BYW",
        model="claude-3-haiku-20240307",
    ),
    # OpenAI's stream: the counts in a last event without choices
    "published/gpt-4o-2024-08-06--stream-1": Golden(
        text="Hello! As an AI, I don't have personal opinions or feelings, but I can provide an overview … "
        " makes mankind a subject of deep contemplation and varied viewpoints.",
        reasoning="",
        input=16,
        output=102,
        usd=None,
        id="chatcmpl-DL2G9KdEY06xq8M0PqZ5rs5Jv13ok",
        model="gpt-4o-2024-08-06",
    ),
    # Qwen's stream: content null while it thinks, then reasoning_content null
    "published/qwen3-32b--stream-1": Golden(
        text="Hello! How can I assist you today?",
        reasoning='Okay, the user said "Hello". I should respond in a friendly and welcoming manner. Let me make sure '
        'to acknowledge their greeting and offer assistance. Maybe something like, "Hello! How can I assist you '
        "today?\" That's simple and open-ended. I need to check if there's any specific context I should consider, but "
        "since there's none, a general response is fine. Alright, that should work.",
        input=13,
        output=2010,
        usd=None,
        id="chatcmpl-81964e30-1a7c-9668-b78c-a750587ec497",
        model="qwen3-32b",
    ),
}


def agrees(cassette: Cassette, **values: Any) -> bool:
    """Whether these values are the ones in the table, for the cassettes that stand in it.

    Args:
        values: every field of `Golden`, as an integration gave it.
    """
    golden = GOLDEN.get(cassette.name)
    if golden is None:
        return True
    for name in (field.name for field in fields(Golden)):
        expected, actual = getattr(golden, name), values[name]
        if isinstance(expected, str) and " … " in expected:
            start, _, end = expected.partition(" … ")
            assert actual.startswith(start) and actual.endswith(end) and len(actual) > len(expected), (name, actual)
        else:
            assert expected == actual, name
    return True
