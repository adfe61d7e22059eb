"""What is believed of a duration: a Bayesian mixture over its logarithm that learns from intervals.

Three groups of normals in ln(seconds) share the belief:
- experts of fixed widths, which track their centres by assumed-density filtering (the exact mean and variance of the
  centre given the interval, then taken for normal): for each width one that is slow to drift and one that is quick;
- kernels around the last durations, for shapes that no expert has, with a long and a short memory;
- one broad component, which rules nothing out and never vanishes.
Inside a group the weights follow the predictive likelihood with a fixed share (Herbster & Warmuth 1998); the groups'
shares are learned as those of a mixture, because a key can have several sorts of jobs at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tracker.rules.lognormal import TINY, Floats, Normals, mass_within, moments_within, points, survival

_SIGMAS = 0.01 * 1.7 ** np.arange(10)
WIDTHS = np.concatenate([_SIGMAS, _SIGMAS])
"""Standard deviations of the experts in ln(seconds): the slow ones, then the quick ones."""
DRIFTS = np.concatenate([0.03 * _SIGMAS, 0.4 * _SIGMAS]) ** 2
"""Variance that an expert's centre gains with each job."""
BANDWIDTHS = np.array([0.015, 0.05, 0.15])
"""Standard deviations of the kernels."""
MEMORIES = np.array([40.0, 4.0])
"""After how many jobs a kernel counts 1/e of what it did."""
REMEMBERED = 56
"""Durations that the kernels stand on."""
BROAD_WIDTH = 2.0
LEAST_BROAD = 0.002
"""The smallest share of the broad component."""

EXPERTS = len(WIDTHS)
KERNELS = len(BANDWIDTHS) * len(MEMORIES)
_LEAST = np.array([0.02, 0.02, LEAST_BROAD])
_FIRST_GROUPS = np.array([0.65, 0.25, 0.10])
_KERNELS_AT_LEAST = 0.55
_SHARING = 0.008
_SLOWEST = 0.03
_EXACT = 1e-3
"""A duration that is known exactly is taken for known within this share of it."""
_SHORTEST = 1e-3
"""Seconds; what is shorter counts as this."""
_EM_STEPS = 30
_EXPERTS_COUNT_AS = 2.0
_GOLDEN = 0.6180339887498949


def _first_weights() -> Floats:
    """Most kinds of jobs spread by a tenth to a half."""
    experts = np.exp(-0.5 * ((np.log(WIDTHS) - math.log(0.25)) / 1.2) ** 2)
    return np.concatenate([experts / experts.sum(), np.full(KERNELS, 1.0 / KERNELS)])


_FIRST_WEIGHTS = _first_weights()


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """The state of the mixture; all of it in ln(seconds).

    `centres` and `doubts` (the variances of the centres) are the experts'. `weights` are those of the experts (sum 1),
    then of the kernels (sum 1), a bandwidth's memories side by side. `groups` are the shares of experts, kernels and
    broad component (sum 1). `lows` and `highs` bound the last durations, oldest first, as many as `room` has place
    for; `marks` are where in between they are taken to be. `home` is the broad component's centre. `seen` counts jobs.
    """

    centres: Floats
    doubts: Floats
    weights: Floats
    groups: Floats
    lows: Floats
    highs: Floats
    marks: Floats
    home: float
    seen: int
    room: int


def first_belief(typical: float, uncertainty: float, room: int = REMEMBERED) -> Belief:
    """The belief before any job: about `typical` seconds, give or take a factor of exp(`uncertainty`)."""
    centre, none = math.log(typical), np.empty(0)
    centres, doubts = np.full(EXPERTS, centre), np.full(EXPERTS, uncertainty**2)
    return Belief(centres, doubts, _FIRST_WEIGHTS, _FIRST_GROUPS, none, none, none, centre, 0, room)


