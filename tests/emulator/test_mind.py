"""The mind answers from what it is given: context, tools, schemas, history. Nothing else, and always the same."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from aimlapi_emulator.mind.answer import Thought, think
from aimlapi_emulator.mind.conversation import read
from aimlapi_emulator.mind.question import UNKNOWN
from tests.emulator.conftest import WEATHER, tool

ACME = "Acme was founded in 1998 in Berlin. It makes rockets. The CEO is Jane Roe."
LLAMA_INDEX = (
    "Context information is below.\n---------------------\n{context}\n---------------------\n"
    "Given the context information and not prior knowledge, answer the query.\nQuery: {question}\nAnswer: "
)
LANGCHAIN = (
    "You are an assistant for question-answering tasks. Use the following pieces of retrieved context to answer the "
    "question. If you don't know the answer, just say that you don't know.\n"
    "Question: {question} \nContext: {context} \nAnswer:"
)
CONTEXT_FIRST = "Answer the question based only on the following context:\n{context}\n\nQuestion: {question}\n"
HELPFUL = (
    "Use the following pieces of context to answer the question at the end. If you don't know the answer, just say "
    "that you don't know, don't try to make up an answer.\n\n{context}\n\nQuestion: {question}\nHelpful Answer:"
)
LISTED = LLAMA_INDEX.replace("{context}", "['{context}']")
TAGGED = "<context>\n{context}\n</context>\n\n{question}"
ADD = tool("add", "Add two integers.", a="integer", b="integer")
MULTIPLY = tool("multiply", "Multiply two integers and return the product.", a="integer", b="integer")


def mind(*messages: tuple[str, Any], **fields: Any) -> Thought:
    listed = [{"role": role, **(said if isinstance(said, dict) else {"content": said})} for role, said in messages]
    body = {"messages": listed, **fields}
    return think(read(body), body)


def calls(*messages: tuple[str, Any], **fields: Any) -> list[tuple[str, Any]]:
    return [(call.tool.name, json.loads(call.arguments)) for call in mind(*messages, **fields).calls]


@pytest.mark.parametrize("prompt", [LLAMA_INDEX, LANGCHAIN, CONTEXT_FIRST, TAGGED, HELPFUL, LISTED])
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who is the CEO of Acme?", "The CEO is Jane Roe."),
        ("When was Acme founded?", "Acme was founded in 1998 in Berlin."),
        ("What does the company make?", "It makes rockets."),
        ("What is the capital of Peru?", UNKNOWN),
    ],
)
def test_a_question_is_answered_by_the_sentence_that_answers_it(prompt: str, question: str, answer: str) -> None:
    assert mind(("user", prompt.format(context=ACME, question=question))).text == answer


REFINE = (
    "You are an expert Q&A system that strictly operates in two modes when refining existing answers:\n"
    "1. **Rewrite** an original answer using the new context.\n"
    "2. **Repeat** the original answer if the new context isn't useful.\n"
    "New Context: {context}\nQuery: {question}\nOriginal Answer: {known}\nNew Answer: "
)
REFINE_ONCE = (
    "The original query is as follows: {question}\nWe have provided an existing answer: {known}\n"
    "We have the opportunity to refine the existing answer (only if needed) with some more context below.\n"
    "------------\n{context}\n------------\nGiven the new context, refine the original answer to better answer the "
    "query. If the context isn't useful, return the original answer.\nRefined Answer: "
)


@pytest.mark.parametrize("prompt", [REFINE, REFINE_ONCE])
@pytest.mark.parametrize(
    ("context", "known", "answer"),
    [
        (ACME, UNKNOWN, "The CEO is Jane Roe."),
        ("Bananas are yellow.", "The CEO is Jane Roe.", "The CEO is Jane Roe."),
        ("Bananas are yellow.", UNKNOWN, UNKNOWN),
    ],
)
def test_an_answer_is_refined_or_repeated(prompt: str, context: str, known: str, answer: str) -> None:
    asked = prompt.format(context=context, known=known, question="Who is the CEO?")
    assert mind(("user", asked)).text == answer


def test_a_pronoun_stands_for_the_sentence_before() -> None:
    context = "The Model X printer weighs 12 kg and prints 40 pages per minute. It costs 499 euros."
    asked = LLAMA_INDEX.format(context=context, question="How much does the Model X printer cost?")
    assert mind(("user", asked)).text == "It costs 499 euros."


def test_a_follow_up_becomes_a_question_that_stands_alone() -> None:
    prompt = (
        "Given a conversation and a follow up message from Human, rewrite the message to be a standalone question.\n\n"
        "<Chat History>\nuser: What is the capital of France?\nassistant: Paris is the capital of France.\n\n"
        "<Follow Up Message>\nHow many people does it have?\n\n<Standalone question>\n"
    )
    assert mind(("user", prompt)).text == "How many people does Paris have?"


def test_a_verdict_is_yes_or_no() -> None:
    prompt = "Is the information supported by the context? Answer either YES or NO.\nInformation: {}\nContext: " + ACME
    assert mind(("user", prompt.format("Acme makes rockets."))).text == "YES"
    assert mind(("user", prompt.format("Bananas grow on trees."))).text == "NO"


def test_documents_are_ranked_by_what_they_share_with_the_question() -> None:
    prompt = (
        "Respond with the numbers of the documents.\nDocument 1:\n<summary>\nAnswer:\nDoc: 9, Relevance: 7\n\n"
        "Document 1:\nBananas are yellow.\n\nDocument 2:\nThe CEO of Acme is Jane.\n\nQuestion: Who is the CEO?\nAnswer:\n"
    )
    assert mind(("user", prompt)).text == "Doc: 2, Relevance: 10"


def test_a_question_after_the_context_needs_no_label() -> None:
    assert mind(("user", f"Context: {ACME}\n\nWho is the CEO of Acme?")).text == "The CEO is Jane Roe."


@pytest.mark.parametrize(
    "piece",
    [
        "word ",
        "a",
        "\n",
        "context:\n",
        "{",
        '{"a":',
        ".",
        "1",
        "a@",
        "Abc ",
        "-----\n",
        "Question: ",
        "Action: a\n",
        "existing answer:\n",
        "Response: ",
        "'a' or ",
    ],
)
def test_a_long_odd_prompt_is_answered_in_time(piece: str) -> None:
    prompt = f'Thought Observation Action Input schema "properties" {piece * 20_000}\nWhat is the weather?'
    start = time.process_time()
    mind(("user", prompt), tools=[tool("find", "Find.", what="string", number="integer")])
    mind(("user", prompt), response_format={"type": "json_object"})
    assert time.process_time() - start < 60  # seconds on the slowest machine; were it not linear, many minutes


def test_context_in_the_system_message_answers_too() -> None:
    system = "Use the following pieces of retrieved context to answer the question.\n\n" + ACME
    assert mind(("system", system), ("user", "Who is the CEO?")).text == "The CEO is Jane Roe."


def test_without_the_right_context_the_answer_is_that_it_is_unknown() -> None:
    bananas = LLAMA_INDEX.format(context="Bananas are yellow.", question="Who is the CEO of Acme?")
    assert mind(("user", bananas)).text == UNKNOWN


def test_what_was_said_before_is_remembered() -> None:
    turns = [("user", "Hi! My name is Bob."), ("assistant", "Hello."), ("user", "What is my name?")]
    assert mind(*turns).text == 'You told me: "My name is Bob."'


@pytest.mark.parametrize(
    ("question", "tools", "expected"),
    [
        ("What's the weather in Paris?", [WEATHER], [("get_weather", {"city": "Paris"})]),
        (
            "What is the weather in Paris, London and New York?",
            [WEATHER],
            [("get_weather", {"city": city}) for city in ("Paris", "London", "New York")],
        ),
        ("What is the weather in San Francisco, CA?", [WEATHER], [("get_weather", {"city": "San Francisco, CA"})]),
        ("What is 1234 * 4567?", [ADD, MULTIPLY], [("multiply", {"a": 1234, "b": 4567})]),
        (
            "What's 3 * 12? Also, what is 11 + 49?",
            [ADD, MULTIPLY],
            [("multiply", {"a": 3, "b": 12}), ("add", {"a": 11, "b": 49})],
        ),
        ("Add 3 and 4", [ADD, MULTIPLY], [("add", {"a": 3, "b": 4})]),
        (
            "What is magic_function(3)? Use the tool.",
            [tool("magic_function", "Applies magic.", input="integer"), WEATHER],
            [("magic_function", {"input": 3})],
        ),
        (
            "Send an email to bob@example.com with subject 'Hi' saying See you soon.",
            [tool("send_email", "Send an email", to="string", subject="string", body="string")],
            [("send_email", {"to": "bob@example.com", "subject": "Hi", "body": "See you soon"})],
        ),
        (
            "Book a flight from Berlin to New York on 2026-05-01 for 2 passengers",
            [tool("book_flight", "", origin="string", destination="string", date="string", passengers="integer")],
            [("book_flight", {"origin": "Berlin", "destination": "New York", "date": "2026-05-01", "passengers": 2})],
        ),
        (
            "Create a customer named '你好啊集团' please",
            [tool("create_customer", "Create a customer.", customer_name="string")],
            [("create_customer", {"customer_name": "你好啊集团"})],
        ),
        ("Hello!", [WEATHER], []),
        ("Tell me a joke about cats.", [WEATHER, ADD], []),
    ],
)
def test_tools_are_called_with_what_the_question_says(question: str, tools: Any, expected: Any) -> None:
    assert calls(("user", question), tools=tools) == expected


def test_a_tool_choice_is_obeyed() -> None:
    hello = ("user", "Hello!")
    assert len(calls(hello, tools=[ADD, WEATHER], tool_choice="required")) == 1
    named = {"type": "function", "function": {"name": "get_weather"}}
    assert [name for name, _ in calls(hello, tools=[ADD, WEATHER], tool_choice=named)] == ["get_weather"]
    assert calls(("user", "What is 1 + 2?"), tools=[ADD], tool_choice="none") == []


def _called(*made: tuple[str, str, str]) -> dict[str, Any]:
    listed = [{"id": id, "type": "function", "function": {"name": name, "arguments": args}} for id, name, args in made]
    return {"content": None, "tool_calls": listed}


@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_call_is_never_made_twice_for_a_question(choice: Any) -> None:
    asked = mind(
        ("user", "What's the weather in Paris?"),
        ("assistant", _called(("c1", "get_weather", '{"city": "Paris"}'))),
        ("tool", {"tool_call_id": "c1", "content": "It is 21 degrees in Paris."}),
        tools=[WEATHER],
        tool_choice=choice,
    )
    assert (asked.calls, asked.text) == ((), "Here is what I found: It is 21 degrees in Paris.")


def test_one_at_a_time_when_parallel_calls_are_off() -> None:
    question = ("user", "Weather in Paris and in Rome?")
    first = calls(question, tools=[WEATHER], parallel_tool_calls=False)
    assert first == [("get_weather", {"city": "Paris"})]
    then = calls(
        question,
        ("assistant", _called(("c1", "get_weather", '{"city": "Paris"}'))),
        ("tool", {"tool_call_id": "c1", "content": "21"}),
        tools=[WEATHER],
        parallel_tool_calls=False,
    )
    assert then == [("get_weather", {"city": "Rome"})]


def test_a_new_question_may_call_again() -> None:
    made = calls(
        ("user", "Weather in Paris?"),
        ("assistant", _called(("c1", "get_weather", '{"city": "Paris"}'))),
        ("tool", {"tool_call_id": "c1", "content": "21"}),
        ("assistant", "It is 21."),
        ("user", "Weather in Paris?"),
        tools=[WEATHER],
    )
    assert made == [("get_weather", {"city": "Paris"})]


def test_a_follow_up_calls_the_tool_of_the_question_before() -> None:
    before = [
        ("user", "Weather in Paris?"),
        ("assistant", _called(("c1", "get_weather", '{"city": "Paris"}'))),
        ("tool", {"tool_call_id": "c1", "content": "21"}),
        ("assistant", "It is 21."),
    ]
    assert calls(*before, ("user", "And in Rome?"), tools=[WEATHER]) == [("get_weather", {"city": "Rome"})]
    assert calls(*before, ("user", "And thanks!"), tools=[WEATHER]) == []


def test_options_are_told_apart_by_what_leads_to_them() -> None:
    codes = {"type": "string", "enum": ["USD", "EUR", "GBP"]}
    convert = tool("convert_currency", "Convert money.", amount="number", to_currency=codes, from_currency=codes)
    for question in ("Convert 250 USD to EUR", "Convert 250 from USD to EUR please"):
        expected = {"amount": 250, "to_currency": "EUR", "from_currency": "USD"}
        assert calls(("user", question), tools=[convert]) == [("convert_currency", expected)]


def test_claude_s_own_dialect_is_read() -> None:
    native = {"name": "get_weather", "description": "Weather.", "input_schema": WEATHER["function"]["parameters"]}
    question = ("user", [{"type": "text", "text": "Weather in Paris?"}])
    assert calls(question, tools=[native]) == [("get_weather", {"city": "Paris"})]
    used = {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Paris"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "21 degrees"}]}
    answered = mind(question, ("assistant", [used]), ("user", [result]), tools=[native])
    assert (answered.calls, answered.text) == ((), "Here is what I found: 21 degrees")


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "email": {"type": ["string", "null"]},
        "hobbies": {"type": "array", "items": {"type": "string"}},
        "role": {"enum": ["admin", "user"]},
    },
    "required": ["name", "age", "email", "hobbies", "role"],
}
ALICE = "Alice Smith is 30 years old, an admin, and her hobbies are chess, rowing and reading."


def test_a_response_schema_is_filled_from_the_text() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    assert json.loads(mind(("user", ALICE), response_format=form).text) == {
        "name": "Alice Smith",
        "age": 30,
        "email": None,
        "hobbies": ["chess", "rowing", "reading"],
        "role": "admin",
    }


def test_json_mode_gives_the_keys_the_prompt_names() -> None:
    asked = "Tell me a joke. Return it as JSON with 'setup' and 'punchline' keys."
    assert list(json.loads(mind(("user", asked), response_format={"type": "json_object"}).text)) == [
        "setup",
        "punchline",
    ]


def test_json_mode_fills_the_keys_from_the_text() -> None:
    asked = "Return a JSON object with keys name and age for: Bob is 33"
    answer = mind(("user", asked), response_format={"type": "json_object"}).text
    assert json.loads(answer) == {"name": "Bob", "age": 33}


def test_a_schema_written_into_the_prompt_is_filled() -> None:
    prompt = f"{ALICE}\n\nHere's a JSON schema to follow:\n{json.dumps(PERSON)}\n\nOutput a valid JSON object."
    assert json.loads(mind(("user", prompt)).text)["name"] == "Alice Smith"
    doubled = prompt.replace("{", "{{").replace("}", "}}")  # as a template leaves it
    assert json.loads(mind(("user", doubled)).text)["name"] == "Alice Smith"


REACT = (
    "You have access to the following tools:\n> Tool Name: multiply\nTool Description: Multiply two integers.\n"
    'Tool Args: {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}\n\n'
    "Thought: ...\nAction: tool name\nAction Input: the input\nObservation: tool response\nAnswer: ...\n"
)


def test_a_react_prompt_is_followed_to_its_answer() -> None:
    question = ("user", "What is 6 times 7?")
    step = mind(("system", REACT), question).text
    assert step.endswith('Action: multiply\nAction Input: {"a":6,"b":7}')
    # agents repeat the input as Python writes it
    repeated = ("assistant", step.replace('{"a":6,"b":7}', "{'a': 6, 'b': 7}"))
    done = mind(("system", REACT), question, repeated, ("user", "Observation: 42")).text
    assert done.endswith("\nAnswer: 42")


def test_media_is_acknowledged_by_kind_and_size() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 8}}
    text = mind(("user", [{"type": "text", "text": "What is this?"}, image])).text
    assert text.startswith("I received an image (image/png, 6 bytes).")


def test_small_talk_and_sums() -> None:
    assert mind(("user", "Hello")).text == "Hello! How can I help you today?"
    assert mind(("user", "What is 2+2?")).text == "2+2 equals 4."
    assert "a joke about cats" in mind(("user", "Tell me a joke about cats.")).text
