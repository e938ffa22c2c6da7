"""Taking an import back: what it did goes, what others did since stays."""

import pytest
from sqlalchemy import func, select, text, update

from campaigns import consent
from campaigns.rules.channels import Channel
from campaigns.rules.import_options import REPLACEABLE, Mode, Options
from campaigns.rules.seen import Seen
from campaigns.store import undoing
from campaigns.store.contacts import Contact
from campaigns.store.imports import ContactBefore
from campaigns.store.undoing import Undone
from tests.book_model import NONE
from tests.importer import Importer, someone

REPLACES_ALL = Options(mode=Mode.UPDATE, fields=frozenset(REPLACEABLE), tags=("gremio",))


@pytest.fixture
def importer(sessions, vault, agency) -> Importer:
    return Importer(sessions, vault, agency.id)


def _change(importer: Importer, **to: object) -> None:
    """Somebody corrects a contact by hand."""
    with importer.factory.begin() as session:
        session.execute(
            update(Contact).where(Contact.phone_index == importer.vault.address_index("+51987654321")).values(
                changed_at=func.now(), **to
            )
        )  # fmt: skip


def _hand_over(importer: Importer, contact_id: int) -> None:
    """A message goes out to somebody."""
    with importer.factory.begin() as session:
        campaign = session.scalar(text("SELECT min(id) FROM campaign WHERE kind = 'service'"))
        session.execute(
            text(
                "INSERT INTO delivery (campaign_id, agency_id, contact_id, channel, address_index, language, occasion)"
                " VALUES (:campaign, :agency, :contact, 'sms', 'x', 'es', :contact)"
            ),
            {"campaign": campaign, "agency": importer.agency_id, "contact": contact_id},
        )
        session.execute(
            text("UPDATE delivery SET state = 'sent', handed_at = now() WHERE contact_id = :id"), {"id": contact_id}
        )


def _id(importer: Importer, phone: str) -> int:
    return next(found for found, one in importer.book().items() if one.phone == phone)


def test_slice_by_slice_and_again_after_a_kill(importer: Importer) -> None:
    importer.bring([someone(n, name="Rosa") for n in range(10)])
    before = importer.rows()
    rows = [someone(n, name="Ana", sectors=("4922",), tags=("sur",)) for n in range(5, 30)]
    _, _, import_id = importer.bring(rows, REPLACES_ALL)
    with importer.factory() as killed:
        assert undoing.undo(killed, importer.agency_id, import_id, size=4) == Undone(removed=4)
        killed.rollback()
    assert importer.undo(import_id, size=3) == Undone(removed=20, restored=5)
    assert importer.rows() == before
    assert importer.undo(import_id) == Undone()


def test_refusals_stay_whoever_goes(importer: Importer) -> None:
    _, _, import_id = importer.bring([someone(1, ground="consent")])
    with importer.factory.begin() as session:
        indexes = importer.vault.address_indexes("+51987654321")
        consent.stop(session, importer.agency_id, Channel.SMS, indexes, source=consent.Source.STAFF, rule="ALTO")
        refused = session.execute(text("SELECT * FROM opt_out")).all()
    assert importer.undo(import_id) == Undone(removed=1)
    with importer.factory() as session:
        assert session.execute(text("SELECT * FROM opt_out")).all() == refused


def test_what_somebody_corrected_since_stays(importer: Importer) -> None:
    importer.bring([someone(1, name="Rosa"), someone(2, name="Rosa")])
    _, _, import_id = importer.bring([someone(1, name="Ana"), someone(2, name="Ana")], REPLACES_ALL)
    _change(importer, language="qu")
    assert importer.undo(import_id) == Undone(restored=1, kept=1)
    assert {(one.phone[-1], one.name, one.language) for one in importer.book().values()} == {
        ("1", "Ana", "qu"),
        ("2", "Rosa", "es"),
    }


def test_who_was_added_and_corrected_since_stays(importer: Importer) -> None:
    _, _, import_id = importer.bring([someone(1), someone(2)])
    _change(importer, language="qu")
    assert importer.undo(import_id, size=1) == Undone(removed=1, kept=1)
    assert [one.phone[-1] for one in importer.book().values()] == ["1"]


def test_a_later_import_is_somebody_too(importer: Importer) -> None:
    _, _, first = importer.bring([someone(1, name="Rosa")])
    _, _, second = importer.bring([someone(1, name="Ana")], REPLACES_ALL)
    _, _, third = importer.bring([someone(1, name="Luz")], REPLACES_ALL)
    assert importer.undo(second) == Undone(kept=1)
    assert importer.undo(third) == Undone(restored=1)
    assert [one.name for one in importer.book().values()] == ["Ana"]
    assert importer.undo(first) == Undone(kept=1)


def test_a_no_in_a_later_row_is_taken_back_too(importer: Importer) -> None:
    importer.bring([someone(1, ground="consent", name="Rosa")])
    before = importer.rows()
    _, withdrawn, import_id = importer.bring([someone(1, name="Ana"), someone(1, says_no=True)], REPLACES_ALL, size=1)
    assert withdrawn == {1}
    assert importer.undo(import_id) == Undone(restored=1)
    assert importer.rows() == before


def test_what_somebody_corrected_between_two_rows_of_an_import_stays(importer: Importer) -> None:
    importer.bring([someone(1, ground="consent", name="Rosa")])
    import_id, seen = importer.new(), Seen()
    importer.go_on(import_id, [someone(1, name="Ana")], REPLACES_ALL, seen)
    _change(importer, language="qu")
    importer.go_on(import_id, [someone(1, says_no=True)], REPLACES_ALL, seen)
    assert importer.undo(import_id) == Undone(kept=1)
    (one,) = importer.book().values()
    assert (one.name, one.language, one.ground) == ("Ana", "qu", NONE)


def test_who_was_sent_something_is_counted_and_stays(importer: Importer, sender) -> None:
    importer.bring([someone(1), someone(2), someone(3)])
    _hand_over(importer, _id(importer, "+51987654321"))
    rows = [someone(n, name="Ana") for n in range(1, 6)]
    _, _, import_id = importer.bring(rows, REPLACES_ALL)
    with importer.factory() as session:
        assert undoing.sent_since(session, importer.agency_id, import_id) == 0
    _hand_over(importer, _id(importer, "+51987654322"))
    _hand_over(importer, _id(importer, "+51987654324"))
    with importer.factory() as session:
        assert undoing.sent_since(session, importer.agency_id, import_id) == 2
    assert importer.undo(import_id) == Undone(removed=1, restored=2, kept=2)


def test_nothing_is_remembered_of_people_who_did_not_change(importer: Importer) -> None:
    importer.bring([someone(1, name="Rosa"), someone(2)])
    importer.bring(
        [someone(1, name="Rosa"), someone(2), someone(3)], Options(mode=Mode.UPDATE, fields=frozenset(REPLACEABLE))
    )
    with importer.factory() as session:
        assert session.scalar(select(func.count()).select_from(ContactBefore)) == 0


def test_a_stranger_takes_nothing_back(importer: Importer, sessions, vault, other_agency) -> None:
    _, _, import_id = importer.bring([someone(1)])
    assert Importer(sessions, vault, other_agency.id).undo(import_id) == Undone()
    assert len(importer.book()) == 1