def normals(belief: Belief) -> Normals:
    """The whole belief as one mixture: the experts first, the broad component last."""
    by_mark = belief.weights[EXPERTS:].reshape(len(BANDWIDTHS), -1) @ _memory(len(belief.marks))
    parts = [belief.groups[0] * belief.weights[:EXPERTS], belief.groups[1] * by_mark.ravel(), belief.groups[2:]]
    shares = np.concatenate(parts)
    centres = np.concatenate([belief.centres, np.tile(belief.marks, len(BANDWIDTHS)), np.array([belief.home])])
    kernels = np.repeat(BANDWIDTHS, len(belief.marks))
    widths = np.concatenate([_expert_widths(belief), kernels, np.array([BROAD_WIDTH])])
    return Normals(shares / shares.sum(), centres, widths)


def learned(belief: Belief, after: float, by: float) -> Belief:
    """The belief once a job took more than `after` and at most `by` seconds (infinity: it was not seen to end)."""
    low, high = _logs(after, by)
    known = _weighed(_tracked(belief, low, high), belief, low, high)
    if math.isinf(high) or not belief.room:
        return known
    return _placed(_restarted(_remembered(known, low, high)))


def widened(belief: Belief, uncertainty: float, jobs: int) -> Belief:
    """The belief for a relative: the same, but off by a factor of exp(`uncertainty`), and from `jobs` jobs at most."""
    kept = slice(max(len(belief.marks) - jobs, 0), None)
    return replace(
        belief,
        doubts=belief.doubts + uncertainty**2,
        weights=0.5 * (belief.weights + _FIRST_WEIGHTS),
        groups=0.5 * (belief.groups + _FIRST_GROUPS),
        lows=belief.lows[kept],
        highs=belief.highs[kept],
        marks=belief.marks[kept],
        seen=min(belief.seen, jobs),
    )


def _logs(after: float, by: float) -> tuple[float, float]:
    """The interval in ln(seconds), never narrower than an exact duration is."""
    low = math.log(max(after, _SHORTEST))
    if math.isinf(by):
        return low, by
    high = max(math.log(max(by, _SHORTEST)), low)
    return (low, high) if high - low > 2 * _EXACT else (high - 2 * _EXACT, high + _EXACT)


def _expert_widths(belief: Belief) -> Floats:
    return np.asarray(np.sqrt(WIDTHS**2 + belief.doubts))


def _memory(count: int) -> Floats:
    """How much each of `count` marks counts, oldest first: a row per memory, with sum 1."""
    rows = np.exp(-np.arange(count)[::-1] / MEMORIES[:, None])
    return np.asarray(rows / rows.sum(axis=1, keepdims=True)) if count else rows


def _broad_mass(belief: Belief, low: float, high: float) -> float:
    return float(mass_within(np.array([belief.home]), np.array([BROAD_WIDTH]), low, high)[0])


def _kernel_masses(belief: Belief, low: float, high: float) -> Floats:
    """The mass of each kernel in the interval; without marks they know nothing."""
    masses = mass_within(belief.marks, BANDWIDTHS[:, None], low, high)
    return np.asarray((masses @ _memory(len(belief.marks)).T).ravel())


def _tracked(belief: Belief, low: float, high: float) -> Belief:
    """Moves the experts' centres; what an expert takes for an outlier hardly moves it."""
    widths = _expert_widths(belief)
    mass = mass_within(belief.centres, widths, low, high)
    mean, variance = moments_within(belief.centres, widths, low, high)
    own = mass / (mass + belief.groups[2] * _broad_mass(belief, low, high) + TINY)
    gain = own * belief.doubts / widths**2
    doubts = belief.doubts * (1.0 - gain) + gain**2 * variance + DRIFTS
    return replace(belief, centres=belief.centres + gain * (mean - belief.centres), doubts=doubts)


def _weighed(moved: Belief, before: Belief, low: float, high: float) -> Belief:
    """Shares and weights of `moved` after what each component of `before` gave the interval."""
    experts = mass_within(before.centres, _expert_widths(before), low, high)
    kernels = _kernel_masses(before, low, high)
    masses = [before.weights[:EXPERTS] @ experts, before.weights[EXPERTS:] @ kernels, _broad_mass(before, low, high)]
    parts = before.groups * np.array(masses)
    others = parts.sum() - parts + TINY
    posterior = [
        before.weights[:EXPERTS] * (before.groups[0] * experts + others[0]),
        before.weights[EXPERTS:] * (before.groups[1] * kernels + others[1]),
    ]
    weights = np.concatenate([weights / weights.sum() for weights in posterior])
    return replace(
        moved,
        weights=(1.0 - _SHARING) * weights + _SHARING * _FIRST_WEIGHTS,
        groups=_groups(before, parts / (parts.sum() + TINY)),
        seen=before.seen + 1,
    )


