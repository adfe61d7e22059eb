"""Alerts and dashboard ask for what the service really tells, and each alert has its place in the runbook."""

from __future__ import annotations

import json
import re
import shutil
from typing import get_args

import promql_parser
import pytest

from tests.scraping import families_of
from tracker.demo.simulators import scenario_scripts
from tracker.demo.stage import set_up
from tracker.rules.reading import ProblemCode

from ..flow import live, register
from .files import DEPLOY, load_all, run, text_of

(ALERTS,) = load_all("prometheus/alerts.yml")
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads(text_of("grafana/tracker.json"))
OF_PROMETHEUS = {"up": {"job", "instance"}, "probe_success": {"job", "instance"}}
"""What Prometheus and the blackbox exporter tell of a target."""

VARIABLES = {"$__rate_interval": "5m", "$job": "tracker", "$instance": "a", "$provider": "fal"}
ADDED = {"job", "instance", "le"}


def selectors(expression):
    """What an expression selects: names and their labels."""
    found = []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node.name, {matcher.name: matcher.value for matcher in node.matchers.matchers}))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def dashboard_expressions():
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    asked += [each["expr"] for each in DASHBOARD["annotations"]["list"] if "expr" in each]
    variables = [each["definition"] for each in DASHBOARD["templating"]["list"] if "definition" in each]
    asked += [re.fullmatch(r"label_values\((.+), \w+\)", query)[1] for query in variables]
    return [re.sub(r"\$\w+", lambda found: VARIABLES[found[0]], expression) for expression in asked]


EXPRESSIONS = [*(rule["expr"] for rule in RULES), *dashboard_expressions()]


@pytest.fixture
async def told(surroundings, clock):
    """Every sample name that a service has told of after a job's life, with its labels."""
    async with set_up(surroundings, is_ticking=False, is_learning=False) as stage:
        stage.world.add("scenario", "job", scenario_scripts.success(2.9), job_id="r1")
        await register(stage, provider="scenario", remote_id="r1")
        await live(stage, clock, 60)
        families = await families_of(stage.client)
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


async def test_everything_that_is_asked_for_is_told(told):
    assert len(EXPRESSIONS) > 50
    known = {name: labels | ADDED for name, labels in told.items()} | OF_PROMETHEUS
    for expression in EXPRESSIONS:
        for name, matchers in selectors(expression):
            assert name in known, expression
            assert matchers.keys() <= known[name], expression


async def test_everything_that_is_told_is_on_the_dashboard(told):
    shown = {name for expression in dashboard_expressions() for name, _ in selectors(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told if name.startswith("tracker_")}
    assert families - {re.sub(r"_bucket$", "", name) for name in shown} == set()


def test_outcomes_that_alerts_name_are_words_of_the_service():
    matched = [matchers for rule in RULES for _, matchers in selectors(rule["expr"])]
    named = {matchers["outcome"] for matchers in matched if "outcome" in matchers}
    assert named <= {"ok", *get_args(ProblemCode)}
    assert "unknown_status" in named


def test_alerts_ask_for_the_jobs_that_prometheus_scrapes():
    (prometheus,) = load_all("prometheus/prometheus.yml")
    scraped = {each["job_name"] for each in prometheus["scrape_configs"]}
    for rule in RULES:
        assert {matchers["job"] for _, matchers in selectors(rule["expr"])} <= scraped


def test_every_alert_says_how_bad_it_is_and_where_to_read_on():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    headings = {anchor(line) for line in re.findall(r"^#+ (.+)$", text_of("RUNBOOK.md"), re.MULTILINE)}
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        file, _, place = rule["annotations"]["runbook_url"].partition("#")
        assert (file, place) == ("deploy/RUNBOOK.md", rule["alert"].lower())
        assert place in headings


def anchor(heading):
    """What a heading is linked to by."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_alert_is_tried():
    (tests,) = load_all("prometheus/alerts_test.yml")
    tried = [each for test in tests["tests"] for each in test.get("alert_rule_test", ()) if each["exp_alerts"]]
    assert {each["alertname"] for each in tried} == {rule["alert"] for rule in RULES}


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool; it comes with Prometheus (apt-get install prometheus)")
@pytest.mark.parametrize(
    "command",
    [
        ["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
        ["check", "config", "--syntax-only", "prometheus.yml"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_prometheus_itself_agrees(command):
    done = run(PROMTOOL, *command, cwd=DEPLOY / "prometheus")
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_lie_side_by_side_and_are_numbered():
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_dashboard_asks_the_data_source_that_is_chosen():
    sources = {str(target["datasource"]) for panel in panels() for target in (panel, *panel["targets"])}
    assert sources == {"{'type': 'prometheus', 'uid': '${datasource}'}"}
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval", "__all"}
    assert used == names
