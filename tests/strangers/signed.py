"""Deliveries of a real service, signed in every way there is, as a receiver on loopback got them."""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.conftest import Clock
from tests.flow import fetch, live, register
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import scenario_scripts
from tracker.demo.stage import set_up
from tracker.rules.payload import LARGEST_FULL_BODY
from tracker.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.demo.stage import Stage

SHORTEST = "whsec_" + base64.b64encode(bytes(range(24))).decode()
LONGEST = "whsec_" + base64.b64encode(bytes(range(192, 256))).decode()
LARGE = {"note": "ü" * LARGEST_FULL_BODY}

SUBSCRIPTIONS: Mapping[str, Mapping[str, Any]] = {
    "one secret": {},
    "the shortest secret": {"secret": SHORTEST},
    "the longest secret": {"secret": LONGEST},
    "two secrets": {},
    "ed25519 beside one secret": {"signatures": ["v1", "v1a"]},
    "ed25519 beside two secrets": {"signatures": ["v1", "v1a"]},
    "a thin payload": {"payload": "thin"},
    "a second try": {},
    "custom headers": {"headers": {"authorization": "Bearer xyz", "user-agent": "another"}},
}
MODES = (*SUBSCRIPTIONS, "the callback of a job", "a truncated payload")


@dataclass(frozen=True)
class Signed:
    """A delivery as it came in, the secrets that verify it (each of them), and one that does not."""

    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...]
    public_key: str | None
    stale: str = "whsec_" + base64.b64encode(b"stale" * 6).decode()


async def collect() -> dict[str, Signed]:
    """A delivery of each mode. They are signed at the present: verifiers look at the clock on the wall."""
    clock = Clock(datetime.now(UTC))
    counter = itertools.count(1)
    surroundings = Surroundings(now=clock, jitter=lambda: 0.5, entropy=lambda size: next(counter).to_bytes(size, "big"))
    overrides = {"TRACKER_ENCRYPTION_KEY": base64.b64encode(bytes(range(32))).decode()}
    async with set_up(surroundings, overrides=overrides, is_ticking=False, is_learning=False) as stage:
        secrets = {mode: await _subscribe(stage, mode, body) for mode, body in SUBSCRIPTIONS.items()}
        callback = (await fetch(stage, "/v1/callback-secret"))["secret"]
        secrets |= dict.fromkeys(("the callback of a job", "a truncated payload"), (callback,))
        stage.inbox.misbehave(Mischief.SERVER_ERROR, path=_path_of("a second try"))
        await _end_jobs(stage)
        await live(stage, clock, 20)
        (key,) = (await fetch(stage, "/.well-known/tracker-webhook-keys"))["keys"]
        return {mode: _signed(stage, mode, secrets[mode], key["public_key"]) for mode in MODES}


def _path_of(mode: str) -> str:
    return "/" + mode.replace(" ", "-")


async def _subscribe(stage: Stage, mode: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    """Makes a subscription, rotates it where the mode says so, and returns the secrets that sign."""
    address = {"callback_url": stage.callbacks + _path_of(mode), "kinds": ["job"], "tags": ["small"]}
    made = (await stage.client.post("/v1/subscriptions", json=address | body)).json()
    secrets = [made["secret"]]
    if "two secrets" in mode:
        rotated = await stage.client.post(f"/v1/subscriptions/{made['id']}/rotate-secret", json={"grace_seconds": 3600})
        secrets.insert(0, rotated.json()["secret"])
    for secret in secrets:
        stage.inbox.trust(secret, path=_path_of(mode))
    return tuple(secrets)


async def _end_jobs(stage: Stage) -> None:
    jobs = {"the callback of a job": {"tags": ["small", "ß"]}, "a truncated payload": {"metadata": LARGE}}
    for mode, more in jobs.items():
        name = _path_of(mode)[1:]
        stage.world.add("scenario", "job", scenario_scripts.success(2), job_id=name)
        await register(stage, provider="scenario", remote_id=name, **more)


def _signed(stage: Stage, mode: str, secrets: tuple[str, ...], public_key: str) -> Signed:
    arrivals = [arrival for arrival in stage.inbox.arrivals if arrival.path == _path_of(mode)]
    assert [arrival.error for arrival in arrivals] == [None] * (2 if mode == "a second try" else 1)
    last = arrivals[-1]
    return Signed(last.headers, last.body, secrets, public_key if "ed25519" in mode else None)
