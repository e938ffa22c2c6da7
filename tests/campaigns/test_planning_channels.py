"""Whatever people have, refuse and read, a plan gives each what the campaign's channels say, or says why not."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from sqlalchemy import select, text

from campaigns import segments
from campaigns.rules.audience import Texts
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.languages import choose_text
from campaigns.rules.segments import EVERYONE
from campaigns.store import audiences
from campaigns.store.campaigns import Campaign
from campaigns.store.consents import OptOut
from campaigns.store.contacts import Contact

SMS, EMAIL, BOTH, THEN = Channels.SMS, Channels.EMAIL, Channels.BOTH, Channels.SMS_THEN_EMAIL
LANGUAGES = ["es", "qu", "quy", "ay"]
_READ = text("""
SELECT contact_id, channel, address_index, language, mail_waits, state, reason,
    not_before = 'infinity' AS waits, not_before IS NOT NULL AS is_late
FROM delivery WHERE campaign_id = :c ORDER BY id
""")


@dataclass(frozen=True)
class Someone:
    """A contact: `phone` is a kind of number, `email` the name of a mailbox that others may have too."""

    phone: str | None = "mobile"
    email: str | None = None
    ground: bool = True
    stopped: bool = False  # refused SMS
    language: str = "es"
    accepts: bool = True


people = st.lists(
    st.builds(
        Someone,
        phone=st.sampled_from(["mobile", "mobile", "landline", None]),
        email=st.sampled_from([None, "a", "b", "c", "d"]),
        ground=st.sampled_from([True, True, True, False]),
        stopped=st.sampled_from([False, False, True]),
        language=st.sampled_from(LANGUAGES),
        accepts=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)
refusals = st.dictionaries(
    st.sampled_from("abcd"), st.sampled_from(["link", "mail", "complaint", "bounce"]), max_size=2
)
written = st.sets(st.sampled_from(LANGUAGES))


def without_twins(those):
    """Two contacts without any number never have the same mailbox."""
    seen, kept = set(), []
    for one in those:
        alone = one.phone is None and one.email is not None
        if not (alone and one.email in seen):
            kept.append(one)
        seen |= {one.email} if alone else set()
    return kept


def ways(one, refused, texts):
    """(why there is no SMS, why no mail): None where there is one."""
    if one.phone != "mobile":
        sms = "no_mobile"
    elif not one.ground:
        sms = "no_ground"
    else:
        sms = "opted_out" if one.stopped else None
    if one.email is None:
        email = "no_email"
    elif not one.ground:
        email = "no_ground"
    else:
        source = refused.get(one.email)
        email = {None: None, "bounce": "bounced"}.get(source, "opted_out")

    def read(channel):
        return choose_text(one.language, texts.available[channel], one.accepts, texts.fallback)

    return sms or (None if read(Channel.SMS) else "no_text"), email or (None if read(Channel.EMAIL) else "no_text")


def wanted(one, channels, refused, texts):
    """(SMS, mail, why not) as the issue says it: mail is "" for none, "now" or "after"."""
    sms, email = ways(one, refused, texts)
    if channels is SMS:
        return sms is None, "", sms
    if channels is EMAIL:
        return False, "" if email else "now", email
    tells = email if one.phone != "mobile" and one.email is not None else sms
    if channels is BOTH:
        return sms is None, "" if email else "now", tells if sms and email else None
    if one.phone == "mobile":
        return sms is None, "after" if sms is None and email is None else "", sms
    return False, "" if email else "now", tells if email else None


@pytest.fixture
def plan(sessions, agency):
    """Plans for these people and takes everything back."""

    def verb(those, refused, channels, texts, size):
        with sessions(agency.id)() as session:
            contacts = [
                Contact(
                    agency_id=agency.id,
                    phone_sealed=b"\0" if one.phone else None,
                    phone_index=f"phone {at}".encode() if one.phone else None,
                    phone_kind=one.phone,
                    email_sealed=b"\0" if one.email else None,
                    email_index=one.email.encode() if one.email else None,
                    language=one.language,
                    accepts_fallback=one.accepts,
                    legal_ground="consent" if one.ground else None,
                )
                for at, one in enumerate(those)
            ]
            for contact in contacts:
                session.add(contact)
                session.flush()  # one by one: their ids follow their order
            stops = [("sms", f"phone {at}".encode(), "word") for at, one in enumerate(those) if one.stopped]
            stops += [("email", address.encode(), source) for address, source in refused.items()]
            for channel, index, source in stops:
                session.add(OptOut(agency_id=agency.id, channel=channel, address_index=index, source=source, rule="x"))
            campaign = Campaign(agency_id=agency.id, name="Aviso", state="planning", channels=channels)
            session.add(campaign)
            session.flush()
            counted = segments.count(session, agency.id, EVERYONE)
            done, left_out, after = 0, Counter(), 0
            while True:
                made = audiences.plan_slice(session, campaign, EVERYONE, texts, after=after, size=size)
                if made.upto is None:
                    break
                done, left_out, after = done + made.planned, left_out + Counter(made.left_out), made.upto
            audiences.pair(session, campaign)
            rows = session.execute(_READ, {"c": campaign.id}).all()
            assert audiences.count_planned(session, campaign) == len(rows)
            told = session.execute(
                text("SELECT channel, language, reason, number FROM figure WHERE campaign_id = :c"), {"c": campaign.id}
            ).all()
            ids = [contact.id for contact in contacts]
            session.rollback()
        return ids, counted, rows, done, dict(left_out), told

    return verb


@profile(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    those=people.map(without_twins),
    refused=refusals,
    channels=st.sampled_from(Channels),
    sms=written,
    email=written,
    fallback=st.sampled_from(["es", "qu"]),
    size=st.sampled_from([1, 3, 100]),
)
@example([Someone(email="a"), Someone("landline", "a")], {}, THEN, {"es"}, {"es"}, "es", 1)
@example([Someone("landline", "a"), Someone(email="a")], {}, THEN, {"es"}, {"es"}, "es", 1)
@example([Someone(email="a"), Someone(email="a"), Someone(None, "a")], {}, THEN, {"es"}, {"es"}, "es", 100)
def test_a_plan_is_what_the_channels_say(plan, those, refused, channels, sms, email, fallback, size):
    texts = Texts({Channel.SMS: sms, Channel.EMAIL: email}, fallback)
    ids, counted, rows, done, left_out, told = plan(those, refused, channels, texts, size)
    asked = dict(zip(ids, (wanted(one, channels, refused, texts) for one in those), strict=True))
    by_id = dict(zip(ids, those, strict=True))

    def language(contact_id, channel):
        one = by_id[contact_id]
        return choose_text(one.language, texts.available[channel], one.accepts, fallback)

    # SMS: exactly those who are to get one, in their language.
    messages = [row for row in rows if row.channel == "sms"]
    assert [row.contact_id for row in messages] == [number for number in ids if asked[number][0]]
    # Mails: one for each mailbox, to somebody of it; at once if anybody there has no SMS to wait for.
    mails = {bytes(row.address_index).decode(): row for row in rows if row.channel == "email"}
    mailboxes: dict[str, set[str]] = {}
    for number in ids:
        if asked[number][1]:
            mailboxes.setdefault(by_id[number].email, set()).add(asked[number][1])
    assert mails.keys() == mailboxes.keys()
    assert len(mails) + len(messages) == len(rows)
    for address, row in mails.items():
        assert asked[row.contact_id][1]
        assert by_id[row.contact_id].email == address
        assert bool(row.waits) == bool(row.is_late) == (row.reason == "after_sms") == (mailboxes[address] == {"after"})
        assert not row.mail_waits
    assert all(row.language == language(row.contact_id, Channel(row.channel)) for row in rows)
    assert all(row.state == "queued" and (row.channel == "email" or row.reason is None) for row in rows)
    # Whose SMS decides about a mail has one waiting, if need be in a mailbox that others wait for too.
    waiting = {address for address, row in mails.items() if row.waits}
    assert {row.contact_id for row in messages if row.mail_waits} == {
        number for number, (_, mail, _) in asked.items() if mail == "after" and by_id[number].email in waiting
    }
    # Everybody is planned for, or left out with a reason; each once.
    got = {row.contact_id for row in rows}
    shared = sum(1 for number in ids if asked[number][2] is None and number not in got)
    reasons = Counter(why for _, _, why in asked.values() if why is not None)
    assert left_out == dict(reasons) | ({"shared": shared} if shared else {})
    assert done == len(got)
    assert done + sum(left_out.values()) == len(those)
    # The first figures are what was queued; the forecast is the plan before addresses are known to be shared.
    assert sorted((row.channel, row.language, row.reason or "", row.number) for row in told) == sorted(
        (*key, number) for key, number in Counter((r.channel, r.language, r.reason or "") for r in rows).items()
    )
    foreseen = counted.forecast(channels, texts)
    assert foreseen.left_out == dict(reasons)
    assert foreseen.people == len(those) - sum(reasons.values())
    assert foreseen.sms == dict(Counter(row.language for row in messages))
    for found, kind in ((foreseen.email, "now"), (foreseen.after_sms, "after")):
        assert found == dict(
            Counter(language(number, Channel.EMAIL) for number, (_, mail, _) in asked.items() if mail == kind)
        )


@pytest.mark.parametrize(
    ("one", "channels", "sms", "mail", "why"),
    [
        (Someone(email="a"), SMS, True, "", None),
        (Someone(email="a"), EMAIL, False, "now", None),
        (Someone(email="a"), BOTH, True, "now", None),
        (Someone(email="a"), THEN, True, "after", None),
        (Someone(), THEN, True, "", None),
        (Someone("landline", "a"), THEN, False, "now", None),
        (Someone(None, "a"), THEN, False, "now", None),
        (Someone(email="a", stopped=True), THEN, False, "", "opted_out"),
        (Someone(email="a", stopped=True), BOTH, False, "now", None),
        (Someone(email="a", language="ay", accepts=False), THEN, False, "", "no_text"),  # there is a mail in Aymara
        (Someone(email="a", language="ay", accepts=False), BOTH, False, "now", None),
        (Someone(email="bounced"), THEN, True, "", None),
        (Someone("landline", "bounced"), THEN, False, "", "bounced"),
        (Someone("landline", "left"), BOTH, False, "", "opted_out"),
        (Someone("landline"), BOTH, False, "", "no_mobile"),
        (Someone(), EMAIL, False, "", "no_email"),
        (Someone(email="bounced"), EMAIL, False, "", "bounced"),
        (Someone(email="a", ground=False), EMAIL, False, "", "no_ground"),
    ],
)
def test_what_one_person_gets(plan, one, channels, sms, mail, why):
    texts = Texts({Channel.SMS: ["es", "qu"], Channel.EMAIL: ["es", "ay"]}, "es")
    refused = {"bounced": "bounce", "left": "link"}
    ids, counted, rows, done, left_out, _ = plan([one], refused, channels, texts, 10)
    assert wanted(one, channels, refused, texts) == (sms, mail, why)
    assert [row.channel for row in rows] == ["sms"] * sms + ["email"] * bool(mail)
    assert [bool(row.waits) for row in rows if row.channel == "email"] == [mail == "after"] * bool(mail)
    assert [row.mail_waits for row in rows if row.channel == "sms"] == [mail == "after"] * sms
    assert (done, left_out) == ((0, {why: 1}) if why else (1, {}))
    assert {row.contact_id for row in rows} <= set(ids)
    assert counted.total == 1


def test_the_count_tells_each_channel_by_itself(plan):
    texts = Texts({Channel.SMS: ["es"], Channel.EMAIL: ["es"]})
    those = [
        Someone(email="a"),
        Someone("landline", "b", language="qu"),
        Someone(email="c", stopped=True),
        Someone("mobile"),
    ]
    _, counted, *_ = plan(those, {"a": "bounce", "c": "complaint"}, BOTH, texts, 10)
    assert (counted.total, counted.reachable_sms, counted.reachable_email, counted.reachable_either) == (4, 2, 1, 3)
    assert counted.left_out(Channel.SMS) == {"no_mobile": 1, "opted_out": 1}
    assert counted.left_out(Channel.EMAIL) == {"bounced": 1, "no_email": 1, "opted_out": 1}
    assert (counted.languages(Channel.SMS), counted.languages(Channel.EMAIL)) == ({"es": 2}, {"qu": 1})


def test_a_second_run_over_the_same_people_adds_nothing(sessions, agency):
    texts = Texts({Channel.SMS: ["es"], Channel.EMAIL: ["es"]})
    with sessions(agency.id)() as session:
        for number, email in enumerate((b"a", None)):
            phone = None if number else b"phone"
            session.add(
                Contact(
                    agency_id=agency.id,
                    phone_sealed=phone,
                    phone_index=phone,
                    phone_kind="mobile" if phone else None,
                    email_sealed=b"\0",
                    email_index=email or b"b",
                    language="es",
                    legal_ground="consent",
                )
            )
        campaign = Campaign(agency_id=agency.id, name="Aviso", state="planning", channels=THEN)
        session.add(campaign)
        session.flush()
        assert audiences.plan_slice(session, campaign, EVERYONE, texts, after=0, size=10).planned == 2
        before = session.execute(_READ, {"c": campaign.id}).all()
        assert len(before) == 3
        assert audiences.plan_slice(session, campaign, EVERYONE, texts, after=0, size=10).planned == 0
        assert session.execute(_READ, {"c": campaign.id}).all() == before
        assert session.scalar(select(Campaign.channels).where(Campaign.id == campaign.id)) == "sms_then_email"
