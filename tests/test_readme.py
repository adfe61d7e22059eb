"""What the README says is so."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer.main

from store.records import Status
from tracker.api.routes import ROUTES
from tracker.cli.app import app
from tracker.providers.catalog import Catalog, load_descriptions
from tracker.providers.description import parse_description
from tracker.providers.interpret import interpret
from tracker.rules.exchange import HttpAnswer
from tracker.rules.reading import Reading
from tracker.rules.signing import SigningKeys, signed_headers

from .providers.cases import new_job

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")
SECRET = "whsec_" + base64.b64encode(bytes(range(33))).decode()
BODY = b'{"type":"job.succeeded","data":{"job":{"remote_id":"r1","status":"succeeded","output":{"a":1}}}}'


@pytest.fixture
def handle():
    """The snippet under "Verify a webhook", as it stands there."""
    section = README.partition("## Verify a webhook\n")[2].partition("\n## ")[0]
    (snippet,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    namespace: dict[str, object] = {}
    exec(compile(snippet, "README.md", "exec"), namespace)  # noqa: S102 - our own README
    return namespace["handle"]


def test_snippet_accepts_what_tracker_signs(handle):
    headers = signed_headers("evt_1", BODY, SigningKeys((SECRET,)), "1", datetime.now(UTC))
    assert handle(headers, BODY, SECRET) == "evt_1: job.succeeded, r1 is succeeded: {'a': 1}"


def test_snippet_refuses_what_was_changed_on_the_way(handle):
    headers = signed_headers("evt_1", BODY, SigningKeys((SECRET,)), "1", datetime.now(UTC))
    assert handle(headers, BODY.replace(b"r1", b"r2"), SECRET) == "401: not from Tracker"


def test_description_in_the_readme_reads_an_answer():
    (description,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    provider = Catalog([parse_description(description, "README.md")], {}).find("acme")
    (kind,) = provider.description.kinds.values()
    answer = HttpAnswer(200, {}, b'{"id": "r1", "state": "done", "file": {"url": "https://cdn.acme.example/r1"}}')
    reading = interpret(kind, provider.base_url, new_job("acme", "render", "r1"), answer, datetime.now(UTC))
    assert reading == Reading(Status.SUCCEEDED, "done", output={"url": "https://cdn.acme.example/r1"})


def test_every_route_is_in_the_readme():
    text = README.replace("[/{id}]", "/{id}")
    missing = [route.path for route in ROUTES if not any(form in text for form in forms_of(route.path))]
    assert not missing


def forms_of(path: str) -> list[str]:
    """How the table may write a route: whole, or short behind a row that names what it belongs to."""
    _, has_id, rest = path.partition("/{id}")
    return [path, f"…/{{id}}{rest}`", f"`{rest}`"] if has_id and rest else [path]


def test_every_setting_is_in_the_readme():
    source = Path(__file__).parent.parent.joinpath("tracker/settings.py").read_text("utf-8")
    from_environment = source.partition("def from_environment")[2].partition("@property")[0]
    names = set(re.findall(r'"(TRACKER_[A-Z_]+)"', from_environment))
    assert names
    assert not [name for name in names if f"`{name}`" not in README]


def test_every_command_that_the_readme_shows_exists():
    known = typer.main.get_command(app)
    for line in re.findall(r"uv run tracker ([a-z]+(?: [a-z]+)?)", README):
        command = known
        for word in line.split():
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, line
            command = command.commands[word]


def test_every_provider_is_in_the_readme_with_its_kinds_and_credentials():
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (.*) \|$", README, re.MULTILINE))
    for described in load_descriptions(None):
        row = rows[described.name]
        assert not [name for name in (*described.kinds, *described.variables().values()) if f"`{name}`" not in row]
