"""Plots: every shape stays in its box, and nothing is drawn that is not there."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.plots import HEIGHT, STEP, count_top, curve, dots, line, span_top, stacked_bars, ticks, under

counts = st.integers(0, 10**6)
values = st.none() | st.floats(0, 1000)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def numbers(path):
    return [float(number) for number in NUMBER.findall(path)]


def bars(path):
    """Each bar of a path as (left, lower end, upper end)."""
    return [tuple(map(float, each)) for each in re.findall(r"M(\d+) ([\d.]+)V([\d.]+)h\d+V[\d.]+Z", path)]


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (0.3, 1), (1, 1), (2, 2), (3, 5), (6, 10), (10, 10), (11, 20), (499, 500), (501, 1000)]
)
def test_axis_of_counts_ends_at_a_round_number(most, top):
    assert count_top(most) == top


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 0.1), (0.1, 0.1), (0.15, 0.2), (4, 5), (45, 60), (61, 120), (86_400, 86_400), (90_000, 172_800)],
)
def test_axis_of_seconds_ends_at_a_round_span(most, top):
    assert span_top(most) == top


@given(st.floats(0, 10**12))
def test_axes_reach_the_greatest_value_and_not_much_further(most):
    assert most <= count_top(most) <= max(2.51 * most, 1)
    assert most <= span_top(most) <= max(3.1 * most, 0.1)


@given(st.lists(st.tuples(counts, counts, counts), min_size=1, max_size=20))
def test_stacked_bars_lie_on_each_other_and_tell_the_values(steps):
    layers = list(zip(*steps, strict=True))
    top = count_top(max(map(sum, steps)))
    floors = dict.fromkeys(range(len(steps)), float(HEIGHT))
    for layer, path in zip(layers, stacked_bars(layers, top), strict=True):
        drawn = {int(left) // STEP: (lower, upper) for left, lower, upper in bars(path)}
        assert drawn.keys() == {step for step, value in enumerate(layer) if value}
        for step, (lower, upper) in drawn.items():
            assert lower == pytest.approx(floors[step], abs=0.02)
            assert lower - upper == pytest.approx(layer[step] / top * HEIGHT, abs=0.02)
            floors[step] = upper
    assert all(0 <= floor <= HEIGHT for floor in floors.values())


@given(st.lists(values, max_size=30))
def test_line_goes_through_all_values_and_breaks_where_there_is_none(steps):
    path = line(steps, 1000)
    known = [step for step, value in enumerate(steps) if value is not None]
    assert numbers(path)[::2] == [step * STEP + STEP / 2 for step in known]
    assert path.count("M") == sum(step - 1 not in known for step in known)
    assert all(0 <= height <= HEIGHT for height in numbers(path)[1::2])


@given(st.lists(values, max_size=30))
def test_every_value_has_a_dot(steps):
    assert dots(steps, 1000).count("M") == sum(value is not None for value in steps)


points = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=30)


@given(points)
def test_curve_stays_in_its_box_and_the_area_is_closed(points):
    path = curve(points, 100, 600)
    across, heights = numbers(path)[::2], numbers(path)[1::2]
    assert all(0 <= place <= 600 for place in across)
    assert all(0 <= height <= HEIGHT for height in heights)
    assert len(across) == len(points)
    area = under(path, points, 100, 600)
    assert area.startswith(path)
    assert area.endswith("Z")


def test_curve_of_nothing_is_nothing():
    assert curve([], 1, 600) == under("", [], 1, 600) == ""


def test_curve_that_ends_where_it_begins_is_at_the_left():
    assert curve([(0, 1)], 0, 600) == "M0 0"


@given(st.lists(st.floats(0, 200), max_size=20))
def test_ticks_beyond_the_end_are_not_drawn(places):
    assert ticks(places, 100, 600).count("M") == sum(place <= 100 for place in places)
