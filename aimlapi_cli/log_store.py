"""The local log of answers: one SQLite file, off by default, with a full-text index. No key is ever in it.

To keep another field, add it to the table and to `add`; files that are there already need an ALTER TABLE.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from aimlapi_cli.config import PROJECT
from aimlapi_cli.exits import Failure
from aimlapi_cli.saved import Saved
from aimlapi_transport.errors import InvalidRequestError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    created TEXT NOT NULL,
    command TEXT NOT NULL,
    model TEXT NOT NULL,
    system TEXT,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    reasoning TEXT,
    finish_reason TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cost_usd REAL,
    inference_id TEXT,
    parameters TEXT NOT NULL,
    messages TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_conversation ON answers (conversation);
"""
_INDEX = """
CREATE VIRTUAL TABLE IF NOT EXISTS answers_text
    USING fts5(question, answer, model, content=answers, content_rowid=id, tokenize='unicode61 remove_diacritics 2');
CREATE TRIGGER IF NOT EXISTS answers_added AFTER INSERT ON answers BEGIN
    INSERT INTO answers_text (rowid, question, answer, model) VALUES (new.id, new.question, new.answer, new.model);
END;
CREATE TRIGGER IF NOT EXISTS answers_gone AFTER DELETE ON answers BEGIN
    INSERT INTO answers_text (answers_text, rowid, question, answer, model)
        VALUES ('delete', old.id, old.question, old.answer, old.model);
END;
"""
_KNOWN = ("reasoning", "finish_reason", "input_tokens", "output_tokens", "cost_usd", "inference_id")  # of an answer


def log_path() -> Path:
    """Where the log is: AIMLAPI_LOG_FILE, or the platform's folder for data."""
    given = os.environ.get("AIMLAPI_LOG_FILE")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path(PROJECT, appauthor=False) / "log.sqlite3"


def is_there() -> bool:
    """Whether anything was kept; a link that leads nowhere is there, and cannot be used."""
    return os.path.lexists(log_path())


def add(
    kept: Saved,
    *,
    command: str,
    conversation: int | None,
    parameters: Mapping[str, Any],
    question: str,
    answer: Mapping[str, Any],
) -> int:
    """Keeps an answer; the number of its conversation, a new one where none is given.

    Args:
        kept: the conversation with the answer.

    Raises:
        Failure: the file cannot be written, or is damaged.
    """
    head = [{"role": "system", "content": kept.system}] if kept.system else []
    fields = {
        **{name: answer.get(name) for name in _KNOWN},
        "created": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "command": command,
        "model": kept.model,
        "system": kept.system,
        "question": _whole(question),
        "answer": _whole(answer["text"]),
        "parameters": json.dumps(parameters, default=str),
        "messages": json.dumps(_without_files([*head, *kept.messages]), default=str),
    }
    with _opened() as log:
        if conversation is None:
            conversation = log.execute("SELECT coalesce(max(conversation), 0) + 1 FROM answers").fetchone()[0]
        fields["conversation"] = conversation
        names, places = ", ".join(fields), ", ".join(f":{name}" for name in fields)
        log.execute(f"INSERT INTO answers ({names}) VALUES ({places})", fields)
        return int(conversation)


def find(
    words: str, *, model: str | None = None, since: datetime | None = None, most: int = 20
) -> list[dict[str, Any]]:
    """The newest answers that hold all the words (the last may be the beginning of one).

    Raises:
        Failure: the file is damaged.
    """
    if not is_there():
        return []
    where, values = ["1"], []
    terms = re.findall(r"\w+", words)
    with _opened() as log:
        if words.strip() and not terms:
            return []
        if terms and _has_index(log):
            quoted = " ".join(f'"{term}"' for term in terms)
            where.append("id IN (SELECT rowid FROM answers_text WHERE answers_text MATCH ?)")
            values.append(f"{quoted}*")
        else:
            for term in terms:
                where.append("question || ' ' || answer || ' ' || model LIKE ? ESCAPE '\\'")
                values.append(f"%{_escaped(term)}%")
        if model is not None:
            where.append("model LIKE ? ESCAPE '\\'")
            values.append(f"%{_escaped(model)}%")
        if since is not None:
            where.append("created >= ?")
            values.append(since.astimezone(timezone.utc).isoformat(timespec="milliseconds"))
        query = f"SELECT * FROM answers WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"
        return [_row(row) for row in log.execute(query, [*values, most])]


def one(number: int) -> dict[str, Any]:
    """An answer by its number.

    Raises:
        InvalidRequestError: there is none.
        Failure: the file is damaged.
    """
    if is_there():
        with _opened() as log:
            found = log.execute("SELECT * FROM answers WHERE id = ?", [number]).fetchone()
        if found is not None:
            return _row(found)
    raise InvalidRequestError(f"The log has no answer {number}.")


def conversation(number: int) -> Saved:
    """A conversation of the log, as its last answer left it.

    Raises:
        InvalidRequestError: there is none.
        Failure: the file is damaged.
    """
    if is_there():
        with _opened() as log:
            rows = log.execute("SELECT * FROM answers WHERE conversation = ? ORDER BY id", [number]).fetchall()
        if rows:
            final = _row(rows[-1])
            messages = [message for message in final["messages"] if message.get("role") != "system"]
            return Saved(final["model"], final["system"], messages, sum(row["cost_usd"] or 0.0 for row in rows))
    raise InvalidRequestError(f"The log has no conversation {number}, and there is no such file.")


def delete(number: int | None) -> int:
    """Deletes an answer, or all of them; how many went.

    Raises:
        Failure: the file is damaged.
    """
    if not is_there():
        return 0
    with _opened() as log:
        if number is None:
            return log.execute("DELETE FROM answers").rowcount
        return log.execute("DELETE FROM answers WHERE id = ?", [number]).rowcount


@contextmanager
def _opened() -> Iterator[sqlite3.Connection]:
    """The file, made where there is none, readable by its user only; a transaction of its own."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(path, timeout=10)) as log:
            log.row_factory = sqlite3.Row
            log.executescript(_SCHEMA)
            try:
                log.executescript(_INDEX)
            except sqlite3.OperationalError as error:
                if "fts5" not in str(error):  # an SQLite without it is searched row by row
                    raise
            with log:
                yield log
    except sqlite3.Error as error:
        raise Failure(f"The log {path} cannot be used: {error}. If it is damaged, move it away.") from None
    except OSError as error:
        raise Failure(f"The log {path} cannot be used: {error.strerror or error}.") from None


def _has_index(log: sqlite3.Connection) -> bool:
    return log.execute("SELECT 1 FROM sqlite_master WHERE name = 'answers_text'").fetchone() is not None


def _row(row: sqlite3.Row) -> dict[str, Any]:
    found = dict(row)
    for name in ("parameters", "messages"):
        found[name] = json.loads(found[name])
    return found


def _escaped(term: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", term)


def _whole(text: str) -> str:
    """A text that SQLite takes: without halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _without_files(messages: Sequence[Any]) -> list[Any]:
    """Messages in which a picture or another file is but named: a log is no archive of them."""

    def short(part: Any) -> Any:
        if not isinstance(part, dict) or part.get("type") in ("text", None):
            return part
        return {"type": "text", "text": f"[{part['type']}, {len(json.dumps(part, default=str)):,} characters]"}

    return [
        {**message, "content": [short(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]
