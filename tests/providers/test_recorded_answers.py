"""The contract of every description: its recorded answers cover it, and each is asked for and read as it should be.

A new `tracker/providers/<name>.toml` is found by itself, and wants its answers in `tests/providers/<name>/`.
"""

import orjson
import pytest

from store.records import Status
from tracker.providers.conditions import fitting_rule
from tracker.providers.description import Kind, parse_description
from tracker.providers.interpret import parsed
from tracker.providers.pointer import Nothing, resolve
from tracker.rules.reading import Problem

from .cases import (
    CASES,
    CASES_BY_KIND,
    DESCRIPTIONS,
    FOLDER,
    NOW,
    PAGES,
    Case,
    PageCase,
    account_of,
    cases_of,
    pages_of,
    provider_of,
    reading_of,
)

PROVIDERS = sorted(DESCRIPTIONS)
KINDS = sorted(CASES_BY_KIND)
USUAL_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "tracker"}


def words_of(kind: Kind):
    """The status words of a kind, as they are compared, and ours for each."""
    if kind.status is None:
        return {}
    return {kind.status.folded(word): status.value for status in Status for word in getattr(kind.status, status.value)}


def uncovered_words(kind: Kind, cases):
    """The words that no reading of these cases has been translated from."""
    readings = [case.reading for case in cases if case.reading] if kind.status else []
    covered = {(kind.status.folded(reading["provider_status"]), reading["status"]) for reading in readings}
    return {word for word, status in words_of(kind).items() if (word, status) not in covered}


def pointers_of(kind: Kind):
    """Every pointer of a kind, from the top of an answer."""
    yield from (*kind.id, *kind.output.values(), *kind.hints.until, *kind.hints.seconds)
    if kind.status:
        yield from kind.status.pointers
    if kind.progress:
        yield from (kind.progress.pointer, kind.progress.total)
    if kind.error:
        yield from (*kind.error.message, kind.error.hint, kind.error.code)
    yield from (kind.times.created, kind.times.started, kind.times.finished)
    if kind.history:
        yield from (f"{kind.history.items}/*{pointer}" for pointer in (kind.history.status, kind.history.at))
    if kind.steps:
        yield from (f"{kind.steps.items}/*{pointer}" for pointer in (kind.steps.id, kind.steps.type, kind.steps.status))
        if kind.steps.approval:
            yield f"{kind.steps.items}/*{kind.steps.approval.depends_on}"


def unfitted_rules(kind: Kind, cases):
    """The rules that none of these answers fits."""
    fitted = []
    for case in cases:
        answer = case.http_answer
        document = Nothing if kind.ignore_body else parsed(answer)
        fitted.append(fitting_rule(kind.rules, answer.status, document, is_empty=not answer.body))
    return [rule for rule in kind.rules if not any(rule is one for one in fitted)]


def unused_pointers(kind: Kind, cases):
    """The pointers that lead nowhere in all of these cases."""
    bodies = [case.answer["json"] for case in cases if "json" in case.answer]
    wanted = {pointer for pointer in pointers_of(kind) if pointer is not None}
    return {pointer for pointer in wanted if all(resolve(body, pointer) in (None, "", []) for body in bodies)}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_has_recorded_answers_and_a_fake_account(provider):
    assert cases_of(provider), f"record answers of {provider} in tests/providers/{provider}/"
    assert account_of(provider).keys() == {"environment", "headers"}
    assert account_of(provider)["environment"].keys() == set(DESCRIPTIONS[provider].variables().values())


def test_every_folder_of_answers_belongs_to_a_provider():
    assert {path.parent.name for path in FOLDER.glob("*/*.json")} <= set(PROVIDERS)


@pytest.mark.parametrize(("provider", "kind"), KINDS)
def test_every_status_word_is_covered_by_a_recorded_answer(provider, kind):
    assert not uncovered_words(DESCRIPTIONS[provider].kinds[kind], CASES_BY_KIND[provider, kind])


@pytest.mark.parametrize(("provider", "kind"), KINDS)
def test_every_rule_is_fitted_by_a_recorded_answer(provider, kind):
    assert not unfitted_rules(DESCRIPTIONS[provider].kinds[kind], CASES_BY_KIND[provider, kind])


@pytest.mark.parametrize(("provider", "kind"), KINDS)
def test_a_word_that_nobody_knows_is_running_plus_a_flag(provider, kind):
    described = DESCRIPTIONS[provider].kinds[kind]
    known = described.status and described.status.status_of("a-word-of-next-year")
    assert known == (described.status and described.status.otherwise)
    assert known is None or not known.is_final


LISTED_KINDS = [(name, kind) for name, kind in KINDS if DESCRIPTIONS[name].kinds[kind].list]


