"""Compose and Kubernetes run the service as it really behaves."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tracker.api.routes import CALLS
from tracker.looks import PATIENCE

from .files import DEPLOY, LONGEST_STOP, PORT, load_all, resource, text_of

YAML = sorted(path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob("*.y*ml"))
OPEN = {call.path for call in CALLS if call.method == "GET" and call.scope is None}


@pytest.mark.parametrize("name", YAML)
def test_yaml_is_parsed_and_says_nothing_twice(name):
    nodes = list(yaml.compose_all(text_of(name), Loader=yaml.SafeLoader))
    assert nodes
    for node in nodes:
        hold_to_single_keys(node)


def hold_to_single_keys(node):
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{keys} at {node.start_mark}"
        children = [value for _, value in node.value]
    else:
        children = node.value if isinstance(node, yaml.SequenceNode) else []
    for child in children:
        hold_to_single_keys(child)


def test_json_is_parsed():
    for path in DEPLOY.rglob("*.json"):
        assert json.loads(path.read_text("utf-8"))


@pytest.fixture
def pod():
    return resource("Deployment")["spec"]["template"]


@pytest.fixture
def container(pod):
    (container,) = pod["spec"]["containers"]
    return container


@pytest.fixture
def compose():
    (compose,) = load_all("compose.yaml")
    return compose


def test_kustomization_names_every_file():
    (kustomization,) = load_all("kubernetes/kustomization.yaml")
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert set(kustomization["resources"]) == files - {"kustomization.yaml"}


def test_probes_ask_open_routes_at_the_port_that_it_listens_on(container):
    (port,) = container["ports"]
    assert port == {"name": "http", "containerPort": PORT}
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: probe["path"] for name, probe in asked.items()} == {
        "startupProbe": "/healthz",
        # A restart helps nobody whose database is away.
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {probe["path"] for probe in asked.values()} <= OPEN
    assert {probe["port"] for probe in asked.values()} == {"http"}


def test_who_asks_whether_it_is_ready_waits_for_the_slowest_answer(container, compose):
    assert container["readinessProbe"]["timeoutSeconds"] > PATIENCE
    assert seconds(compose["services"]["tracker-1"]["healthcheck"]["timeout"]) > PATIENCE
    (proxy,) = re.findall(r"health_timeout (\S+)", text_of("caddy/Caddyfile"))
    assert seconds(proxy) > PATIENCE


def test_nobody_kills_it_while_it_stops(pod, container, compose):
    (_, wait) = container["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["spec"]["terminationGracePeriodSeconds"] >= int(wait) + LONGEST_STOP
    for name in ("tracker-1", "tracker-2"):
        assert seconds(compose["services"][name]["stop_grace_period"]) > LONGEST_STOP
    (unit,) = re.findall(r"^TimeoutStopSec=(\d+)$", text_of("systemd/tracker.service"), re.MULTILINE)
    assert int(unit) > LONGEST_STOP


def seconds(text):
    return float(text.removesuffix("s"))


def test_cluster_does_not_set_the_port_to_a_url(pod):
    assert resource("Service")["metadata"]["name"] == "tracker"
    assert pod["spec"]["enableServiceLinks"] is False


def test_pod_has_no_rights(pod, container):
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['spec']['securityContext']['runAsUser']}:" in text_of("Dockerfile")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_one_replica_goes_at_a_time_and_only_when_another_has_come():
    deployment = resource("Deployment")["spec"]
    assert deployment["replicas"] >= 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert resource("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_all_that_choose_pods_choose_these(pod):
    labels = pod["metadata"]["labels"].items()
    chosen = [
        resource("Deployment")["spec"]["selector"]["matchLabels"],
        resource("Service")["spec"]["selector"],
        resource("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        resource("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in pod["spec"]["topologySpreadConstraints"]),
    ]
    assert all(each and each.items() <= labels for each in chosen)


def test_proxy_and_prometheus_reach_every_replica(compose):
    replicas = {f"{name}:{PORT}" for name in compose["services"] if name.startswith("tracker-")}
    assert len(replicas) >= 2
    (upstreams,) = re.findall(r"reverse_proxy (.*?) \{", text_of("caddy/Caddyfile"))
    assert set(upstreams.split()) == replicas
    (prometheus,) = load_all("prometheus/prometheus.yml")
    (scraped, _) = prometheus["scrape_configs"]
    assert set(scraped["static_configs"][0]["targets"]) == replicas


def test_proxy_waits_longer_than_the_longest_wait():
    (longest,) = re.findall(r"response_header_timeout (\S+)", text_of("caddy/Caddyfile"))
    assert seconds(longest) > 300


def test_database_has_no_way_out(compose):
    assert compose["networks"]["database"] == {"internal": True}
    assert compose["services"]["postgres"]["networks"] == ["database"]
    assert "ports" not in compose["services"]["postgres"]
