"""How much a flight has in hand: what a crash would leave to be asked about."""

import pytest

from campaigns.handover import ahead


@pytest.mark.parametrize(
    ("per_second", "places", "waiting"),
    [
        (0.0, 100, 1),  # nothing comes back: no more than the next
        (40.0, 100, 10),  # a quarter of a second's, or it would not be fresh any more
        (1000.0, 100, 100),  # at a real provider's speed as many as are in flight
        (5000.0, 100, 500),  # a tenth of a second's
        (5000.0, 1000, 1000),
    ],
)
def test_what_waits_is_as_much_as_is_in_flight_or_a_tenth_of_a_second(per_second, places, waiting):
    assert ahead(per_second, places) == waiting
