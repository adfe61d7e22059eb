"""Errors as `application/problem+json` (RFC 9457), and what each exception becomes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

_RETRY_SECONDS = "2"

_log = structlog.stdlib.get_logger("tracker")


class ApiError(Exception):
    """An answer other than success: `detail` says what failed and what to do, `errors` where in the input."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


def wrong_field(pointer: str, detail: str) -> ApiError:
    """422 for one field of the body."""
    return ApiError(422, detail, [{"pointer": pointer, "detail": detail}])


def wrong_parameter(parameter: str, detail: str) -> ApiError:
    """422 for one query parameter."""
    return ApiError(422, detail, [{"parameter": parameter, "detail": detail}])


def wrong_header(name: str, detail: str) -> ApiError:
    """422 for one header."""
    return ApiError(422, detail, [{"header": name, "detail": detail}])


def not_found(noun: str, id_: str) -> ApiError:
    """404 for an id that leads nowhere."""
    return ApiError(404, f"There is no {noun} {id_!r}.")


def problem_document(
    status: int, detail: str, instance: str, errors: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """A problem in the form of RFC 9457."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    return document | ({"errors": [dict(error) for error in errors]} if errors else {})


def problem_response(
    status: int,
    detail: str,
    instance: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as an answer."""
    document = problem_document(status, detail, instance, errors)
    return Response(orjson.dumps(document), status, headers, "application/problem+json")


async def answer_problem(request: Request, error: Exception) -> Response:
    """For `ApiError`."""
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class alone
    return problem_response(error.status, error.detail, request.url.path, error.errors, error.headers)


async def answer_away(request: Request, _error: Exception) -> Response:
    """For DatabaseAwayError: nothing was written."""
    detail = "The database cannot be reached at the moment; try again."
    return problem_response(503, detail, request.url.path, headers={"retry-after": _RETRY_SECONDS})


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """For what the router raises: no such route, or not this method (of which OPTIONS asks which there are)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    if error.status_code == 405 and request.method == "OPTIONS":
        return Response(status_code=204, headers={"allow": _possible_methods(request)})
    details = {
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.method} is not possible at {request.url.path}.",
    }
    detail = details.get(error.status_code, error.detail)
    # The router knows of the first route of a path alone; the methods of a path are spread over several.
    headers = {"allow": _possible_methods(request)} if error.status_code == 405 else error.headers
    return problem_response(error.status_code, detail, request.url.path, headers=headers)


def _possible_methods(request: Request) -> str:
    matching = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    # Of the path that is meant: `/v1/jobs/batch` is no job, though a job's path fits it.
    routes = [route for route in matching if route.path == matching[0].path]
    return ", ".join(sorted({"OPTIONS", *(method for route in routes for method in route.methods)}))


async def answer_hung_up(_request: Request, _error: Exception) -> Response:
    """For a client that went away before it had sent its request; nobody reads this."""
    return Response(status_code=400)


async def answer_fault(request: Request, error: Exception) -> Response:
    """For whatever should not have happened: it is logged here and not shown, under an id that the answer has too."""
    request_id = f"req_{uuid4().hex}"
    _log.error("request.failed", request_id=request_id, method=request.method, path=request.url.path, exc_info=error)
    detail = f"Tracker failed to answer; its log says why, under {request_id}."
    # The server ends the connection after a fault; who is not told sends the next request in vain.
    headers = {"request-id": request_id, "connection": "close"}
    return problem_response(500, detail, request.url.path, headers=headers)
