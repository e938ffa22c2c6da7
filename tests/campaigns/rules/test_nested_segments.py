"""Segments inside segments: found out where they lead back, written out where they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.errors import Invalid
from campaigns.rules.nested_segments import circle, named, users, write_out
from campaigns.rules.segments import (
    EVERYONE,
    AllOf,
    AnyOf,
    HasSms,
    InPlace,
    InSegment,
    NoneOf,
    Reads,
    Tagged,
    count_leaves,
    depth,
    leaves_of,
    parse,
    simplified,
    store,
)

COMAS, QUECHUA, SMS = InPlace("150110"), Reads("qu"), HasSms()


def test_the_segments_a_rule_names_are_told_once():
    assert named(AllOf((InSegment(2), NoneOf((InSegment(1), InSegment(2)))))) == [2, 1]


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ({1: InSegment(1)}, [1, 1]),
        ({1: InSegment(2), 2: NoneOf((InSegment(1),))}, [1, 2, 1]),
        ({1: AllOf((InSegment(2), InSegment(3))), 2: COMAS, 3: InSegment(4), 4: InSegment(1)}, [1, 3, 4, 1]),
        ({1: InSegment(2), 2: InSegment(3), 3: InSegment(2)}, []),
        ({1: InSegment(2), 2: COMAS}, []),
        ({1: InSegment(9)}, []),
    ],
)
def test_the_way_back_to_a_segment_is_found(rules, way):
    assert circle(1, rules) == way


def test_who_is_made_of_a_segment_is_found_through_others():
    rules = {1: COMAS, 2: InSegment(1), 3: NoneOf((InSegment(2),)), 4: QUECHUA}
    assert users(1, rules) == {2, 3}
    assert users(4, rules) == set()


def test_a_rule_is_written_out_with_those_it_names():
    rules = {1: AllOf((COMAS, InSegment(2))), 2: AnyOf((QUECHUA, Tagged("ruta 5")))}
    assert write_out(AllOf((SMS, InSegment(1))), rules) == AllOf((SMS, COMAS, AnyOf((QUECHUA, Tagged("ruta 5")))))
    assert write_out(NoneOf((InSegment(2),)), rules) == NoneOf((QUECHUA, Tagged("ruta 5")))
    assert write_out(InSegment(1), {1: EVERYONE}) == EVERYONE


def test_written_out_it_keeps_the_limits_of_any_rule():
    deep = {number: NoneOf((AllOf((COMAS, InSegment(number + 1))),)) for number in range(1, 5)} | {5: QUECHUA}
    with pytest.raises(Invalid, match="rule_too_deep"):
        write_out(InSegment(1), deep)
    # Each names the next one twice: written out the first would have a thousand million conditions.
    twice = {
        number: AnyOf((AllOf((InSegment(number + 1), Tagged("a"))), AllOf((InSegment(number + 1), Tagged("b")))))
        for number in range(1, 31)
    } | {31: COMAS}
    with pytest.raises(Invalid, match="rule_too_"):
        write_out(InSegment(1), twice)
    wide = {1: AnyOf(tuple(Tagged(str(number)) for number in range(300)))}
    with pytest.raises(Invalid, match="rule_too_large"):
        write_out(AllOf((InSegment(1), NoneOf((InSegment(1),)))), wide)


def test_a_segment_that_is_gone_is_told():
    with pytest.raises(Invalid) as caught:
        write_out(AllOf((InSegment(7),)), {})
    assert (caught.value.code, caught.value.values) == ("rule_segment_unknown", {"segment": 7})


@pytest.mark.parametrize(
    ("rule", "simple"),
    [
        (AllOf((AnyOf((COMAS,)), AllOf((QUECHUA, COMAS)))), AllOf((COMAS, QUECHUA))),
        (NoneOf((AnyOf((COMAS, QUECHUA)), COMAS)), NoneOf((COMAS, QUECHUA))),
        (AllOf((NoneOf((COMAS,)), SMS, NoneOf((QUECHUA,)))), AllOf((SMS, NoneOf((COMAS, QUECHUA))))),
        (AllOf((NoneOf((COMAS,)),)), NoneOf((COMAS,))),
        (AnyOf((AllOf((COMAS,)), AllOf(()))), AnyOf((COMAS, EVERYONE))),
        (EVERYONE, EVERYONE),
    ],
)
def test_a_rule_is_simplified(rule, simple):
    assert simplified(rule) == simple


LEAVES = some.sampled_from([COMAS, QUECHUA, SMS, Tagged("ruta 5"), EVERYONE])


def groups(inner):
    rules = some.lists(inner, min_size=1, max_size=3).map(tuple)
    return some.one_of(rules.map(AllOf), rules.map(AnyOf), rules.map(NoneOf))


def is_true(rule, truths):
    match rule:
        case AllOf(rules):
            return all(is_true(one, truths) for one in rules)
        case AnyOf(rules):
            return any(is_true(one, truths) for one in rules)
        case NoneOf(rules):
            return not any(is_true(one, truths) for one in rules)
    return rule in truths


@given(some.recursive(LEAVES, groups, max_leaves=12), some.sets(some.sampled_from([COMAS, QUECHUA, SMS])))
def test_simplified_it_picks_the_same_and_asks_no_more(rule, truths):
    simple = simplified(rule)
    assert is_true(simple, truths) == is_true(rule, truths)
    assert count_leaves(simple) <= count_leaves(rule)
    assert depth(simple) <= depth(rule) + (rule == NoneOf((EVERYONE,)))
    assert simplified(simple) == simple
    assert set(leaves_of(simple)) <= set(leaves_of(rule))
    if depth(simple) <= 6:
        assert parse(store(simple)) == simple