def _groups(belief: Belief, parts: Floats) -> Floats:
    """The shares of the groups, a step nearer to their `parts` in the last job.

    Kernels keep a share that grows with their marks: that another sort of jobs exists shows in few polls, and what
    the experts make of the others would explain it away.
    """
    rate = max(1.0 / (belief.seen + 3.0), _SLOWEST)
    marks = len(belief.marks)
    least = np.maximum(_LEAST, [0.0, _KERNELS_AT_LEAST * marks / (marks + 16.0), 0.0])
    groups = np.maximum(belief.groups + rate * (parts - belief.groups), least)
    return np.asarray(groups / groups.sum())


def _remembered(belief: Belief, low: float, high: float) -> Belief:
    middle = 0.5 * (max(low, high - 1.0) + high)
    rate = max(1.0 / belief.seen, 0.02)
    return replace(
        belief,
        lows=np.append(belief.lows, low)[-belief.room :],
        highs=np.append(belief.highs, high)[-belief.room :],
        marks=np.append(belief.marks, middle)[-belief.room :],
        home=belief.home + rate * (middle - belief.home),
    )


def _restarted(belief: Belief) -> Belief:
    """Experts that lost touch start again around the last durations."""
    recent = belief.marks[-4:]
    if len(recent) < 4:
        return belief
    lost = belief.weights[:EXPERTS] < 1.5 * _SHARING * _FIRST_WEIGHTS[:EXPERTS]
    return replace(
        belief,
        centres=np.where(lost, recent.mean(), belief.centres),
        doubts=np.where(lost, recent.var() + WIDTHS**2, belief.doubts),
    )


def _placed(belief: Belief) -> Belief:
    """Each mark at a quantile of its interval under the self-consistent estimate of all intervals.

    That is Turnbull's (1976), drawn toward the experts, which count as a few jobs. The quantiles are spread evenly
    over the jobs (multiples of the golden ratio), so that the marks of like intervals show the shape within.
    """
    spots, mass = _self_consistent(belief)
    total = np.concatenate([[0.0], np.cumsum(mass + TINY)])
    below, above = np.interp(belief.lows, spots, total), np.interp(belief.highs, spots, total)
    turns = (_GOLDEN * (belief.seen - np.arange(len(belief.marks))[::-1])) % 1.0
    return replace(belief, marks=np.interp(below + turns * (above - below), total, spots))


def _self_consistent(belief: Belief) -> tuple[Floats, Floats]:
    """Spots in ln(seconds) and the mass between each two, by a few steps of expectation and maximisation."""
    base = _without_kernels(belief)
    spots = _spots(belief, base)
    start = -np.diff(survival(base, np.exp(spots))) + 1e-9
    start /= start.sum()
    inside = (spots[:-1] >= belief.lows[:, None]) & (spots[1:] <= belief.highs[:, None])
    covers = inside.astype(np.float64)
    memory = np.exp(-np.arange(len(belief.marks))[::-1] / MEMORIES[0])
    mass = start
    for _ in range(_EM_STEPS):
        told = memory / (covers @ mass + TINY)
        mass = (_EXPERTS_COUNT_AS * start + mass * (told @ covers)) / (_EXPERTS_COUNT_AS + memory.sum())
    return spots, mass


def _without_kernels(belief: Belief) -> Normals:
    shares = np.append(belief.groups[0] * belief.weights[:EXPERTS], belief.groups[2])
    centres, widths = np.append(belief.centres, belief.home), np.append(_expert_widths(belief), BROAD_WIDTH)
    return Normals(shares / shares.sum(), centres, widths)


def _spots(belief: Belief, base: Normals) -> Floats:
    experts = points(base, np.array([-1.5, -0.5, 0.5, 1.5]))
    lattice = np.linspace(max(belief.lows.min(), belief.home - 7.0), belief.highs.max(), 60)
    return np.unique(np.concatenate([lattice, belief.lows, belief.highs, experts]))
