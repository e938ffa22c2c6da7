"""One person's history: refusals and their undoing, texts, changes by whom, and who is near."""

import pytest
from sqlalchemy import func

from campaigns import consent, contact_history, contacts
from campaigns.cards import Viewer
from campaigns.contacts import Form
from campaigns.store.imports import ContactBefore, Import
from campaigns.store.inbound import Inbound


@pytest.fixture
def add(session, vault, agency):
    def one(phone, **more):
        return contacts.add(session, vault, agency.id, Form(phone=phone, **more), by=None)

    return one


@pytest.fixture
def history(session, vault, agency):
    def of(contact_id, *, with_texts=True):
        return contact_history.history(session, vault, agency.id, contact_id, with_texts=with_texts, with_reasons=False)

    return of


def test_what_was_refused_and_taken_back(session, vault, agency, add, history):
    rosa = add("987654321", email="rosa@correo.example", ground="consent")
    phone, mail = vault.address_indexes("+51987654321"), vault.address_indexes("rosa@correo.example")
    consent.stop(session, agency.id, "sms", phone, source=consent.Source.WORD, rule="ALTO")
    consent.stop(session, agency.id, "email", mail, source=consent.Source.LINK, rule="one-click")
    session.commit()
    consent.start(session, agency.id, "sms", phone, rule="ALTA")
    found = {one.channel: one for one in history(rosa).refusals}
    assert (found["sms"].source, found["sms"].word) == ("word", "ALTA")
    assert found["sms"].started_again_at > found["sms"].at
    assert (found["email"].source, found["email"].started_again_at) == ("link", None)


def test_what_they_wrote(session, vault, agency, sender, add, history):
    rosa = add("987654321")
    for number, (kind, body) in enumerate([("stop", "ALTO"), ("other", "¿Quiénes son?"), ("other", None)]):
        session.add(
            Inbound(
                agency_id=agency.id, sender_id=sender.id, provider_ref=f"SM{number}", channel="sms",
                address_index=vault.address_index("+51987654321"), kind=kind, language="es", contact_id=rosa,
                address_sealed=vault.seal("+51987654321", agency.id),
                body_sealed=vault.seal(body, agency.id) if body else None,
            )
        )  # fmt: skip
        session.flush()
    assert [(one.kind, one.body) for one in history(rosa).replies] == [
        ("other", ""), ("other", "¿Quiénes son?"), ("stop", "ALTO"),
    ]  # fmt: skip
    assert {one.body for one in history(rosa, with_texts=False).replies} == {None}
    assert history(rosa).wrote == {"stop": 1, "other": 2}
    assert "Quiénes" not in repr(history(rosa))


def test_who_changed_what(session, vault, agency, ada, add, history):
    rosa = add("987654321")
    form = Form(name="Rosa Flores", language="es", tags="norte", phone="+51 987 654 321")
    contacts.change(session, vault, agency.id, rosa, form, by=ada.id)
    contacts.change(session, vault, agency.id, rosa, form, by=ada.id)  # nothing differs any more
    changes = history(rosa).changes
    assert [(one.did, one.by, list(one.fields)) for one in changes] == [
        ("contact:changed", "Ada Writer", ["name", "tags"]),
        ("contact:added", "", []),
    ]


def test_others_at_the_same_business_and_mailbox(session, vault, agency, add):
    sol = {"business": "Transportes El Sol S.A.C.", "email": "sol@correo.example"}
    rosa = add("987654321", name="Rosa Flores", role="owner", **sol)
    luis = add("987654322", name="Luis Rojas", business="EL SOL, transportes", role="driver")
    add("987654323", name="Ana Sol", business="Transportes")
    add("987654324", name="Eva Ríos", business="Transportes El Sol de Oro")
    ines = add("987654325", name="Inés Vega", email="SOL@correo.example")
    near = contact_history.near(session, vault, Viewer(agency.id), rosa)
    assert [(one.id, one.name, one.role) for one in near.business] == [(luis, "L. R.", "driver")]
    assert [one.id for one in near.mailbox] == [ines]
    full = contact_history.near(session, vault, Viewer(agency.id, with_names=True), luis)
    assert [(one.name, one.phone) for one in full.business] == [("Rosa Flores", "+51 9** *** 321")]


def test_a_file_that_changed_them_stands_among_the_changes(session, vault, agency, ada, add, history):
    rosa = add("987654321")
    brought = Import(agency_id=agency.id, staff_id=ada.id, state="done", options={}, begun_at=func.now())
    session.add(brought)
    session.flush()
    session.add(ContactBefore(agency_id=agency.id, import_id=brought.id, contact_id=rosa, before={}))
    session.flush()
    told = [(str(one.did), one.import_id) for one in history(rosa).changes]
    assert set(told) == {("contact:added", None), ("contact:imported", brought.id)}
