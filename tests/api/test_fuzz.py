"""Whatever is sent, no call fails, and each answers as the document says."""

import shutil

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tracker.api.openapi import document_of
from tracker.api.routes import CALLS
from tracker.settings import Settings

from .conftest import CREDENTIALS
from .fuzzed import running
from .steps import KEY, PUBLIC_URL

USUAL = {
    "track_job": {"provider": "decart", "account": "default", "poll_after": None}
    | dict.fromkeys(("kind", "callback_url", "events")),
    "create_subscription": {"callback_url": PUBLIC_URL, "providers": [], "headers": {}}
    | dict.fromkeys(("events", "secret")),
}
"""What no document can say: which providers are described, say, or which URLs may be called."""
STREAM = "stream_events"
"""It has no end, so it is asked to go on at a place that does not exist, and refuses; its answers: test_stream."""
NEVER_CHECKED = [positive_data_acceptance]
"""What fits the document may be refused, for the same reason."""
NOT_CHECKED = {"track_jobs": [*NEVER_CHECKED, negative_data_rejection]}
"""A batch is answered 200 though its jobs be refused: each is answered by itself."""
CONFIG = SchemathesisConfig.from_dict({"auth": {"openapi": {"key": {"bearer": KEY}}}})
SCHEMA = schemathesis.openapi.from_dict(document_of(CALLS), config=CONFIG)


@pytest.fixture(scope="module")
def served(tmp_path_factory, new_database):
    path = tmp_path_factory.mktemp("fuzz") / "tracker.db"
    shutil.copy(new_database, path)
    environ = {"TRACKER_DATABASE_URL": f"sqlite:///{path}", "TRACKER_API_KEY": KEY, "TRACKER_RATE_LIMIT": "0"}
    with running(Settings.from_environment(environ | CREDENTIALS)) as served:
        yield served


@SCHEMA.parametrize()
# A machine that has much else to do is no fault.
@settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_call_answers_as_the_document_says(case, served):
    url, ids = served
    name = case.operation.definition.raw["operationId"]
    if name == STREAM:
        case.query = (case.query or {}) | {"after": "?"}
    elif case.meta.generation.mode is GenerationMode.POSITIVE:
        lead_somewhere(case, name, ids)
    case.call_and_validate(base_url=url, timeout=60, excluded_checks=NOT_CHECKED.get(name, NEVER_CHECKED))


def lead_somewhere(case, name, ids):
    """Makes a path lead to what there is (but for what would take that away), and a body tell what can be done."""
    noun = case.path.removeprefix("/v1/").partition("/")[0]
    if case.method != "DELETE" and case.path_parameters:
        case.path_parameters = {each: ids.get(each, ids.get(noun)) for each in case.path_parameters}
    if name in USUAL:
        case.body = case.body | USUAL[name]
