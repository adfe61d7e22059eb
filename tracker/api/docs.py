"""What the authors of descriptions need, open to all: the page about the format, and its JSON Schema."""

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

from tracker.providers.schema import description_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token
    from starlette.requests import Request

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }}
pre {{ padding: .75rem 1rem; overflow-x: auto; }}
pre, table {{ border: 1px solid #8886; border-radius: 4px; }}
pre, code {{ background: #8881; font: .875rem/1.45 ui-monospace, monospace; }}
pre code {{ background: none; }}
table {{ display: block; border-collapse: collapse; overflow-x: auto; }}
th, td {{ padding: .25rem .75rem; border-bottom: 1px solid #8886; text-align: left; vertical-align: top; }}
h2 {{ margin-top: 3rem; }}
</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""


async def provider_schema(_request: Request) -> Response:
    """`GET /.well-known/tracker-provider-schema.json`: what editors check a description by."""
    return Response(_schema(), media_type="application/schema+json")


async def provider_format(_request: Request) -> Response:
    """`GET /docs/providers`: how to describe a job API."""
    return Response(_format_page(), headers=_HEADERS, media_type="text/html")


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
    return _PAGE.format(title=escape(title), body=f"{title_html}<ul>\n{contents}</ul>\n{rest}")


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
