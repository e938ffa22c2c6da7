"""Segment rules are a closed tree: what is stored comes back, and nothing else gets in."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.errors import Invalid
from campaigns.rules.channels import Channel
from campaigns.rules.roles import Role
from campaigns.rules.segments import (
    EVERYONE,
    AllOf,
    Answered,
    AnyOf,
    Contacted,
    HasEmail,
    HasRole,
    HasSms,
    InPlace,
    InSector,
    InSegment,
    NoneOf,
    Reachable,
    Reads,
    Tagged,
    leaves_of,
    parse,
    prefix_end,
    store,
)

LEAVES = some.one_of(
    some.from_regex(r"[0-9]{1,6}", fullmatch=True, alphabet="0123456789").map(InSector),
    some.sampled_from(["15", "1501", "150110"]).map(InPlace),
    some.sampled_from(["es", "qu", "quy", "pt-BR"]).map(Reads),
    some.sampled_from(["ruta 5", "mercado"]).map(Tagged),
    some.just(HasSms()),
    some.just(HasEmail()),
    some.sampled_from(Role).map(HasRole),
    some.sampled_from(Channel).map(Reachable),
    some.integers(1, 365).map(Contacted),
    some.one_of(some.none(), some.integers(1, 365)).map(Answered),
    some.integers(1, 2**63 - 1).map(InSegment),
)


def groups(inner):
    some_rules = some.lists(inner, min_size=1, max_size=3).map(tuple)
    return some.one_of(some_rules.map(AllOf), some_rules.map(AnyOf), some_rules.map(NoneOf))


@given(some.recursive(LEAVES, groups, max_leaves=12))
def test_a_rule_comes_back_as_it_was_stored_or_is_too_deep(rule):
    try:
        assert parse(store(rule)) == rule
    except Invalid as problem:
        assert problem.code == "rule_too_deep"  # noqa: PT017 - the only refusal there may be


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        (None, "rule_shape"),
        ("place = '1501'", "rule_shape"),
        ({}, "rule_shape"),
        ({"all": [], "any": []}, "rule_shape"),
        ({"all": {"place": "15"}}, "rule_shape"),
        ({"victim": "yes"}, "rule_shape"),
        ({"sms": False}, "rule_shape"),
        ({"sms": 1.5}, "rule_shape"),
        ({"place": 15}, "rule_shape"),
        ({"any": []}, "rule_empty_group"),
        ({"all": [{"none": []}]}, "rule_empty_group"),
        ({"place": "1"}, "rule_place"),
        ({"place": "15011"}, "rule_place"),
        ({"place": "١٥"}, "rule_place"),
        ({"place": "15' OR true --"}, "rule_place"),
        ({"sector": ""}, "rule_sector"),
        ({"sector": "49%"}, "rule_sector"),
        ({"language": "Quechua"}, "rule_language"),
        ({"tag": " \u200b "}, "rule_tag"),
        ({"role": "victim"}, "rule_role"),
        ({"reachable": "fax"}, "rule_channel"),
        ({"reachable": True}, "rule_shape"),
        ({"contacted": 0}, "rule_days"),
        ({"contacted": 366}, "rule_days"),
        ({"contacted": True}, "rule_shape"),
        ({"contacted": "7"}, "rule_shape"),
        ({"answered": False}, "rule_shape"),
        ({"answered": -1}, "rule_days"),
        ({"segment": 0}, "rule_segment_unknown"),
        ({"segment": 2**63}, "rule_segment_unknown"),
        ({"segment": "1"}, "rule_shape"),
        ({"segment": True}, "rule_shape"),
        ({1: 1}, "rule_shape"),
    ],
)
def test_what_is_not_a_rule_is_refused(stored, code):
    with pytest.raises(Invalid) as caught:
        parse(stored, "segment")
    assert (caught.value.field, caught.value.code) == ("segment", code)


def test_depth_and_size_have_limits():
    deep = {"sms": True}
    for _ in range(6):
        deep = {"all": [deep]}
    assert list(leaves_of(parse(deep))) == [HasSms()]
    with pytest.raises(Invalid, match="rule_too_deep"):
        parse({"all": [deep]})
    with pytest.raises(Invalid, match="rule_too_large"):
        parse({"any": [{"any": [{"sms": True}] * 300}] * 2})


def test_tags_are_compared_in_lower_case_and_on_one_line():
    assert parse({"tag": " Ruta\n5 "}) == Tagged("ruta 5")


def test_everyone_is_a_rule():
    assert parse({"all": []}) == EVERYONE


@pytest.mark.parametrize(("prefix", "end"), [("15", "16"), ("1509", "150:"), ("9", ":")])
def test_a_prefix_ends_before_the_next_code(prefix, end):
    assert prefix_end(prefix) == end
    assert prefix <= prefix + "99" < end
