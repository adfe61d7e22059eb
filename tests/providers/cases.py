"""The recorded answers: what a provider answered, and what we must make of it.

`tests/providers/<provider>/account.json` holds fake credentials (`environment`) and the headers that carry them
(`headers`, with those of the description). Every other file there is one case: `kind`, `remote_id` and `params` of the
job, the `url` that asks for it, the `answer` (`status`, `headers`, and the body as `json` or as `text`), and one of
`reading`, `problem` and `absent`. What a reading does not name must be empty. `why` says what the case is there for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from store.records import Job, JobError, Status, Step
from tracker.providers.catalog import Catalog, load_descriptions
from tracker.rules.exchange import HttpAnswer
from tracker.rules.reading import Absent, Moment, Reading

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
FOLDER = Path(__file__).parent
DESCRIPTIONS = {description.name: description for description in load_descriptions(None)}
_ACCOUNT = "account.json"
_TIMES = ("created_at", "started_at", "finished_at")


@dataclass(frozen=True)
class Case:
    """One recorded answer; `reading`, `problem` and `absent` are as the file has them."""

    provider: str
    name: str
    kind: str
    remote_id: str
    url: str
    answer: dict[str, Any]
    params: dict[str, Any] | None = None
    reading: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    absent: dict[str, Any] | None = None
    why: str | None = None

    @property
    def job(self):
        return new_job(self.provider, self.kind, self.remote_id, params=self.params or {})

    @property
    def http_answer(self):
        known = {"status", "headers", "json", "text"}
        assert self.answer.keys() <= known, f"{self}: {self.answer.keys() - known}"
        text = self.answer.get("text")
        body = orjson.dumps(self.answer["json"]) if text is None else text.encode()
        return HttpAnswer(self.answer["status"], self.answer["headers"], body)

    @property
    def expected_reading(self):
        known = dict(self.reading)
        known["status"] = Status(known["status"])
        if "error" in known:
            known["error"] = JobError(**known["error"])
        known["history"] = tuple(
            Moment(Status(status), word, time(at)) for status, word, at in known.get("history", ())
        )
        known["steps"] = tuple(Step(*step) for step in known.get("steps", ()))
        return Reading(**known | {name: time(known[name]) for name in _TIMES if name in known})

    @property
    def expected_absent(self):
        return Absent(**{"http_status": self.answer["status"]} | self.absent)

    def __str__(self):
        return f"{self.provider}/{self.name}"


def new_job(provider="scenario", kind="job", remote_id="remote-1", **changes):
    """A job that was registered at `NOW`."""
    times = {"created_at": NOW, "updated_at": NOW, "next_poll_at": NOW, "timeout_at": NOW + timedelta(days=1)}
    return Job(
        **{"id": "job_1", "account": "default", "run": 1} | times | changes,
        provider=provider,
        kind=kind,
        remote_id=remote_id,
    )


def time(text):
    return datetime.fromisoformat(text)


def cases_of(provider):
    """The recorded answers of a provider, by the names of their files."""
    paths = sorted((FOLDER / provider).glob("*.json"))
    return [Case(provider, path.stem, **_read(path)) for path in paths if path.name != _ACCOUNT]


def account_of(provider):
    """The fake account of a provider: its environment, and the headers that its requests must have."""
    return _read(FOLDER / provider / _ACCOUNT)


def provider_of(name):
    """The provider with its fake account."""
    return Catalog([DESCRIPTIONS[name]], account_of(name)["environment"]).find(name)


def _read(path):
    return orjson.loads(path.read_bytes())


CASES = [case for name in sorted(DESCRIPTIONS) for case in cases_of(name)]
CASES_BY_KIND = {
    (name, kind): [case for case in CASES if (case.provider, case.kind) == (name, kind)]
    for name, described in DESCRIPTIONS.items()
    for kind in described.kinds
}
