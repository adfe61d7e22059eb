"""The recorded answers: what a provider answered, and what we must make of it.

`tests/providers/<provider>/account.json` holds fake credentials (`environment`) and the headers that carry them
(`headers`, with those of the description). Every other file there is one case: `kind`, `remote_id` and `params` of the
job, the `url` that asks for it, the `answer` (`status`, `headers`, and the body as `json` or as `text`), and one of
`reading`, `problem` and `absent`. What a reading does not name must be empty. `why` says what the case is there for.

A file named `page-….json` is a page of a kind's list: `remote_ids` of the jobs that are sought (all with `params`), the
`url` (and `body`) that asks for it (`page`: with this token), the `answer`, the `readings` by remote id, the remote ids
whose row is `insufficient` and those that are said to be `missing`, and the token or URL of the `next_page`.
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
_PAGE = "page-"
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
    etag: str | None = None

    @property
    def job(self):
        return new_job(self.provider, self.kind, self.remote_id, params=self.params or {}, etag=self.etag)

    @property
    def http_answer(self):
        return http_answer(self.answer)

    @property
    def expected_reading(self):
        return reading_of(self.reading)

    @property
    def expected_absent(self):
        return Absent(**{"http_status": self.answer["status"]} | self.absent)

    def __str__(self):
        return f"{self.provider}/{self.name}"


@dataclass(frozen=True)
class PageCase:
    """One recorded page of a list."""

    provider: str
    name: str
    kind: str
    remote_ids: list[str]
    url: str
    answer: dict[str, Any]
    body: Any = None
    params: dict[str, Any] | None = None
    page: str | None = None
    readings: dict[str, Any] | None = None
    insufficient: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    next_page: str | None = None
    problem: dict[str, Any] | None = None
    why: str | None = None

    @property
    def jobs(self):
        """The jobs that are sought; their ids are the remote ones with `job_` before them."""
        return [
            new_job(self.provider, self.kind, remote_id, id=f"job_{remote_id}", params=self.params or {})
            for remote_id in self.remote_ids
        ]

    @property
    def http_answer(self):
        return http_answer(self.answer)

    def __str__(self):
        return f"{self.provider}/{self.name}"


def http_answer(answer):
    known = {"status", "headers", "json", "text"}
    assert answer.keys() <= known, answer.keys() - known
    text = answer.get("text")
    body = orjson.dumps(answer["json"]) if text is None else text.encode()
    return HttpAnswer(answer["status"], answer["headers"], body)


def reading_of(recorded):
    known = dict(recorded)
    known["status"] = Status(known["status"])
    if "error" in known:
        known["error"] = JobError(**known["error"])
    known["history"] = tuple(Moment(Status(status), word, time(at)) for status, word, at in known.get("history", ()))
    known["steps"] = tuple(_step(*step) for step in known.get("steps", ()))
    return Reading(**known | {name: time(known[name]) for name in _TIMES if name in known})


def _step(id_, type_, status, depends_on=()):
    return Step(id_, type_, status, tuple(depends_on))


def new_job(provider="scenario", kind="job", remote_id="remote-1", **changes):
    """A job that was registered at `NOW`."""
    times = {"created_at": NOW, "updated_at": NOW, "next_poll_at": NOW, "timeout_at": NOW + timedelta(days=1)}
    return Job(
        **{"id": "job_1", "account": "default", "run": 1} | times | changes,
        provider=provider,
        kind=kind,
        remote_id=remote_id,
    )


def usual_job(provider, kind, remote_id="remote-1"):
    """A job of any kind, with the parameters of a recorded one."""
    recorded = CASES_BY_KIND[provider, kind]
    return new_job(provider, kind, remote_id, params=(recorded[0].params if recorded else None) or {})


def time(text):
    return datetime.fromisoformat(text)


def cases_of(provider):
    """The recorded answers of a provider, by the names of their files."""
    paths = sorted((FOLDER / provider).glob("*.json"))
    single = [path for path in paths if path.name != _ACCOUNT and not path.name.startswith(_PAGE)]
    return [Case(provider, path.stem, **_read(path)) for path in single]


def pages_of(provider):
    """The recorded pages of a provider's lists."""
    return [PageCase(provider, path.stem, **_read(path)) for path in sorted((FOLDER / provider).glob(f"{_PAGE}*.json"))]


def account_of(provider):
    """The fake account of a provider: its environment, and the headers that its requests must have."""
    return _read(FOLDER / provider / _ACCOUNT)


def provider_of(name):
    """The provider with its fake account."""
    return Catalog([DESCRIPTIONS[name]], account_of(name)["environment"]).find(name)


def _read(path):
    return orjson.loads(path.read_bytes())


CASES = [case for name in sorted(DESCRIPTIONS) for case in cases_of(name)]
PAGES = [page for name in sorted(DESCRIPTIONS) for page in pages_of(name)]
CASES_BY_KIND = {
    (name, kind): [case for case in CASES if (case.provider, case.kind) == (name, kind)]
    for name, described in DESCRIPTIONS.items()
    for kind in described.kinds
}
