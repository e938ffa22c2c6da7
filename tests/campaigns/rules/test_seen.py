"""Who stood in a file already."""

import random

from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.seen import Seen


@given(st.lists(st.integers(1, 4_000_000_000)))
def test_everybody_in_the_book_is_met_once(ids: list[int]) -> None:
    seen, met = Seen(), set[int]()
    for contact_id in ids:
        assert seen.meet(contact_id) == (contact_id not in met)
        met.add(contact_id)
    refused = set[int]()
    for contact_id in ids:  # saying no is another matter than standing there
        assert seen.withdraw(contact_id) == (contact_id not in refused)
        refused.add(contact_id)


def test_newcomers_as_a_dictionary_would_know_them() -> None:
    chance = random.Random(7)
    keys = [chance.randbytes(16) for _ in range(3_000)]
    seen, grounds = Seen(), dict[bytes, bool]()
    for _ in range(20_000):
        key, has_ground, says_no = chance.choice(keys), chance.random() < 0.8, chance.random() < 0.1
        found = seen.meet_newcomer(key, has_ground=has_ground and not says_no, says_no=says_no)
        assert found == (key not in grounds, says_no and grounds.get(key, False))
        grounds[key] = not says_no and grounds.get(key, has_ground)
