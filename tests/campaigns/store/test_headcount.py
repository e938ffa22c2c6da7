"""A count of the whole book says what planning would say of each person."""

from collections import Counter
from itertools import product

import pytest
from sqlalchemy import select

from campaigns.rules.channels import Channel
from campaigns.rules.segments import EVERYONE, AllOf, AnyOf, InPlace, InSector, NoneOf, Reachable, Reads, Tagged
from campaigns.store import audiences, headcount
from campaigns.store.contacts import Contact
from tests.crowd import person, refuse

RULES = [
    EVERYONE,
    Reads("qu"),
    AllOf((Tagged("norte"), NoneOf((InSector("47"),)))),
    NoneOf((Reachable(Channel.SMS), Tagged("norte"))),
    AnyOf((Reachable(Channel.EMAIL), AllOf((InPlace("07"), NoneOf((Reads("qu"), InSector("49"))))))),
]


@pytest.fixture
def everybody(session, vault, agency):
    """One of every kind: with and without a mobile, a mail, a ground, and every reason not to be written to."""
    kinds = product(
        (None, "mobile", "landline"), (False, True), (None, "consent"), (None, "word"), (None, "link", "bounce")
    )
    for number, (kind, has_mail, ground, stopped, mail_stopped) in enumerate(kinds):
        if kind is None and not has_mail:
            continue
        contact = person(
            session,
            vault,
            agency,
            f"+5198{number:07}" if kind else None,
            kind=kind or "mobile",
            email=f"p{number}@x.example" if has_mail else None,
            ground=ground,
            language=("es", "qu")[number % 2],
            accepts_fallback=number % 5 > 0,
            place=("150110", "070101", None)[number % 3],
            sectors=(("4921",), ("4711", "4921"), ())[number % 7 % 3],
            tags=(("norte",), ())[number % 11 % 2],
        )
        if stopped and kind:
            refuse(session, agency, contact, source=stopped)
        if mail_stopped and has_mail:
            refuse(session, agency, contact, channel="email", source=mail_stopped)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_count_is_the_sum_of_what_planning_says_of_each(rule, session, agency, everybody):
    by = (
        audiences.why_not(Channel.SMS),
        audiences.why_not(Channel.EMAIL),
        Contact.language,
        Contact.accepts_fallback,
    )
    each = Counter(tuple(row) for row in session.execute(select(*by).where(audiences.picks(rule, agency.id))))
    found = headcount.count(session, agency.id, rule)
    assert each
    assert {group[:-1]: group.people for group in found.groups} == each


def test_another_agency_is_not_counted(session, agency, other_agency, everybody):
    assert headcount.count(session, agency.id, EVERYONE).total > 0
    assert headcount.count(session, other_agency.id, EVERYONE).total == 0
