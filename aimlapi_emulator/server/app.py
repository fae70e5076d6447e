"""Which path leads where: the route table. To serve another endpoint, add a row to ROUTES.

A row is methods, paths and a handler; a handler takes the request and returns a response, or raises Refused.
The chat endpoints of the other hosts (`hosts`) are the same handler under a prefix.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from aimlapi_emulator.faults.statuses import AWAY
from aimlapi_emulator.faults.table import Attempts, fault_for
from aimlapi_emulator.inspector.keeping import keep as keep_in
from aimlapi_emulator.inspector.recorder import record
from aimlapi_emulator.inspector.routes import inspector_routes
from aimlapi_emulator.media import endpoints as media
from aimlapi_emulator.media.files import Files
from aimlapi_emulator.media.generations import Generations
from aimlapi_emulator.secrets import public_json
from aimlapi_emulator.server import account, batches, catalogue, claude_messages, embeddings, responses
from aimlapi_emulator.server.chat import chat
from aimlapi_emulator.server.errors import Refused, invalid
from aimlapi_emulator.server.hosts import HOSTS, Host
from aimlapi_emulator.server.http import authenticate, parse, read_body, refusal
from aimlapi_emulator.server.ledger import Ledger
from aimlapi_emulator.server.noting import Noting
from aimlapi_emulator.server.request_log import Journal
from aimlapi_emulator.server.upstream import Upstream

Handler = Callable[[Request], Awaitable[ASGIApp]]


async def _chat(request: Request, host: Host) -> ASGIApp:
    return await _posted(request, lambda asked: chat(request, asked, host))


async def _embeddings(request: Request) -> ASGIApp:
    return await _posted(request, lambda asked: embeddings.embed(request, asked))


async def _responses(request: Request) -> ASGIApp:
    return await _posted(request, lambda asked: responses.respond(request, asked))


async def _messages(request: Request) -> ASGIApp:
    return await _posted(request, lambda asked: claude_messages.messages(request, asked))


async def _response(request: Request) -> ASGIApp:
    authenticate(request)
    return responses.retrieved(request, request.path_params["id"])


async def _cancel(request: Request) -> ASGIApp:
    authenticate(request)
    return responses.cancelled(request, request.path_params["id"])


async def _batches(request: Request) -> ASGIApp:
    return await _posted(request, lambda asked: batches.create(request, asked))


async def _batch(request: Request) -> ASGIApp:
    authenticate(request)
    return batches.status(request)


async def _cancel_batch(request: Request) -> ASGIApp:
    authenticate(request)
    return batches.cancel(request)


async def _posted(request: Request, reply: Callable[..., Response]) -> ASGIApp:
    """A JSON body answered by `reply`, unless the request asks for a fault."""
    raw = await read_body(request)
    key = authenticate(request)
    asked = parse(raw, request.url.path)
    request.state.received.json = public_json(asked.body, raw)
    fault = fault_for(request, asked, key, request.app.state.attempts)
    if fault is not None:
        return fault
    account.check_credits(request, key)
    return reply(asked)


async def _account(request: Request) -> ASGIApp:
    authenticate(request)
    return account.reply(request)


async def _keys(request: Request) -> ASGIApp:
    raw = await read_body(request)
    authenticate(request)
    return account.change_keys(request, parse(raw, request.url.path).body if raw else None)


async def _metrics(request: Request) -> ASGIApp:
    return catalogue.metrics(request)


async def _models(request: Request) -> ASGIApp:
    return catalogue.listed(request)


async def _model(request: Request) -> ASGIApp:
    return catalogue.item(request)


CHAT_PATHS = ("/v1/chat/completions", "/chat/completions")
RESPONSE_PATHS = ("/v1/responses", "/responses")
EMBEDDING_PATHS = ("/v1/embeddings", "/embeddings")
ROUTES: tuple[tuple[tuple[str, ...], tuple[str, ...], Handler], ...] = (
    (("POST",), CHAT_PATHS, partial(_chat, host=HOSTS["aimlapi"])),
    *(
        (("POST",), tuple(host.prefix + path for path in CHAT_PATHS), partial(_chat, host=host))
        for host in HOSTS.values()
        if host.rules
    ),
    (("POST",), RESPONSE_PATHS, _responses),
    (("POST",), ("/v1/messages", "/messages"), _messages),
    (("GET",), tuple(f"{path}/{{id}}" for path in RESPONSE_PATHS), _response),
    (("POST",), tuple(f"{path}/{{id}}/cancel" for path in RESPONSE_PATHS), _cancel),
    (("POST",), EMBEDDING_PATHS, _embeddings),
    (("POST",), ("/v1/batches",), _batches),
    (("GET",), ("/v1/batches",), _batch),
    (("POST",), ("/v1/batches/cancel/{id}",), _cancel_batch),
    # where a fault redirects to: the same endpoints again
    (("POST",), tuple(AWAY + path for path in CHAT_PATHS), partial(_chat, host=HOSTS["aimlapi"])),
    (("POST",), tuple(AWAY + path for path in EMBEDDING_PATHS), _embeddings),
    (("GET",), ("/v1/models", "/models", "/api/v1/models"), _models),
    (("GET",), ("/models/metrics",), _metrics),
    (("GET",), ("/model/{id:path}",), _model),
    (("POST",), ("/v1/keys",), _keys),
    (("PUT", "PATCH", "DELETE"), ("/v1/keys/{prefix}",), _keys),
    (("GET",), tuple(account.ROUTES), _account),
    *media.ROUTES,
)


def build_app(
    journal: Journal | None = None,
    *,
    balance_usd: float | None = None,
    upstream: Upstream | None = None,
    record_to: str | Path | None = None,
    keep: str | Path | None = None,
) -> Starlette:
    """The ASGI application.

    Args:
        journal: where it notes what it receives; one that keeps replies is shown under `/_inspect`.
        balance_usd: what the account has.
        upstream: the real provider, which answers in place of the emulator.
        record_to: a folder for a cassette of each exchange, where the journal keeps replies.
        keep: a SQLite file that the journal is read from and written to, where it keeps replies.
    """
    journal = journal if journal is not None else Journal()
    routes = [Route(path, handler, methods=methods) for methods, paths, handler in ROUTES for path in paths]
    if upstream is not None:
        routes = upstream.routes()
    if journal.keeps_replies:
        address = upstream.root if upstream is not None else "https://api.aimlapi.com"
        if keep is not None:
            keep_in(journal, keep)
        if record_to is not None:
            record(journal, record_to, address, is_live=upstream is not None)
        routes = [*inspector_routes(journal, address, is_live=upstream is not None), *routes]
    app = Starlette(
        routes=routes,
        lifespan=None if upstream is None else upstream.lifespan,
        exception_handlers={Refused: _refused, HTTPException: _no_route, RecursionError: _too_deep, Exception: _failed},
    )
    app.router.redirect_slashes = False
    app.state.attempts = Attempts()
    app.state.responses = responses.Store()
    app.state.files = Files()
    app.state.generations = Generations()
    app.state.batches = batches.Batches()
    app.state.ledger = Ledger() if balance_usd is None else Ledger(balance_usd)
    app.state.logs_asked = deque()
    app.add_middleware(Noting, journal=journal)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    account.note_failure(request)
    return refusal(request, error)


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return refusal(request, Refused(error.status_code, f"Cannot {request.method} {request.url.path}"))
    return refusal(request, Refused(error.status_code, error.detail))


def _failed(request: Request, error: Exception) -> Response:
    return refusal(request, Refused(500, "Internal server error"))  # our own fault: it is logged, too


def _too_deep(request: Request, error: Exception) -> Response:
    return refusal(request, invalid("body", "fewer levels", "more", "Too deeply nested"))
