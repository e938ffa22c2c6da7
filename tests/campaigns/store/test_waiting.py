"""Whatever becomes of an SMS, its mail goes if it failed for good, waits while it may arrive, or is not needed."""

import pytest
from sqlalchemy import text

from campaigns.rules.channels import Channels
from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import Failure
from campaigns.store import waiting

WAITS, GOES = ("queued", "after_sms"), ("queued", None)
MAY_STILL_ARRIVE = [State.QUEUED, State.SENDING, State.UNKNOWN, State.SENT]
GOES_AGAIN = [Failure.UNREACHABLE, Failure.QUEUE_FULL, Failure.TOO_LATE]
# (state, reason, second attempts) of the SMS -> (state, reason) of the mail.
OUTCOMES = {
    **{(state, None, 0): WAITS for state in MAY_STILL_ARRIVE},
    **{(State.QUEUED, failure, 1): WAITS for failure in GOES_AGAIN},
    **{(State.FAILED, failure, 0): WAITS if failure in GOES_AGAIN else GOES for failure in Failure},
    **{(State.FAILED, failure, 1): GOES for failure in GOES_AGAIN},
    (State.FAILED, Failure.REFUSED_BY_PERSON, 0): ("skipped", "opted_out"),
    **{(state, None, 0): ("skipped", "not_needed") for state in (State.DELIVERED, State.UNCONFIRMED)},
    **{(State.SKIPPED, reason, 0): ("skipped", str(reason)) for reason in Reason},
}


@pytest.fixture
def undecided(sessions, agency, mail_people, start_mailing) -> int:
    """A campaign with one person for each outcome."""
    mail_people(len(OUTCOMES))
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    with sessions(agency.id).begin() as session:
        ids = session.scalars(
            text("SELECT id FROM delivery WHERE campaign_id = :c AND channel = 'sms' ORDER BY contact_id"),
            {"c": campaign_id},
        ).all()
        for delivery_id, (state, reason, again) in zip(ids, OUTCOMES, strict=True):
            session.execute(
                text("UPDATE delivery SET state = :s, reason = :r, again = :a WHERE campaign_id = :c AND id = :d"),
                {"s": state, "r": reason, "a": again, "c": campaign_id, "d": delivery_id},
            )
    return campaign_id


def decide(sessions, agency, campaign_id, *, size=1000):
    with sessions(agency.id).begin() as session:
        return waiting.decide(session, agency.id, campaign_id, size=size)


def mails(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        rows = session.execute(
            text(
                "SELECT state, reason, not_before = 'infinity' FROM delivery"
                " WHERE campaign_id = :c AND channel = 'email' ORDER BY contact_id"
            ),
            {"c": campaign_id},
        )
        return [tuple(row) for row in rows]


def test_every_outcome_decides_once(sessions, agency, undecided):
    decided = decide(sessions, agency, undecided)
    wanted = list(OUTCOMES.values())
    assert mails(sessions, agency, undecided) == [(*each, True if each == WAITS else None) for each in wanted]
    assert (decided.looked_at, decided.freed) == (len(wanted) - wanted.count(WAITS), wanted.count(GOES))
    assert decide(sessions, agency, undecided) == (0, 0)


def test_slices_come_to_the_same(sessions, agency, undecided):
    while decide(sessions, agency, undecided, size=3).looked_at:
        pass
    found = mails(sessions, agency, undecided)
    assert [(state, reason) for state, reason, _ in found] == list(OUTCOMES.values())


def test_a_late_failure_takes_nothing_back(sessions, agency, undecided):
    decide(sessions, agency, undecided)
    before = mails(sessions, agency, undecided)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET state = 'failed' WHERE channel = 'sms' AND state = 'unconfirmed'"))
    decide(sessions, agency, undecided)
    assert mails(sessions, agency, undecided) == before
