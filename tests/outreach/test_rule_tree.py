"""The builder's tree: what a form sends, each step of putting it together, and the rule that comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from werkzeug.datastructures import MultiDict

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
    depth,
    leaves_of,
)
from outreach.admin.rule_conditions import Condition, Kind
from outreach.admin.rule_tree import DEEPEST_GROUP, ROOT, Group, Join, Tree, of_rule, read

LEAVES = some.one_of(
    some.sampled_from(["492", "4921"]).map(InSector),
    some.sampled_from(["15", "1501", "150110"]).map(InPlace),
    some.sampled_from(["es", "qu"]).map(Reads),
    some.sampled_from(["ruta 5", "mercado"]).map(Tagged),
    some.sampled_from(Role).map(HasRole),
    some.sampled_from([HasSms(), HasEmail(), Reachable(Channel.SMS), Reachable(Channel.EMAIL)]),
    some.integers(1, 365).map(Contacted),
    some.one_of(some.none(), some.integers(1, 365)).map(Answered),
    some.integers(1, 9).map(InSegment),
)


def groups(inner):
    rules = some.lists(inner, min_size=1, max_size=4).map(tuple)
    return some.one_of(rules.map(AllOf), rules.map(AnyOf), rules.map(NoneOf))


def sent(tree):
    """The form as a browser sends it."""
    form = MultiDict()
    for node, within, _level in tree.nodes():
        form.add("node", str(node.number))
        form.add(f"in_{node.number}", str(within.number) if within else "")
        if isinstance(node, Group):
            form.add(f"join_{node.number}", node.join)
        else:
            form.add(f"kind_{node.number}", node.kind)
            form.add(f"not_{node.number}", "not" if node.is_not else "")
            form.add(f"days_{node.number}", node.days)
            form.setlist(f"value_{node.number}", node.values)
    return form


def is_true(rule, truths):
    match rule:
        case AllOf(rules):
            return all(is_true(one, truths) for one in rules)
        case AnyOf(rules):
            return any(is_true(one, truths) for one in rules)
        case NoneOf(rules):
            return not any(is_true(one, truths) for one in rules)
    return rule in truths


@given(some.recursive(LEAVES, groups, max_leaves=12), some.data())
def test_a_rule_comes_back_from_the_form_it_is_shown_in(rule, data):
    tree = of_rule(rule)
    leaves = sorted(set(leaves_of(rule)), key=repr)
    truths = data.draw(some.sets(some.sampled_from(leaves)))
    assert is_true(tree.rule(), truths) == is_true(rule, truths)
    assert set(leaves_of(tree.rule())) == set(leaves)
    if depth(rule) <= DEEPEST_GROUP:
        assert read(sent(tree)) == tree


def test_a_form_without_a_tree_is_everyone():
    assert read(MultiDict()).rule() == EVERYONE


def test_what_is_not_finished_asks_nothing_yet():
    tree = Tree()
    tree.add(ROOT, Kind.PLACE)
    tree.add(tree.add(ROOT, None), Kind.CONTACTED)
    assert tree.rule() == EVERYONE
    assert [one.is_finished for one in tree.conditions()] == [False, False]
    tree.conditions()[1].days = "400"
    assert tree.rule() == EVERYONE


@pytest.mark.parametrize(
    ("join", "is_not", "rule"),
    [
        (Join.ALL, False, AllOf((AnyOf((InPlace("15"), InPlace("07"))),))),
        (Join.ANY, False, AnyOf((InPlace("15"), InPlace("07")))),
        (Join.NONE, False, NoneOf((InPlace("15"), InPlace("07")))),
        (Join.ANY, True, AnyOf((NoneOf((InPlace("15"), InPlace("07"))),))),
    ],
)
def test_several_values_mean_any_of_them_in_every_group(join, is_not, rule):
    assert Tree(Group(ROOT, join, [Condition(2, Kind.PLACE, is_not, ["15", "07"])])).rule() == rule


def shape(group):
    return [shape(one) if isinstance(one, Group) else one.number for one in group.inside]


def test_nodes_are_moved_past_conditions_into_groups_and_out_of_them():
    tree = Tree()
    first, group, last = tree.add(ROOT, Kind.TAG), tree.add(ROOT, None), tree.add(ROOT, Kind.ROLE)
    inner = tree.add(group, Kind.PLACE)
    assert shape(tree.root) == [first, [inner], last]
    assert tree.move(first, 1) == first
    assert shape(tree.root) == [[first, inner], last]
    tree.move(first, 1)
    assert shape(tree.root) == [[inner, first], last]
    tree.move(first, 1)
    assert shape(tree.root) == [[inner], first, last]
    tree.move(last, -1)
    assert shape(tree.root) == [[inner], last, first]
    tree.move(last, -1)
    assert shape(tree.root) == [[inner, last], first]
    tree.move(inner, -1)
    assert shape(tree.root) == [inner, [last], first]
    tree.move(inner, -1)
    assert shape(tree.root) == [inner, [last], first]
    assert tree.remove(group) == ROOT
    assert shape(tree.root) == [inner, first]


def test_groups_lie_no_deeper_than_a_rule_may():
    tree, number = Tree(), ROOT
    for _ in range(10):
        number = tree.add(number, None)
    levels = [level for _node, _within, level in tree.nodes()]
    assert max(levels) == DEEPEST_GROUP
    deepest = max(node.number for node, _within, _level in tree.nodes())
    leaf = tree.add(deepest, Kind.TAG)
    tree.conditions()[0].values, tree.conditions()[0].is_not = ["ruta 5"], True
    assert depth(tree.rule()) == 6
    high = tree.add(ROOT, None)
    tree.add(high, Kind.PLACE)
    tree.move(high, -1)
    assert max(level for node, _within, level in tree.nodes() if isinstance(node, Group)) == DEEPEST_GROUP
    assert leaf in [one.number for one in tree.conditions()]


@pytest.mark.parametrize(
    "form",
    [
        {"node": ["1", "1", "2", "2"], "kind_2": "place"},
        {"node": ["-1", "x", "9" * 30, "", "2\x00"]},
        {"node": ["2", "3"], "in_2": "3", "in_3": "2"},
        {"node": ["2"], "in_2": "2", "join_2": "xor"},
        {"node": ["2", "3"], "kind_2": "tag", "in_3": "2", "kind_3": "nothing"},
        {"node": ["2"], "kind_2": "contacted", "days_2": "٣" * 30},
    ],
)
def test_a_form_that_was_tampered_with_is_a_tree_all_the_same(form):
    assert read(MultiDict(form)).rule() in {EVERYONE, AllOf((Contacted(3),))}


def test_a_step_on_a_node_that_is_not_there_changes_nothing():
    tree = Tree()
    number = tree.add(ROOT, Kind.TAG)
    for step in (lambda: tree.add(99, Kind.TAG), lambda: tree.add(number, None), lambda: tree.remove(99)):
        assert step() == ROOT
    assert tree.remove(ROOT) == tree.move(ROOT, 1) == tree.move(99, -1) == ROOT
    assert shape(tree.root) == [number]
