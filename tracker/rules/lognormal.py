"""Mixtures of log-normal durations: survival, mass and moments of intervals, and the times worth a table.

All logarithms are natural, of seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

TINY = 1e-12
"""What takes the place of a probability that is too small to tell from nothing."""

_STEPS = 1000
_REACH = 8
_PHI = np.array(
    [0.5 * math.erfc(-step / _STEPS / math.sqrt(2)) for step in range(-_REACH * _STEPS, _REACH * _STEPS + 1)]
)
_FAR = 40.0
_NARROW = 0.1
_NEGLIGIBLE = 1e-5

_LATTICE = 80
_ALONG_LARGE = 240


@dataclass(frozen=True, slots=True, eq=False)
class Normals:
    """A mixture of normals of ln(seconds); the shares have the sum 1."""

    shares: Floats
    centres: Floats
    widths: Floats

    def at_least(self, share: float) -> Normals:
        """The components with at least this share, as they are."""
        kept = self.shares >= share
        return Normals(self.shares[kept], self.centres[kept], self.widths[kept])


def blended(first: Normals, second: Normals, share: float) -> Normals:
    """Both mixtures as one; `share` is the second's."""
    return Normals(
        np.concatenate([first.shares * (1.0 - share), second.shares * share]),
        np.concatenate([first.centres, second.centres]),
        np.concatenate([first.widths, second.widths]),
    )


def survival(mixture: Normals, seconds: Floats) -> Floats:
    """The probability that a duration exceeds each of `seconds`, which are above 0."""
    part = mixture.at_least(_NEGLIGIBLE)
    below = _cumulative((np.log(seconds)[:, None] - part.centres) / part.widths)
    return np.asarray(np.clip(1.0 - below @ part.shares, TINY, 1.0))


def density(mixture: Normals, logs: Floats) -> Floats:
    """The density over ln(seconds) at each of `logs`, up to a constant factor."""
    part = mixture.at_least(_NEGLIGIBLE)
    return np.asarray(_bell((logs[:, None] - part.centres) / part.widths) @ (part.shares / part.widths))


def mass_within(centres: Floats, widths: Floats, low: float, high: float) -> Floats:
    """The mass of each normal between `low` and `high`, never less than TINY."""
    a, b = _standardised(centres, widths, low, high)
    middle = 0.5 * (a + b)
    # Mirrored into the left tail, where differences keep their digits; the density serves where the table is coarse.
    sign = np.where(middle > 0, -1.0, 1.0)
    wide = np.abs(_cumulative(b * sign) - _cumulative(a * sign))
    return np.asarray(np.maximum(np.where(b - a < _NARROW, _bell(middle) * (b - a), wide), TINY))


def moments_within(centres: Floats, widths: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Mean and variance of each normal, given that it lies between `low` and `high`."""
    a, b = _standardised(centres, widths, low, high)
    mass = mass_within(centres, widths, low, high)
    at_a, at_b = _bell(a), _bell(b)
    shift = (at_a - at_b) / mass
    mean = np.clip(centres + widths * shift, low, high)
    return mean, widths**2 * np.clip(1.0 + (a * at_a - b * at_b) / mass - shift**2, 0.0, 1.0)


def tabulated(mixture: Normals, floor: float, longest: float, per_mass: float = 160.0) -> tuple[Floats, Floats]:
    """Times from 0 on that are worth considering for a poll, and the survival at each.

    They are a few hundred, dense where jobs end: `per_mass` of them over the whole probability.
    """
    times = _candidates(mixture, floor)
    left = survival(mixture, times)
    measure = -per_mass * left + 8.0 * np.log(times) - 0.075 * per_mass * np.log(np.maximum(left, 1e-4))
    # Within one longest gap there have to be some times to choose from.
    measure += np.minimum(4.0 * times / longest, 2.0 * per_mass)
    steps = np.maximum.accumulate(measure)
    chosen = np.unique(np.searchsorted(steps, np.arange(steps[0], steps[-1])))
    return np.concatenate([[0.0], times[chosen]]), np.concatenate([[1.0], left[chosen]])


def points(mixture: Normals, deviations: Floats) -> Floats:
    """The points of each component, in ln(seconds), that are so many of its deviations off its centre."""
    return np.asarray((mixture.centres[:, None] + mixture.widths[:, None] * deviations).ravel())


def _candidates(mixture: Normals, floor: float) -> Floats:
    """Points along the large components, one on each small one, and a lattice from the floor on."""
    large, every = mixture.at_least(0.01), mixture.at_least(1e-4)
    along = np.linspace(-3.2, 3.2, min(max(_ALONG_LARGE // max(len(large.shares), 1), 12), 80))
    logs = np.concatenate([points(large, along), points(every, np.array([0.5]))])
    low = math.log(floor)
    high = max(float(logs.max()), low + 1.0)
    return np.asarray(np.exp(np.unique(np.concatenate([logs[logs > low], np.linspace(low, high, _LATTICE)]))))


def _standardised(centres: Floats, widths: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    return np.clip((low - centres) / widths, -_FAR, _FAR), np.clip((high - centres) / widths, -_FAR, _FAR)


def _cumulative(deviations: Floats) -> Floats:
    """The standard normal distribution from a table, to three digits of each tail."""
    steps = np.clip(deviations * _STEPS + _REACH * _STEPS, 0, 2 * _REACH * _STEPS)
    return np.asarray(_PHI[steps.astype(np.intp)])


def _bell(deviations: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * deviations**2) / math.sqrt(2 * math.pi))
