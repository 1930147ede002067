"""Errors as RFC 9457 has them: application/problem+json, one sentence each, never a stack trace."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as Plain
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from pawtrait.errors import BadFeedback, BadImage, BadModel, BadRegistry, BadStore, PawtraitError

MEDIA = "application/problem+json"
METHODS = ("GET", "POST", "DELETE")  # that our endpoints have; what takes GET takes HEAD
MOST_FAULTS, LONGEST_NAME = 32, 100  # of what is wrong with a request's values, and of a value's name
OURS: dict[type[PawtraitError], tuple[int, str]] = {
    BadImage: (422, "unreadable-picture"),
    BadFeedback: (422, "bad-feedback"),
    BadModel: (503, "no-model"),
    BadRegistry: (503, "no-registry"),
    BadStore: (503, "no-store"),
}

log = logging.getLogger(__name__)


class Problem(Exception):
    """What an endpoint raises: a status, a short name of the kind, and one sentence for a person."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The members of RFC 9457."""
        return {
            "type": f"urn:pawtrait:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }


class Cut(HTTPException):
    """A Problem with a body on its way in: whoever reads it, FastAPI too, lets this one through as it is."""

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(status, detail, {"Connection": "close"})
        self.kind = kind


def of(error: PawtraitError) -> Problem:
    """The problem that an error of ours is to a client; a store's or model's own words stay in the log."""
    status, kind = OURS.get(type(error), (500, "internal"))
    if status >= 500:
        log.error("%s", error)
        return Problem(status, kind, _HIDDEN.get(kind, UNFORESEEN))
    return Problem(status, kind, str(error))


def unforeseen() -> Problem:
    """What a client hears of an error that nobody had foreseen; the log has all of it."""
    return Problem(500, "internal", UNFORESEEN)


UNFORESEEN = "something went wrong here; it was logged"


_HIDDEN = {
    "no-model": "no model can be used at the moment; try again later",
    "no-registry": "the registry cannot be reached at the moment; try again later",
    "no-store": "the store cannot be reached at the moment; try again later",
}


def foreseen(request: Request, error: Exception) -> Problem | None:
    """What a client hears of an error, wherever it was raised; None of one that nobody had foreseen."""
    match error:
        case Problem():
            return error
        case PawtraitError():
            return of(error)
        case ClientDisconnect():
            return Problem(400, "gone", "the client went away before it had sent everything")
        case Cut():
            return Problem(error.status_code, error.kind, error.detail, error.headers)
        case Plain():
            return _unrouted(request, error)
        case RequestValidationError():
            return invalid(error.errors())
    return None


def install(app: FastAPI) -> None:
    """Answer every error of the application this way."""

    async def told(request: Request, error: Exception) -> JSONResponse:
        return answer(request, foreseen(request, error) or unforeseen())

    for kind in (Problem, PawtraitError, ClientDisconnect, Plain, RequestValidationError):
        app.add_exception_handler(kind, told)


def _unrouted(request: Request, error: Plain) -> Problem:
    """What Starlette says of an address or a method that is none, with the way out; else its own words.

    Of an address with several endpoints it names the methods of the first alone.
    """
    usual = HTTPStatus(error.status_code).phrase
    detail, headers = str(error.detail), error.headers
    if error.status_code == 404:
        detail = "there is nothing at this address; /docs lists what there is"
    elif error.status_code == 405:
        takes = [method for method in METHODS if _takes(request, method)]
        detail = f"this address takes {' and '.join(takes)} alone; /docs says what for"
        headers = {"Allow": ", ".join([*takes, "HEAD"] if "GET" in takes else takes)}
    return Problem(error.status_code, usual.lower().replace(" ", "-"), detail, headers)


def _takes(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def answer(request: Request, problem: Problem) -> JSONResponse:
    """The response; ``instance`` is the request's id, by which the log knows it too."""
    request.state.problem = problem.kind
    body = {**problem.body(), "instance": f"urn:pawtrait:request:{getattr(request.state, 'id', '')}"}
    return JSONResponse(body, problem.status, problem.headers, media_type=MEDIA)


def invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """What pydantic says of values, as one problem; of very many faults the first are told."""
    return Problem(422, "invalid-request", "; ".join(map(_sentence, errors[:MOST_FAULTS])))


def _sentence(error: Mapping[str, Any]) -> str:
    """Where and what; the value that came is not repeated, since it may be a picture or a key."""
    where = ".".join(map(str, error["loc"]))[:LONGEST_NAME]
    said = str(error["msg"]).removeprefix("Value error, ").lower()
    return f"{where}: {said}" if where else said
