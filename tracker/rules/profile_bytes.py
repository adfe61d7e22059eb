"""A profile as bytes, at most LARGEST of them, and back. What is damaged, or of another version, is refused."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from tracker.rules.belief import EXPERTS, KERNELS, REMEMBERED, Belief
from tracker.rules.profile import Profile
from tracker.rules.progress import Gauge

if TYPE_CHECKING:
    from tracker.rules.lognormal import Floats

LARGEST = 4096
VERSION = 1
"""To be raised with every change of what the numbers mean."""

_HEAD = struct.Struct("<BxHI")
_COUNTS = struct.Struct("<IHBB")
_ROUNDING = 1e-4
_FIXED = 2 * EXPERTS + EXPERTS + KERNELS + 3 + 1


class ProfileError(ValueError):
    """Bytes that are no profile of this version; the message says why."""


def profile_to_bytes(profile: Profile) -> bytes:
    """The profile with its numbers in single precision."""
    gauge = profile.gauge
    beliefs = (profile.whole, profile.queue, profile.run, profile.failure, gauge.early, gauge.late)
    shares = [profile.failed, profile.queued, profile.timed, gauge.power, gauge.evidence, gauge.trust]
    body = struct.pack("<I6f", profile.jobs, *shares) + b"".join(_belief_to_bytes(belief) for belief in beliefs)
    return _HEAD.pack(VERSION, len(body), zlib.crc32(body)) + body


def profile_from_bytes(data: bytes) -> Profile:
    """The profile out of its bytes. Raises ProfileError."""
    body = _checked_body(data)
    try:
        jobs, failed, queued, timed, power, evidence, trust = struct.unpack_from("<I6f", body)
        whole, queue, run, failure, early, late = _beliefs(body, struct.calcsize("<I6f"))
    except (struct.error, ValueError) as error:
        raise ProfileError(f"The profile is damaged: {error}.") from error
    _check([failed, queued, timed, power, evidence, trust])
    gauge = Gauge(power, evidence, early, late, trust)
    return Profile(whole, queue, run, failure, gauge, jobs, failed, queued, timed)


def profile_or(data: bytes | None, otherwise: Profile) -> Profile:
    """The profile out of its bytes, or `otherwise` where there are none or they are refused."""
    try:
        return profile_from_bytes(data) if data else otherwise
    except ProfileError:
        return otherwise


def _checked_body(data: bytes) -> bytes:
    if len(data) < _HEAD.size or data[0] != VERSION:
        raise ProfileError(f"The profile is not of version {VERSION}.")
    _, length, checksum = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if len(body) != length or zlib.crc32(body) != checksum:
        raise ProfileError(f"The profile is damaged: its {len(body)} bytes do not match its checksum.")
    return body


def _belief_to_bytes(belief: Belief) -> bytes:
    numbers = [belief.centres, belief.doubts, belief.weights, belief.groups, np.array([belief.home])]
    numbers += [belief.lows, belief.highs, belief.marks]
    counts = _COUNTS.pack(belief.seen, 0, len(belief.marks), belief.room)
    return counts + np.concatenate(numbers).astype("<f4").tobytes()


def _beliefs(body: bytes, at: int) -> list[Belief]:
    """The beliefs behind the position `at`, which fill the rest."""
    beliefs = []
    while at < len(body):
        seen, _, marks, room = _COUNTS.unpack_from(body, at)
        numbers = np.frombuffer(body, "<f4", _FIXED + 3 * marks, at + _COUNTS.size).astype(np.float64)
        at += _COUNTS.size + 4 * len(numbers)
        if marks > room or room > REMEMBERED:
            raise ValueError(f"{marks} marks in a room of {room}")
        beliefs.append(_belief(numbers, seen, marks, room))
    return beliefs


def _belief(numbers: Floats, seen: int, marks: int, room: int) -> Belief:
    _check(numbers)
    sizes = [EXPERTS, EXPERTS, EXPERTS + KERNELS, 3, 1, marks, marks, marks]
    centres, doubts, weights, groups, home, lows, highs, places = np.split(numbers, np.cumsum(sizes)[:-1])
    for shares in (weights[:EXPERTS], weights[EXPERTS:], groups):
        if (shares < 0).any() or abs(shares.sum() - 1.0) > _ROUNDING:
            raise ProfileError("The profile is damaged: it has shares that are no distribution.")
    return Belief(centres, doubts, weights, groups, lows, highs, places, float(home[0]), seen, room)


def _check(numbers: Floats | list[float]) -> None:
    if not np.isfinite(numbers).all():
        raise ProfileError("The profile is damaged: it has a number that is not finite.")