@pytest.mark.parametrize(("provider", "kind"), LISTED_KINDS)
def test_every_list_has_a_recorded_page_with_a_row_that_is_read_and_one_with_a_next_page(provider, kind):
    pages = [page for page in pages_of(provider) if page.kind == kind]
    assert any(page.readings for page in pages), f"record a page of {provider}'s list as page-….json"
    wanted = DESCRIPTIONS[provider].kinds[kind].list
    assert any(page.next_page for page in pages) == bool(wanted.next_page or wanted.next_url)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_of_a_list_is_asked_for_as_the_provider_wants(page: PageCase):
    request = provider_of(page.provider).list_request(page.jobs, page.page)
    wanted = DESCRIPTIONS[page.provider].kinds[page.kind].list
    assert (request.method, request.url) == (wanted.method, page.url)
    assert (orjson.loads(request.content) if request.content else None) == page.body


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_of_a_list_is_read(page: PageCase):
    found = provider_of(page.provider).read_page(page.jobs, page.http_answer, NOW)
    assert found.readings == {f"job_{id_}": reading_of(reading) for id_, reading in (page.readings or {}).items()}
    assert found.insufficient == {f"job_{id_}" for id_ in page.insufficient}
    assert found.missing == set(page.missing)
    assert found.next_page == page.next_page
    assert (found.problem and found.problem.code) == (page.problem and page.problem["code"])


@pytest.mark.parametrize(("provider", "kind"), KINDS)
def test_every_pointer_of_a_description_leads_to_something_in_a_recorded_answer(provider, kind):
    assert not unused_pointers(DESCRIPTIONS[provider].kinds[kind], CASES_BY_KIND[provider, kind])


@pytest.mark.parametrize(("provider", "kind"), KINDS)
def test_every_output_of_a_description_is_in_a_recorded_reading(provider, kind):
    described = DESCRIPTIONS[provider].kinds[kind]
    shown = {
        name for case in CASES_BY_KIND[provider, kind] if case.reading for name in case.reading.get("output") or ()
    }
    assert described.output.keys() | described.result_urls.keys() <= shown


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_job_is_asked_for_as_the_provider_wants(case: Case):
    request = provider_of(case.provider).request(case.job)
    assert (request.method, request.url, request.content) == ("GET", case.url, b"")
    assert request.wants_body != DESCRIPTIONS[case.provider].kinds[case.kind].ignore_body
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers == USUAL_HEADERS | account_of(case.provider)["headers"]


@pytest.mark.parametrize("case", [case for case in CASES if case.reading], ids=str)
def test_an_answer_about_the_job_is_read(case: Case):
    assert provider_of(case.provider).read(case.job, case.http_answer, NOW) == case.expected_reading


@pytest.mark.parametrize("case", [case for case in CASES if case.problem], ids=str)
def test_an_answer_that_teaches_nothing_is_a_problem(case: Case):
    answer = provider_of(case.provider).read(case.job, case.http_answer, NOW)
    assert isinstance(answer, Problem)
    assert (answer.code, answer.http_status) == (case.problem["code"], case.answer["status"])
    assert answer.retry_after == case.problem.get("retry_after")
    assert answer.message


@pytest.mark.parametrize("case", [case for case in CASES if case.absent], ids=str)
def test_an_answer_that_knows_no_such_job_says_it_is_absent(case: Case):
    assert provider_of(case.provider).read(case.job, case.http_answer, NOW) == case.expected_absent


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_recorded_answer_expects_one_thing(case: Case):
    assert [case.reading, case.problem, case.absent].count(None) == 2


NEW_PROVIDER = """
    name = "new"
    title = "New"
    base_url = "https://api.new.example"
    auth = { scheme = "none" }
    [kinds.job]
    path = "/jobs/{id}"
    status = { pointers = ["/state"], fold_case = true, running = ["Busy"], succeeded = ["Done"] }
    output = { file = "/file" }
    timing = { interval = 5 }
"""


def new_case(status, word, **body):
    answer = {"status": 200, "headers": {}, "json": {"state": word} | body}
    return Case("new", "case", "job", "1", "", answer, reading={"status": status, "provider_status": word})


def test_a_description_without_answers_is_told_its_words_and_pointers():
    kind = parse_description(NEW_PROVIDER, "new.toml").kinds["job"]
    assert uncovered_words(kind, []) == {"busy", "done"}
    assert unused_pointers(kind, []) == {"/state", "/file"}


def test_a_word_is_covered_by_an_answer_with_the_status_that_the_description_gives_it():
    kind = parse_description(NEW_PROVIDER, "new.toml").kinds["job"]
    assert uncovered_words(kind, [new_case("running", "BUSY"), new_case("failed", "Done")]) == {"done"}
    assert unused_pointers(kind, [new_case("succeeded", "Done", file="https://…")]) == set()
