"""Receipts come early, late, twice, out of order or for nobody; a delivery only moves forward (DESIGN P6)."""

import itertools

import pytest
from sqlalchemy import select, text

from campaigns import receipts
from campaigns.providers.contract import Reported
from campaigns.receipts import Ids
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from campaigns.store.deliveries import Delivery
from campaigns.store.receipts import Receipt


@pytest.fixture
def place(sessions, agency, sender):
    """Puts a delivery into a state, as planning and sending would have."""
    numbers = itertools.count(1)

    def put(state: str, attempt: int = 1) -> Ids:
        with sessions(agency.id).begin() as session:
            campaign_id = session.scalar(text("SELECT id FROM campaign WHERE kind = 'service'"))
            delivery_id = session.scalar(
                text(
                    "INSERT INTO delivery (campaign_id, agency_id, channel, address_index, language, occasion, state,"
                    " attempt) VALUES (:campaign, :agency, 'sms', 'x', 'es', :occasion, :state, :attempt) RETURNING id"
                ),
                {"campaign": campaign_id, "agency": agency.id, "occasion": next(numbers), "state": state}
                | {"attempt": attempt},
            )
        return Ids(campaign_id, delivery_id, attempt)

    return put


@pytest.fixture
def report(sessions, agency, sender):
    def keep(ids: Ids, state: State, reason: Failure | None = None, ref: str = "SM1") -> bool:
        with sessions(agency.id).begin() as session:
            return receipts.keep(session, sender, Reported(ref, state, reason), ids)

    return keep


@pytest.fixture
def standing(sessions, agency):
    def read(ids: Ids) -> Delivery:
        with sessions(agency.id)() as session:
            return session.scalars(select(Delivery).where(Delivery.id == ids.delivery)).one()

    return read


@pytest.mark.parametrize("order", list(itertools.permutations([State.SENT, State.DELIVERED])))
@pytest.mark.parametrize("at_once", [True, False])
def test_any_order_ends_delivered(sessions, agency, place, report, standing, order, at_once):
    ids = place("sending")
    for state in order:
        report(ids, state)
        if not at_once:
            receipts.apply(sessions, agency.id)
    receipts.apply(sessions, agency.id)
    assert standing(ids).state == "delivered"
    assert standing(ids).provider_ref == "SM1"


def test_the_same_report_twice_is_kept_once(sessions, agency, place, report):
    ids = place("sent")
    assert report(ids, State.DELIVERED)
    assert not report(ids, State.DELIVERED)
    assert receipts.apply(sessions, agency.id) == 1
    assert receipts.apply(sessions, agency.id) == 0


@pytest.mark.parametrize("old", ["delivered", "failed", "skipped"])
def test_a_final_state_does_not_move(sessions, agency, place, report, standing, old):
    ids = place(old)
    report(ids, State.SENT)
    receipts.apply(sessions, agency.id)
    assert standing(ids).state == old


def test_a_failure_brings_its_reason_and_the_figures_move(sessions, agency, place, report, standing):
    ids = place("sent")
    report(ids, State.FAILED, Failure.UNREACHABLE)
    receipts.apply(sessions, agency.id)
    assert (standing(ids).state, standing(ids).reason) == ("failed", "unreachable")
    with sessions(agency.id)() as session:
        deltas = session.execute(text("SELECT state, reason, number FROM figure ORDER BY number")).all()
    assert [tuple(row) for row in deltas] == [("sent", None, -1), ("failed", "unreachable", 1)]


def test_a_refusal_the_provider_holds_is_ours_from_now_on(sessions, agency, place, report):
    report(place("sent"), State.FAILED, Failure.REFUSED_BY_PERSON)
    report(place("sent"), State.FAILED, Failure.UNREACHABLE, ref="SM2")
    receipts.apply(sessions, agency.id)
    with sessions(agency.id)() as session:
        kept = session.execute(text("SELECT channel, address_index, stopped, source FROM opt_out")).all()
    assert [tuple(row) for row in kept] == [("sms", b"x", True, "provider")]


def test_a_receipt_of_an_earlier_attempt_does_not_settle_the_later_one(sessions, agency, place, report, standing):
    ids = place("sending", attempt=2)
    report(Ids(ids.campaign, ids.delivery, 1), State.FAILED, Failure.UNREACHABLE)
    receipts.apply(sessions, agency.id)
    assert standing(ids).state == "sending"


def test_a_receipt_settles_an_unknown_and_stops_a_second_sending(sessions, agency, place, report, standing):
    unknown, queued_again = place("unknown"), place("queued")
    report(unknown, State.SENT, ref="SM1")
    report(queued_again, State.DELIVERED, ref="SM2")
    receipts.apply(sessions, agency.id)
    assert standing(unknown).state == "sent"
    assert standing(queued_again).state == "delivered"


def test_an_unknown_id_is_kept_and_moves_nothing(sessions, agency, place, report):
    report(Ids(999_999, 888_888, 1), State.DELIVERED)
    report(Ids(None, None, None), State.DELIVERED, ref="SM2")
    assert receipts.apply(sessions, agency.id) == 2
    with sessions(agency.id)() as session:
        assert [row.matched for row in session.scalars(select(Receipt))] == [False, False]


def test_another_agency_cannot_move_our_delivery(sessions, agency, other_agency, sender, vault, place, standing):
    ids = place("sent")
    from campaigns import agencies

    with sessions(other_agency.id).begin() as session:
        form = agencies.SenderForm("Callao", "+5117000002", "AC" + "1" * 32, "token")
        stranger = agencies.save_sender(session, vault, other_agency.id, form, by=None)
        receipts.keep(session, stranger, Reported("SM9", State.DELIVERED, None), ids)
    receipts.apply(sessions, other_agency.id)
    assert standing(ids).state == "sent"


@pytest.mark.parametrize("raw", [None, "", "x", "-1", "0", "9" * 30, "１２", "1.5", str(2**63)])
def test_impossible_ids_are_nothing(raw):
    assert receipts.read_ids(raw, raw, raw) == Ids(None, None, None)


def test_five_thousand_at_once(sessions, agency, sender, place):
    ids = place("sent")
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO receipt (agency_id, sender_id, provider_ref, campaign_id, delivery_id, attempt, state)"
                " SELECT :agency, :sender, 'SM' || n, :campaign, :delivery + n, 1, 'sent'"
                " FROM generate_series(1, 7000) n"
            ),
            {"agency": agency.id, "sender": sender.id, "campaign": ids.campaign, "delivery": ids.delivery},
        )
    assert receipts.apply(sessions, agency.id) == 7000


@pytest.mark.parametrize(("since", "state"), [("1 minute", "running"), ("-1 minute", "paused")])
def test_trouble_with_the_sender_pauses_again_only_if_it_is_news_of_what_was_sent_since(
    running, send, sessions, agency, report, since, state
):
    campaign_id = running(1)
    send(campaign_id)
    with sessions(agency.id).begin() as session:
        values = {"c": campaign_id, "since": since}
        session.execute(text("UPDATE campaign SET resumed_at = now() + CAST(:since AS interval) WHERE id = :c"), values)
        ids = session.execute(text("SELECT id, attempt FROM delivery WHERE campaign_id = :c"), values).one()
    report(Ids(campaign_id, ids.id, ids.attempt), State.FAILED, Failure.ACCOUNT)
    receipts.apply(sessions, agency.id)
    with sessions(agency.id)() as session:
        assert session.scalar(text("SELECT state FROM campaign WHERE id = :c"), values) == state
