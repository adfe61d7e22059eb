"""The document of the API as a page for people: made on the server, of nothing but the document."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import orjson
from markdown_it import MarkdownIt

from tracker.api.page import page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Json = dict[str, Any]

_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} fields",
    "pattern": "like <code>{}</code>",
    "format": "{}",
    "default": "else <code>{}</code>",
}
"""What is told of a schema beside its type, and how."""


def page_about(document: Json) -> str:
    """The page, as HTML."""
    title = f"{document['info']['title']} {document['info']['version']}"
    by_tag: dict[str, list[str]] = {tag["name"]: [] for tag in document["tags"]}
    links: dict[str, list[str]] = {name: [] for name in by_tag}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name, call = operation["tags"][0], f"{method.upper()} {path}"
            by_tag[name].append(_operation(call, operation))
            links[name].append(f'<li><a href="#{operation["operationId"]}">{escape(call)}</a></li>\n')
    parts = [
        f"<h1>{escape(title)}</h1>\n{_MARKDOWN.render(document['info']['description'])}",
        '<p>For programs: <a href="/openapi.json">openapi.json</a>. To describe a job API: ',
        '<a href="/docs/providers">descriptions</a>.</p>\n',
        *(f'<h2><a href="#{name}">{name}</a></h2>\n<ul>\n{"".join(rows)}</ul>\n' for name, rows in links.items()),
        '<h2><a href="#webhooks">webhooks</a></h2>\n<h2><a href="#shapes">shapes</a></h2>\n<hr>\n',
        *(_of_tag(tag, by_tag[tag["name"]]) for tag in document["tags"]),
        _webhooks(document["webhooks"]),
        _shapes(document["components"]["schemas"]),
    ]
    return page(title, "".join(parts))


def _of_tag(tag: Json, operations: Sequence[str]) -> str:
    return f'<h2 id="{tag["name"]}">{tag["name"]}</h2>\n{_text(tag)}{"".join(operations)}'


def _operation(call: str, operation: Json) -> str:
    parameters = [
        (f"<code>{escape(each['name'])}</code>", each["in"], _type(each["schema"]), _inline(each["description"]))
        for each in operation["parameters"]
    ]
    told = operation["responses"]
    answers = [_answer(status, answer) for status, answer in told.items() if "$ref" not in answer]
    problems = ", ".join(status for status, answer in told.items() if "$ref" in answer)
    return "".join((
        f'<h3 id="{operation["operationId"]}"><code>{escape(call)}</code></h3>\n',
        f"<p><strong>{escape(operation['summary'])}.</strong></p>\n{_text(operation)}",
        _table(("parameter", "in", "type", "what"), parameters) if parameters else "",
        "".join(_body(operation["requestBody"])) if "requestBody" in operation else "",
        _table(("answer", "what", "headers"), answers),
        f'<p>Or a <a href="#shape-Problem">Problem</a>: {problems}.</p>\n',
    ))  # fmt: skip


def _body(body: Json) -> Iterator[str]:
    """What is sent, and an example of it."""
    for media_type, content in body["content"].items():
        must = "" if body["required"] else ", or nothing"
        yield f"<p>Body: {_type(content['schema'])} as <code>{media_type}</code>{must}.</p>\n"
        if "example" in content:
            example = orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
            yield f"<pre><code>{escape(example)}</code></pre>\n"


def _answer(status: str, answer: Json) -> tuple[str, str, str]:
    contents = [
        f"{_type(content['schema'])} as <code>{media_type}</code>"
        for media_type, content in answer.get("content", {}).items()
    ]
    headers = ", ".join(f"<code>{name}</code>" for name in answer.get("headers", ()))
    return f"{status} {escape(answer['description'])}", " or ".join(contents), headers


def _webhooks(webhooks: Json) -> str:
    """The events with what each carries, and the headers, which are the same for all."""
    posts = {event_type: operations["post"] for event_type, operations in webhooks.items()}
    rows = [
        (
            f"<code>{event_type}</code>",
            _inline(post["summary"]),
            _type(post["requestBody"]["content"]["application/json"]["schema"]),
        )
        for event_type, post in posts.items()
    ]
    any_post = next(iter(posts.values()))
    headers = [(f"<code>{each['name']}</code>", _inline(each["description"])) for each in any_post["parameters"]]
    answers = [(status, _inline(answer["description"])) for status, answer in any_post["responses"].items()]
    return "".join((
        '<h2 id="webhooks">webhooks</h2>\n<p>POST requests that Tracker sends, at least once each.</p>\n',
        _table(("event", "when", "body"), rows),
        _table(("header", "what"), headers),
        _table(("your answer", "what Tracker makes of it"), answers),
    ))  # fmt: skip


def _shapes(schemas: Json) -> str:
    parts = ['<h2 id="shapes">shapes</h2>\n']
    for name, schema in schemas.items():
        parts.append(f'<h3 id="shape-{name}">{name}</h3>\n{_text(schema)}')
        fields = [
            (f"<code>{field}</code>", "" if field in schema.get("required", ()) else "maybe", _type(each), _about(each))
            for field, each in schema.get("properties", {}).items()
        ]
        parts.append(_table(("field", "", "type", "what"), fields) if fields else f"<p>{_type(schema)}</p>\n")
    return "".join(parts)


def _type(schema: Json) -> str:
    """What a value must be, as HTML."""
    if "$ref" in schema:
        name = _last(schema["$ref"])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(orjson.dumps(schema['const']).decode())}</code>"
    kind = schema.get("type", "anything")
    if kind == "array":
        kind = f"list of {_type(schema['items'])}"
    elif kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        kind = f"object of {_type(schema['additionalProperties'])}"
    return ", ".join((kind, *_limits(schema)))


def _limits(schema: Json) -> Iterator[str]:
    for name, told in _LIMITS.items():
        if schema.get(name) is not None:
            yield told.format(escape(str(schema[name])))


def _about(schema: Json) -> str:
    return _inline(schema.get("description", ""))


def _text(described: Json) -> str:
    return str(_MARKDOWN.render(described.get("description", "")))


def _inline(text: str) -> str:
    return str(_MARKDOWN.renderInline(text))


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table, whose cells are HTML."""
    head = "".join(f"<th>{each}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
