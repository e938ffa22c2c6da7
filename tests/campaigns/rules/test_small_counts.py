"""Numbers of a few people are hidden so that what is shown beside them does not give them away."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.rules.audience import Count, Forecast, Group
from campaigns.rules.channels import Channel
from campaigns.rules.small_counts import Hidden, Outlook, Parts, audience, hide, is_small, outlook

FEW, MANY = Hidden.FEW, Hidden.MANY


@pytest.mark.parametrize(
    ("parts", "total", "shown"),
    [
        ([100, 50, 20], 170, (100, 50, 20)),
        ([100, 0], 100, (100, 0)),
        ([], 0, ()),
        ([0, 0], 0, (0, 0)),
        # One alone is the total less the others, so the next smallest goes with it.
        ([100, 3, 40], 143, (100, FEW, MANY)),
        ([100, 3, 4], 107, (100, FEW, FEW)),
        # Two that add up to two are one each.
        ([100, 1, 1, 40], 142, (100, FEW, FEW, MANY)),
        ([100, 9, 9, 40], 158, (100, FEW, FEW, MANY)),
        # Nothing else is left but the total.
        ([100, 3], 103, (MANY, FEW)),
        ([11, 1], MANY, (MANY, FEW)),
        ([5], FEW, (FEW,)),
        ([3, 2], FEW, (FEW, FEW)),
        ([1] * 9, Hidden.UNTOLD, (FEW,) * 9),
    ],
)
def test_parts_and_total_are_shown_as_far_as_they_may_be(parts, total, shown):
    assert hide(parts) == Parts(total, shown)


def possible(parts, shown, at):
    """Every value of the hidden part that fits what is shown: the marks, the other parts and the total."""
    ranges = [
        range(one, one + 1) if isinstance(one, int) else range(1, 10) if one is FEW else range(10, 10**4)
        for one in shown.parts
    ]
    others = [numbers for number, numbers in enumerate(ranges) if number != at]
    least, most = sum(min(numbers) for numbers in others), sum(max(numbers) for numbers in others)
    totals = {FEW: range(1, 10), MANY: range(10, 10**5), Hidden.UNTOLD: range(10**5)}
    total = range(shown.total, shown.total + 1) if isinstance(shown.total, int) else totals[shown.total]
    return [number for number in ranges[at] if least + number <= max(total) and most + number >= min(total)]


@given(some.lists(some.integers(0, 25), min_size=1, max_size=12))
def test_what_is_shown_fits_several_values_of_each_small_part(parts):
    shown = hide(parts)
    assert all(isinstance(one, Hidden) for one, number in zip(shown.parts, parts, strict=True) if is_small(number))
    assert all(one == number for one, number in zip(shown.parts, parts, strict=True) if isinstance(one, int))
    assert isinstance(shown.total, Hidden) or shown.total == sum(parts)
    for at, number in enumerate(parts):
        if is_small(number):
            fitting = possible(parts, shown, at)
            assert number in fitting
            assert len(fitting) > 1, (parts, shown)


@given(some.lists(some.integers(0, 10**6), max_size=12))
def test_nothing_is_hidden_where_nothing_is_small(parts):
    if not any(is_small(number) for number in parts):
        assert hide(parts) == Parts(sum(parts), tuple(parts))


GROUPS = some.lists(
    some.builds(
        Group,
        some.sampled_from([None, "no_mobile", "no_ground", "opted_out"]),
        some.sampled_from([None, "no_email", "no_ground", "opted_out"]),
        some.sampled_from(["es", "qu", "ay"]),
        some.just(True),
        some.integers(1, 60),
    ),
    max_size=8,
)


@given(GROUPS)
def test_no_small_number_of_an_audience_is_shown_nor_follows_from_two_that_are(groups):
    count = Count(tuple(groups))
    told = audience(count, shows_small=False)
    numbers = {"total": told.total, "either": told.either}
    for channel, reach in told.reaches.items():
        numbers[channel] = reach.people
        numbers |= {f"{channel} {why}": number for why, number in reach.left_out.items()}
        if reach.languages is not None:
            numbers |= {f"{channel} in {code}": number for code, number in reach.languages.items()}
            assert not isinstance(reach.people, Hidden)
    assert not any(is_small(number) for number in numbers.values() if isinstance(number, int))
    # What can be written to in one way alone, in both ways, or in none, is one shown number less another.
    shown = {key: numbers[key] for key in ("total", "either", *Channel) if isinstance(numbers[key], int)}
    if "either" in shown:
        for key in shown:
            assert not is_small(abs(shown[key] - shown["either"]))
        assert not is_small(shown[Channel.SMS] + shown[Channel.EMAIL] - shown["either"])
    for channel, reach in told.reaches.items():
        parts = [reach.people, *reach.left_out.values()]
        hidden = [number for number in parts if isinstance(number, Hidden)]
        if isinstance(told.total, int):
            assert len(hidden) != 1, channel
        else:
            assert len(hidden) == sum(1 for number in parts if number != 0)


@given(GROUPS)
def test_with_the_right_everything_is_shown(groups):
    count = Count(tuple(groups))
    told = audience(count, shows_small=True)
    assert (told.total, told.either, told.hides) == (count.total, count.reachable_either, False)
    assert told.reaches[Channel.SMS].left_out == count.left_out(Channel.SMS)


def test_an_audience_of_many_is_shown_as_it_is():
    count = Count((Group(None, "no_email", "es", True, 80), Group("opted_out", None, "qu", True, 20)))
    told = audience(count, shows_small=False)
    assert not told.hides
    assert (told.total, told.either, told.reaches[Channel.SMS].people) == (100, 100, 80)


def test_a_forecast_shows_its_languages_only_where_none_is_small():
    count = Count((Group(None, None, "es", True, 80), Group(None, "no_email", "qu", True, 4)))
    small = Forecast(sms={"es": 80, "qu": 4}, email={"es": 80}, people=84)
    assert outlook(count, small, shows_small=False) == Outlook(84, {}, False)
    assert outlook(count, small, shows_small=True).by_language
    some_left = Forecast(sms={"es": 80}, email={"es": 80}, left_out={"no_text": 4}, people=80)
    assert outlook(count, some_left, shows_small=False) == Outlook(MANY, {"no_text": FEW}, False)
