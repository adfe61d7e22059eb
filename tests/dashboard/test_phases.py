"""Where the time of attempts went."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.phases import bars_of

milliseconds = st.floats(0, 20_000).map(lambda value: round(value, 2))
phases = st.none() | st.fixed_dictionaries(
    {"total": milliseconds},
    optional=dict.fromkeys(("dns", "connect", "tls", "first_byte"), milliseconds),
)


def names(phases):
    (bar,) = bars_of([{"phases": phases}])
    return [(part.name, part.milliseconds) for part in bar]


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        (None, []),
        ({}, []),
        ({"first_byte": 3.0, "total": 3.2}, [("wait", 3.0)]),
        ({"first_byte": 3.0, "total": 13.0}, [("wait", 3.0), ("read", 10.0)]),
        (
            {"dns": 1.0, "connect": 2.0, "tls": 3.0, "first_byte": 4.0, "total": 10.1},
            [("DNS", 1.0), ("connect", 2.0), ("TLS", 3.0), ("wait", 4.0)],
        ),
        ({"connect": 2.0, "total": 2.1}, [("connect", 2.0)]),
        ({"connect": 1.0, "total": 15_001.0}, [("connect", 1.0), ("wait", 15_000.0)]),
    ],
)
def test_phases_are_told_in_their_order_and_the_rest_is_named(phases, expected):
    assert names(phases) == expected


def test_bars_of_one_delivery_share_a_scale():
    short, long = bars_of([{"phases": {"first_byte": 5.0}}, {"phases": {"dns": 5.0, "first_byte": 5.0}}])
    assert [(part.left, part.width) for part in short] == [(0, 50)]
    assert [(part.left, part.width) for part in long] == [(0, 50), (50, 50)]


@given(st.lists(phases.map(lambda each: {"phases": each}), max_size=5))
def test_parts_lie_one_behind_the_other_inside_the_bar(attempts):
    for bar in bars_of(attempts):
        edge = 0.0
        for part in bar:
            assert part.left == pytest.approx(edge, abs=0.01)
            assert part.width >= 0
            edge = part.left + part.width
        assert edge <= 100.01
