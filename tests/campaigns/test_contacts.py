"""Contacts by hand, masked, found by number, mail or word, and never a stranger's."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import consent, contact_pages, contacts
from campaigns.cards import Viewer
from campaigns.contact_pages import Page
from campaigns.contacts import Form
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules.addresses import PhoneKind
from campaigns.settings import Settings
from campaigns.store.agencies import Agency
from campaigns.store.audit import AuditRow
from campaigns.store.consents import OptOut, reachable_by_sms
from campaigns.store.contacts import Contact, ContactAlias, ContactSector, ContactTag, ContactWord
from campaigns.store.engine import AgencySessions
from campaigns.store.staff import Staff
from campaigns.vault import Vault

ROSA = Form(
    name="Rosa Núñez Peña",
    business="Bodega Núñez",
    phone="987 654 321",
    email="Rosa@Correo.example",
    place_code="150110",
    language="qu",
    sectors=["4711", "4921", "4711"],
    tags="Norte, gremio",
    ground="consent",
    ground_on=date(2026, 1, 10),
)
ALL = (Contact, ContactWord, ContactSector, ContactTag)


@pytest.fixture
def rosa(session: Session, vault: Vault, agency: Agency, ada: Staff) -> int:
    return contacts.add(session, vault, agency.id, ROSA, by=ada.id)


def found(session: Session, vault: Vault, agency_id: int, query: str, *, below: int | None = None) -> Page:
    return contact_pages.found(session, vault, Viewer(agency_id), query, below=below)


def _deeds(session: Session) -> list[tuple[str, str, object]]:
    rows = session.scalars(select(AuditRow).where(AuditRow.subject.startswith("contact:")).order_by(AuditRow.id))
    return [(row.did, row.subject, row.detail) for row in rows]


def _numbers(session: Session) -> list[int]:
    return [session.scalar(select(func.count()).select_from(table)) or 0 for table in ALL]


def test_a_card_is_masked_and_whole(session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    card = contacts.get(session, vault, agency.id, rosa)
    assert (card.name, card.business) == ("R. N. P.", "B. N.")
    assert (card.phone, card.phone_kind, card.email) == ("+51 9** *** 321", PhoneKind.MOBILE, "R***@correo.example")
    assert (card.place_code, card.place, card.language) == ("150110", "Comas", "qu")
    assert (card.sectors, card.tags) == (["4711", "4921"], ["gremio", "norte"])
    assert (card.ground, card.ground_on, card.accepts_fallback) == ("consent", date(2026, 1, 10), True)
    assert card.reachable_sms
    assert _deeds(session) == [("contact:added", f"contact:{rosa}", None)]


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        (Form(name="Nadie"), "phone", "no_usable_address"),
        (Form(phone=" ", email="-"), "phone", "no_usable_address"),
        (Form(phone="12345"), "phone", "phone_unusable"),
        (Form(phone="0800 12345"), "phone", "phone_unusable"),
        (Form(phone="9.88E+08"), "phone", "phone_unusable"),
        (Form(phone="987654321", email="juan@"), "email", "email_unusable"),
        (Form(phone="987654321", language="tlh"), "language", "language_unknown"),
        (Form(phone="987654321", place_code="999999"), "place_code", "place_unknown"),
        (Form(phone="987654321", sectors=["0000"]), "sectors", "sector_unknown"),
        (Form(phone="987654321", ground="rumor"), "ground", "ground_unknown"),
        (Form(phone="987654321", role="boss"), "role", "contact_role_unknown"),
        (Form(phone="987654321", tags="norte, víctima de extorsión"), "tags", "says_what_happened"),
        (Form(phone="987654321", ground="law", ground_source="denuncia 12"), "ground_source", "says_what_happened"),
        (Form(phone="987654321", name="Rosa (testigo)"), "name", "says_what_happened"),
        (Form(phone="987654321", name="Rosa Flores", tags="flores"), "tags", "names_somebody"),
        (Form(phone="987654321", tags="987 654 321"), "tags", "names_somebody"),
        (Form(phone="987654321", ground="law", ground_text="rosa@x.example"), "ground_text", "names_somebody"),
    ],
)
def test_what_cannot_be_kept(
    form: Form, field: str, code: str, session: Session, vault: Vault, agency: Agency, ada: Staff
) -> None:
    with pytest.raises(Invalid) as refused:
        contacts.add(session, vault, agency.id, form, by=ada.id)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert _numbers(session) == [0, 0, 0, 0]


def test_nobody_stands_twice(session: Session, vault: Vault, agency: Agency, ada: Staff, rosa: int) -> None:
    with pytest.raises(Invalid) as refused:
        contacts.add(session, vault, agency.id, Form(phone="+51987654321"), by=ada.id)
    assert (refused.value.field, refused.value.code) == ("phone", "contact_taken")
    assert refused.value.values == {"contact_id": rosa}


def test_who_was_merged_into_somebody_is_not_added_again(
    session: Session, vault: Vault, agency: Agency, rosa: int
) -> None:
    session.add(ContactAlias(agency_id=agency.id, address_index=vault.address_index("+51911111111"), contact_id=rosa))
    session.flush()
    with pytest.raises(Invalid) as refused:
        contacts.add(session, vault, agency.id, Form(phone="911 111 111"), by=None)
    assert (refused.value.code, refused.value.values) == ("contact_taken", {"contact_id": rosa})
    contacts.change(session, vault, agency.id, rosa, Form(phone="911 111 111"), by=None)  # it is their own


def test_who_saves_later_is_told_first(session: Session, vault: Vault, agency: Agency, ada: Staff, rosa: int) -> None:
    session.commit()
    seen = contacts.get(session, vault, agency.id, rosa).stamp
    contacts.change(session, vault, agency.id, rosa, Form(language="es"), by=ada.id, seen=seen)
    session.commit()
    contacts.change(session, vault, agency.id, rosa, Form(language="es"), by=ada.id, seen=seen)  # nothing differs
    with pytest.raises(Conflict) as refused:
        contacts.change(session, vault, agency.id, rosa, Form(tags="sur"), by=ada.id, seen=seen)
    assert refused.value.code == "contact_moved_on"
    now = contacts.get(session, vault, agency.id, rosa)
    assert (now.language, now.tags) == ("es", ["gremio", "norte"])
    contacts.change(session, vault, agency.id, rosa, Form(tags="sur"), by=ada.id, seen=now.stamp)
    assert contacts.get(session, vault, agency.id, rosa).tags == ["sur"]


def test_the_proof_goes_with_the_ground(session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    proof = Form(role="fare_collector", ground_source="Ficha 12, archivador 3", ground_text="versión 2")
    contacts.change(session, vault, agency.id, rosa, proof, by=None)
    card = contacts.get(session, vault, agency.id, rosa)
    assert (card.role, card.ground_source, card.ground_text) == (
        "fare_collector", "Ficha 12, archivador 3", "versión 2"
    )  # fmt: skip
    assert card.ground_on == date(2026, 1, 10)
    contacts.change(session, vault, agency.id, rosa, Form(ground=""), by=None)
    card = contacts.get(session, vault, agency.id, rosa)
    assert (card.ground, card.ground_on, card.ground_source, card.ground_text) == (None, None, "", "")


def test_a_name_may_not_become_what_a_tag_says(session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    with pytest.raises(Invalid) as refused:
        contacts.change(session, vault, agency.id, rosa, Form(name="Rosa Norte"), by=None)
    assert (refused.value.field, refused.value.code) == ("tags", "names_somebody")


def test_two_who_add_the_same_number_at_once(
    sessions: AgencySessions, vault: Vault, agency: Agency, session: Session
) -> None:
    def add(number: int) -> str:
        with sessions(agency.id).begin() as own:
            try:
                contacts.add(own, vault, agency.id, Form(name=f"Rosa {number}", phone="987654321"), by=None)
            except Invalid as refused:
                return refused.code
            return "added"

    with ThreadPoolExecutor(4) as tabs:
        assert sorted(tabs.map(add, range(4))) == ["added", *["contact_taken"] * 3]


def test_a_mail_may_be_shared_only_where_a_number_tells_people_apart(
    session: Session, vault: Vault, agency: Agency, rosa: int
) -> None:
    contacts.add(session, vault, agency.id, Form(email="rosa@correo.example"), by=None)
    session.commit()
    with pytest.raises(Invalid) as refused:
        contacts.add(session, vault, agency.id, Form(email="ROSA@correo.example"), by=None)
    assert (refused.value.field, refused.value.code) == ("email", "contact_taken")


def test_only_what_is_named_changes(session: Session, vault: Vault, agency: Agency, ada: Staff, rosa: int) -> None:
    before = contacts.get(session, vault, agency.id, rosa)
    contacts.change(session, vault, agency.id, rosa, Form(language="es"), by=ada.id)
    assert contacts.get(session, vault, agency.id, rosa) == replace(before, language="es")
    assert _deeds(session)[-1] == ("contact:changed", f"contact:{rosa}", {"fields": ["language"]})


def test_everything_can_be_corrected(session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    form = Form("Ana Rojas", "", "912345678", "ana@x.example", "15", "es", [], "", "", None, False)
    contacts.change(session, vault, agency.id, rosa, form, by=None)
    card = contacts.get(session, vault, agency.id, rosa)
    assert (card.name, card.business, card.phone, card.email) == ("A. R.", "", "+51 9** *** 678", "a***@x.example")
    assert (card.place, card.language, card.sectors, card.tags) == ("Lima", "es", [], [])
    assert (card.ground, card.ground_on, card.accepts_fallback, card.reachable_sms) == (None, None, False, False)
    assert found(session, vault, agency.id, "rojas").cards == [card]
    assert found(session, vault, agency.id, "núñez").cards == []
    assert found(session, vault, agency.id, "987654321").cards == []


def test_one_name_changes_and_the_other_is_still_found(
    session: Session, vault: Vault, agency: Agency, rosa: int
) -> None:
    contacts.change(session, vault, agency.id, rosa, Form(name="Ana Rojas"), by=None)
    for query in ("ana", "bodega", "NUNEZ rojas"):
        assert [card.id for card in found(session, vault, agency.id, query).cards] == [rosa]


def test_an_address_can_be_taken_away_but_not_the_last(
    session: Session, vault: Vault, agency: Agency, rosa: int
) -> None:
    contacts.change(session, vault, agency.id, rosa, Form(phone=""), by=None)
    card = contacts.get(session, vault, agency.id, rosa)
    assert (card.phone, card.phone_kind, card.reachable_sms) == ("", None, False)
    with pytest.raises(Invalid) as refused:
        contacts.change(session, vault, agency.id, rosa, Form(email=""), by=None)
    assert refused.value.code == "no_usable_address"


def test_a_number_somebody_else_has_is_refused_and_nothing_changes(
    session: Session, vault: Vault, agency: Agency, rosa: int
) -> None:
    other = contacts.add(session, vault, agency.id, Form(name="Luis", phone="912345678"), by=None)
    session.commit()
    with pytest.raises(Invalid) as refused:
        contacts.change(session, vault, agency.id, other, Form(name="L", phone="987654321", language="en"), by=None)
    assert (refused.value.field, refused.value.code) == ("phone", "contact_taken")
    session.rollback()
    assert contacts.get(session, vault, agency.id, other).phone == "+51 9** *** 678"
    assert contacts.get(session, vault, agency.id, rosa).phone == "+51 9** *** 321"


def test_no_language_is_the_agencys(session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    contacts.change(session, vault, agency.id, rosa, Form(language=""), by=None)
    assert contacts.get(session, vault, agency.id, rosa).language == "es"


def test_deleting_leaves_nothing_but_the_refusal(session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    index = vault.address_indexes("+51987654321")
    consent.stop(session, agency.id, "sms", index, source=consent.Source.WORD, rule="ALTO")
    assert contacts.get(session, vault, agency.id, rosa).stopped_sms
    contacts.delete(session, agency.id, rosa, by=None)
    assert _numbers(session) == [0, 0, 0, 0]
    assert _deeds(session)[-1] == ("contact:deleted", f"contact:{rosa}", None)
    again = contacts.add(session, vault, agency.id, ROSA, by=None)
    card = contacts.get(session, vault, agency.id, again)
    assert (card.stopped_sms, card.stopped_email, card.reachable_sms) == (True, False, False)
    assert session.scalar(select(func.count()).select_from(OptOut)) == 1
    assert session.scalar(select(func.count()).select_from(Contact).where(reachable_by_sms())) == 0


@pytest.mark.parametrize(
    "query",
    ["987654321", "+51 987 654 321", "0051987654321", "rosa@correo.example", "ROSA@CORREO.EXAMPLE", "rosa", "NUNEZ",
     "peña rosa", " Núñez,  Bodega "],
)  # fmt: skip
def test_finding(query: str, session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    contacts.add(session, vault, agency.id, Form(name="Luis Quispe", phone="912345678"), by=None)
    assert [card.id for card in found(session, vault, agency.id, query).cards] == [rosa]


@pytest.mark.parametrize(
    "query", ["912345678", "nadie@x.example", "rosa quispe", "ros", "***", "de la", "\x00", "x" * 999]
)
def test_finding_nobody(query: str, session: Session, vault: Vault, agency: Agency, rosa: int) -> None:
    nobody = found(session, vault, agency.id, query)
    assert (nobody.cards, nobody.below) == ([], None)
    assert rosa


@pytest.mark.parametrize("query", ["", "bodega"])
def test_pages_go_on_below(
    query: str, session: Session, vault: Vault, agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = [Form(business="Bodega", email=f"a{n}@x.example") for n in range(3)]
    made = [contacts.add(session, vault, agency.id, form, by=None) for form in forms]
    monkeypatch.setattr(contact_pages, "PAGE", 2)
    first = found(session, vault, agency.id, query)
    last = found(session, vault, agency.id, query, below=first.below)
    assert [card.id for card in (*first.cards, *last.cards)] == made[::-1]
    assert last.below is None
    assert contacts.count(session, agency.id) == 3


def test_strangers_find_nobody(
    sessions: AgencySessions, session: Session, vault: Vault, other_agency: Agency, rosa: int
) -> None:
    session.commit()
    with sessions(other_agency.id)() as stranger:
        for look in (
            lambda: contacts.get(stranger, vault, other_agency.id, rosa),
            lambda: contacts.change(stranger, vault, other_agency.id, rosa, Form(name="x"), by=None),
            lambda: contacts.delete(stranger, other_agency.id, rosa, by=None),
        ):
            with pytest.raises(NotFound):
                look()
        assert found(stranger, vault, other_agency.id, "").cards == []
        assert found(stranger, vault, other_agency.id, "987654321").cards == []
        assert found(stranger, vault, other_agency.id, "rosa").cards == []
        assert contacts.count(stranger, other_agency.id) == 0


def test_no_form_shows_a_person_when_it_is_printed() -> None:
    for secret in ("Rosa", "Bodega", "987", "correo"):
        assert secret not in repr(ROSA)


@pytest.mark.parametrize("way", ["added", "changed"])
def test_a_refusal_under_an_older_index_key_holds_under_the_newest(
    session: Session, settings: Settings, vault: Vault, agency: Agency, way: str
) -> None:
    consent.stop(
        session, agency.id, "sms", vault.address_indexes("+51987654321"), source=consent.Source.WORD, rule="ALTO"
    )
    keys = {9: bytes(range(32)), **settings.index_keys}
    newer = Vault(replace(settings, index_keys=keys))
    if way == "added":
        contact_id = contacts.add(session, newer, agency.id, Form(phone="987654321", ground="consent"), by=None)
    else:
        contact_id = contacts.add(session, newer, agency.id, Form(phone="912345678", ground="consent"), by=None)
        contacts.change(session, newer, agency.id, contact_id, Form(phone="987654321"), by=None)
    assert not contacts.get(session, newer, agency.id, contact_id).reachable_sms
    consent.start(session, agency.id, "sms", newer.address_indexes("+51987654321"), rule="ALTA")
    contacts.change(session, newer, agency.id, contact_id, Form(phone="987654321"), by=None)
    assert contacts.get(session, newer, agency.id, contact_id).reachable_sms
