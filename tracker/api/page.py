"""The frame of the pages that people read: all in one file, with nothing that runs and nothing that is fetched."""

from __future__ import annotations

from html import escape

PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
"""Nothing runs on a page, and nothing is fetched for it."""

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


def page(title: str, body: str) -> str:
    """A page with this title, which is a text, and this body, which is HTML."""
    return _PAGE.format(title=escape(title), body=body)
