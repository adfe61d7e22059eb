"""The document of the API, in the form of OpenAPI 3.1: made of the route table and of the models that validate."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from tracker import __version__
from tracker.api import parameters as take
from tracker.api.calls import MOST_VALUES
from tracker.api.reference import page_about
from tracker.api.schemas import REFERENCE, Schemas
from tracker.api.told import (
    ABOUT,
    EVENTS_OF_A_STREAM,
    EXAMPLES,
    HEADERS,
    PATH_PARAMETERS,
    TAGS,
    WEBHOOK_ANSWERS,
    WEBHOOK_HEADERS,
)
from tracker.api.webhooks import WEBHOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracker.api.bodies import Body
    from tracker.api.calls import Call, Parameter

Json = dict[str, Any]

_PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Published:
    """The document as it is served: for programs and for people, each with its ETag."""

    document: bytes
    document_tag: str
    page: bytes
    page_tag: str


def published(calls: Sequence[Call]) -> Published:
    """The document of these calls, and the page about it."""
    document = document_of(calls)
    data, page = orjson.dumps(document), page_about(document).encode()
    return Published(data, _tag_of(data), page, _tag_of(page))


def document_of(calls: Sequence[Call]) -> Json:
    """The document of these calls."""
    schemas = Schemas([shape for call in calls for shape in (*call.answers.values(), call.body) if shape is not None])
    paths: dict[str, Json] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, schemas)
    statuses = sorted({status for call in calls for status in _problems_of(call)})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tracker",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The service that this document comes from."}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "webhooks": {event_type: {"post": _webhook(event_type, schemas)} for event_type in WEBHOOKS},
        "components": {
            "schemas": schemas.definitions,
            "responses": {f"Problem{status}": _problem(status) for status in statuses},
            "headers": {name: header | {"schema": {"type": "string"}} for name, header in HEADERS.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def _operation(call: Call, schemas: Schemas) -> Json:
    operation: Json = {
        "operationId": call.name,
        "summary": call.about.removesuffix("."),
        "description": _description_of(call),
        "tags": [_tag_of_path(call.path)],
        "security": [] if call.scope is None else [{"key": [call.scope.value]}],
        "parameters": list(_parameters_of(call)),
        "responses": {str(status): _answer(call, status, schemas) for status in call.answers}
        | {str(status): {"$ref": REFERENCE.format("responses", f"Problem{status}")} for status in _problems_of(call)},
    }
    if call.body is not None:
        content = {"application/json": {"schema": schemas.of(call.body), "example": EXAMPLES[call.body]}}
        operation["requestBody"] = {"required": not _may_be_empty(call, call.body), "content": content}
    return operation


def _description_of(call: Call) -> str:
    """What the handler says of itself behind the call that it is, and what its key must have."""
    _, _, told = (call.handle.__doc__ or "").partition("`: ")
    needs = "Everybody may call this." if call.scope is None else f"Needs a key with scope `{call.scope.value}`."
    return f"{told[:1].upper()}{told[1:]}\n\n{needs}" if told else needs


def _parameters_of(call: Call) -> Iterable[Json]:
    for name in re.findall(r"{(\w+)}", call.path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "description": PATH_PARAMETERS[name], "schema": schema}
    for parameter in call.query:
        yield _family(parameter) if parameter.name.endswith("*") else _parameter(parameter, "query")
    for parameter in (*call.headers, *((take.IDEMPOTENCY_KEY,) if call.method == "POST" else ())):
        yield _parameter(parameter, "header")


def _parameter(parameter: Parameter, place: str) -> Json:
    several = {"type": "array", "items": parameter.schema, "maxItems": MOST_VALUES}
    schema = several if parameter.repeats else parameter.schema
    return {"name": parameter.name, "in": place, "description": parameter.about, "schema": schema}


def _family(parameter: Parameter) -> Json:
    """Parameters that begin alike: an object, each of whose fields is a parameter by itself."""
    stem = parameter.name.removesuffix("*")
    of_each = {"patternProperties": {f"^{re.escape(stem)}.+$": parameter.schema}, "additionalProperties": False}
    schema = {"type": "object", "maxProperties": MOST_VALUES} | of_each
    named = {"name": stem.rstrip("."), "in": "query", "style": "form", "explode": True}
    return named | {"description": parameter.about, "schema": schema}


def _answer(call: Call, status: int, schemas: Schemas) -> Json:
    answer: Json = {"description": HTTPStatus(status).phrase}
    headers = {name: {"$ref": REFERENCE.format("headers", name)} for name in _headers_of(call, status)}
    shape = call.answers[status]
    if shape is not None:
        answer["content"] = {name: _content(name, schemas.of(shape)) for name in call.media_types}
    return answer | ({"headers": headers} if headers else {})


def _content(media_type: str, schema: Json) -> Json:
    if media_type == "text/event-stream":
        return {"schema": {"type": "string"}, "example": EVENTS_OF_A_STREAM}
    return {"schema": schema if media_type.endswith("json") else {"type": "string"}}


def _headers_of(call: Call, status: int) -> list[str]:
    sent = {
        "Location": call.tells_location,
        "Link": take.LIMIT in call.query and status == 200,
        "ETag": take.IF_NONE_MATCH in call.headers,
        "Preference-Applied": take.PREFER in call.headers,
        "Idempotent-Replayed": call.method == "POST",
    }
    return [name for name, is_sent in sent.items() if is_sent and status < 400]


def _problems_of(call: Call) -> list[int]:
    return sorted(call.all_problems | {500})


def _problem(status: int) -> Json:
    sent = {401: ["WWW-Authenticate"], 409: ["Retry-After"], 415: ["Accept-Encoding"], 429: ["Retry-After"]}
    headers = {name: {"$ref": REFERENCE.format("headers", name)} for name in sent.get(status, ())}
    schema = {"$ref": REFERENCE.format("schemas", "Problem")}
    answer = {"description": HTTPStatus(status).phrase, "content": {_PROBLEM: {"schema": schema}}}
    return answer | ({"headers": headers} if headers else {})


def _webhook(event_type: str, schemas: Schemas) -> Json:
    shape = WEBHOOKS[event_type]
    return {
        "operationId": f"on_{event_type.replace('.', '_')}",
        "summary": (shape.__doc__ or "").removesuffix("."),
        "security": [],
        "parameters": [_parameter(header, "header") | {"required": True} for header in WEBHOOK_HEADERS],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schemas.of(shape)}}},
        "responses": WEBHOOK_ANSWERS,
    }


def _may_be_empty(call: Call, body: type[Body]) -> bool:
    """Whether a call's body may be left out, since nothing in it is required."""
    return call.method == "POST" and not any(field.is_required() for field in body.model_fields.values())


def _tag_of_path(path: str) -> str:
    noun = path.removeprefix("/v1/").partition("/")[0]
    return noun if noun in TAGS else "service"


def _tag_of(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'
