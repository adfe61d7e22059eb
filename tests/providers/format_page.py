"""FORMAT.md taken apart: its tables of keys by section, and its examples with what they claim.

An example is a fenced `toml` block with all the fenced blocks up to the next one. A block with a `name` is a whole
file; any other is the page's first whole file with these keys in place of its own. Behind its language a block says
what it is: `answer` (JSON, or a whole HTTP answer), `reading` or `page` (what the answer before it says), `request`
(what is sent). Further words are about the job, `id=…`, `kind=…`, `param.NAME=…` and `etag=…`, or about the request,
`cancel`, `list` and `page=…`.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

import tracker.providers
from tracker.cli.checking import answer_document, page_document
from tracker.cli.spelling import request_document, spelled
from tracker.providers.catalog import Catalog
from tracker.providers.description import parse_description
from tracker.rules.exchange import HttpAnswer

from .cases import NOW, new_job

TEXT = Path(tracker.providers.__file__).with_name("FORMAT.md").read_text("utf-8")
_FENCES = [token for token in MarkdownIt().parse(TEXT) if token.type == "fence"]


@dataclass(frozen=True)
class Example:
    """A description and the blocks that are about it, each as (language, words, content)."""

    line: int
    toml: str
    blocks: list[tuple[str, list[str], str]] = field(default_factory=list)

    def __str__(self):
        return f"line {self.line}"

    @property
    def description(self):
        text = self.toml if "name" in tomllib.loads(self.toml) else _merged(_WHOLE, self.toml)
        return parse_description(text, f"FORMAT.md, line {self.line}")

    @property
    def provider(self):
        description = self.description
        environ = {variable: f"<{variable}>" for variable in description.variables().values()}
        return Catalog([description], environ).find(description.name)

    def jobs(self, words):
        """The jobs that the words of a block are about: the ids are separated by commas."""
        told = dict(word.split("=", 1) for word in words if "=" in word)
        params = {name.removeprefix("param."): value for name, value in told.items() if name.startswith("param.")}
        kind = told.get("kind") or next(iter(self.description.kinds))
        return [
            new_job(self.description.name, kind, id_, id=id_, params=params, etag=told.get("etag"))
            for id_ in told.get("id", "42").split(",")
        ]

    def claims(self):
        """Each block that claims something: what it is, what it says, and what is so."""
        answer = None
        for language, words, content in self.blocks:
            sort, about = words[0], words[1:]
            if sort == "answer":
                answer = _answer(language, content)
            elif sort == "request":
                yield sort, content.rstrip("\n"), self._sent(about)
            else:
                yield sort, json.loads(content), _without_empty(self._read(sort, about, answer))

    def _read(self, sort, words, answer):
        jobs = self.jobs(words)
        if sort == "page":
            return page_document(jobs, self.provider.read_page(jobs, answer, NOW))
        (job,) = jobs
        return answer_document(self.provider.read(job, answer, NOW))

    def _sent(self, words):
        jobs = self.jobs(words)
        page = next((word.removeprefix("page=") for word in words if word.startswith("page=")), None)
        if "list" in words:
            return self._spelled(self.provider.list_request(jobs, page))
        ask = self.provider.cancel_request if "cancel" in words else self.provider.request
        return self._spelled(ask(jobs[0]))

    def _spelled(self, request):
        return spelled(request_document(request, self.description))


def examples():
    """The examples of the page in their order."""
    found = []
    for token in _FENCES:
        language, *words = token.info.split()
        if language == "toml":
            found.append(Example(token.map[0] + 1, token.content))
        else:
            assert words, f"FORMAT.md, line {token.map[0] + 1}: say what the block is"
            found[-1].blocks.append((language, words, token.content))
    return found


def tables():
    """The rows of the tables of keys, (value, default, meaning) by section and key; the file's top is ``."""
    section, rows = "", {}
    for line in TEXT.splitlines():
        if line.startswith("#"):
            named = re.match(r"#+ `([A-Za-z_.]+)`", line)
            section = named[1].removeprefix("kinds.NAME") if named else ""
            section = "kind" if named and not section else section
        row = re.fullmatch(r"\| `([a-z_]+)` \| (.+) \| (.+) \| (.+) \|", line)
        if row:
            assert row[1] not in rows.setdefault(section, {}), f"{row[1]} is told twice in {section}"
            rows[section][row[1]] = (row[2], row[3], row[4])
    return rows


def _answer(language, content):
    if language == "json":
        return HttpAnswer(200, {}, content.encode())
    head, _, body = content.partition("\n\n")
    first, *lines = head.strip().split("\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return HttpAnswer(int(first.split()[1]), headers, body.encode())


def _without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_empty(part) for part in value]
    if not isinstance(value, dict):
        return value
    known = {name: _without_empty(part) for name, part in value.items()}
    return {name: part for name, part in known.items() if part not in (None, False, [], {})}


def _merged(whole, part):
    """A file with the keys of another in place of its own, written anew."""
    values = tomllib.loads(whole) | tomllib.loads(part)
    return "\n".join(f"{name} = {_toml(value)}" for name, value in values.items())


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


_WHOLE = next(token.content for token in _FENCES if token.info == "toml")
