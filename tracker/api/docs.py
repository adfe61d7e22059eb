"""What is open to all to read: about the API, and about the format of descriptions; by people and by programs."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

import orjson
from markdown_it import MarkdownIt
from starlette.responses import Response

from tracker.api.page import PAGE_HEADERS, page
from tracker.api.pages import is_known
from tracker.providers.schema import description_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token
    from starlette.requests import Request


async def document(request: Request) -> Response:
    """`GET /openapi.json`: all calls of this API with what they take and answer, as OpenAPI 3.1."""
    published = request.app.state.document()
    return _unless_known(request, published.document, published.document_tag, "application/json")


async def reference(request: Request) -> Response:
    """`GET /docs`: the calls and webhooks of this API, on a page."""
    published = request.app.state.document()
    return _unless_known(request, published.page, published.page_tag, "text/html")


async def provider_schema(_request: Request) -> Response:
    """`GET /.well-known/tracker-provider-schema.json`: what editors check a description by."""
    return Response(_schema(), media_type="application/schema+json")


async def provider_format(_request: Request) -> Response:
    """`GET /docs/providers`: how to describe a job API."""
    return Response(_format_page(), headers=PAGE_HEADERS, media_type="text/html")


def _unless_known(request: Request, content: bytes, tag: str, media_type: str) -> Response:
    """What is the same until the service is another, or 304 where the request knows it."""
    headers = {**PAGE_HEADERS, "etag": tag, "cache-control": "no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


@cache
def _schema() -> bytes:
    return orjson.dumps(description_schema())


@cache
def _format_page() -> str:
    text = files("tracker.providers").joinpath("FORMAT.md").read_text("utf-8")
    title = text.partition("\n")[0].removeprefix("# ")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    contents = _with_ids(tokens)
    # Behind the title, which is the first heading: its opening, its text and its end.
    title_html, rest = (markdown.renderer.render(part, markdown.options, {}) for part in (tokens[:3], tokens[3:]))
    return page(title, f"{title_html}<ul>\n{contents}</ul>\n{rest}")


def _with_ids(tokens: Sequence[Token]) -> str:
    """Gives each heading an id, so that a link can lead to it; the links to the sections, as a list's items."""
    links, seen = [], set()
    for opening, text in pairwise(tokens):
        if opening.type == "heading_open":
            slug = re.sub(r"[^a-z0-9_]+", "-", text.content.partition(":")[0].lower()).strip("-")
            if slug in seen:
                message = f"two headings of FORMAT.md have the id {slug!r}"
                raise ValueError(message)
            seen.add(slug)
            opening.attrSet("id", slug)
            if opening.tag == "h2":
                links.append(f'<li><a href="#{slug}">{escape(text.content.replace("`", ""))}</a></li>\n')
    return "".join(links)
