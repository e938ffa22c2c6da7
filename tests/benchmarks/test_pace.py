"""How a second is counted: wherever it begins, and by the clock; and what the throttle writes about its grants."""

import pytest

from benchmarks import pace
from campaigns.throttle import Throttle


@pytest.mark.parametrize(
    ("moments", "sliding", "aligned"),
    [
        ([], 0, 0),
        ([5.0], 1, 1),
        ([0.9, 0.95, 1.0, 1.05], 4, 2),  # a boundary of the clock hides half of them
        ([0.0, 1.0, 2.0], 1, 1),  # exactly a second apart is not within one second
        ([0.0, 0.5, 0.999, 1.0], 3, 3),
    ],
)
def test_the_fullest_second(moments, sliding, aligned):
    assert (pace._fullest(moments), pace._fullest_aligned(moments)) == (sliding, aligned)


def test_grants_are_read_from_what_the_throttle_writes(valkey, settings):
    throttle = Throttle(valkey, "7", 1000, "one", in_flight=10, urgent=False)
    with pace.Grants(settings.queue_url) as grants:
        throttle.take(1, parts=1)  # a sender nobody used begins with nothing
        granted = 0
        while not granted:
            granted = throttle.take(4, parts=2).messages
        throttle.take(0, parts=2, unused=granted)  # each needed one part less
    assert grants.failed == ""
    assert len(grants.moments()) == granted
    assert grants.holders == {"one"}
