"""One person in full: asked for with a reason, shown once, never in an address, refused past the limit."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from campaigns import contacts
from campaigns.store.audit import AuditRow
from campaigns.store.reveals import Reveal
from tests.outreach.conftest import token

WHY = "Llamó y pide corregir su número"
IN_FULL = ("Rosa Quispe Mamani", "Transportes El Sol", "+51912345678", "rosa@correo.example")


@pytest.fixture
def rosa(sessions, vault, agency) -> str:
    """Her page's address."""
    form = contacts.Form("Rosa Quispe Mamani", "Transportes El Sol", "912345678", "rosa@correo.example")
    with sessions(agency.id).begin() as session:
        return f"/people/{contacts.add(session, vault, agency.id, form, by=None)}"


def asked(client, rosa: str, **values: object) -> dict[str, object]:
    """The form as a browser would send it."""
    shown = client.get(rosa + "/reveal").text
    once = re.search(r'name="once" type="hidden" value="([^"]*)"', shown)
    return {"csrf_token": token(client, rosa + "/reveal"), "once": once[1] if once else "x", "reason": WHY, **values}


def test_a_reason_shows_her_once(as_ada, rosa, session, agency):
    form = as_ada.get(rosa + "/reveal").text
    assert [secret for secret in IN_FULL if secret in form] == []
    assert "R. Q. M." in form
    assert "puede ver completas a 20 personas más" in form
    sent = asked(as_ada, rosa)
    shown = as_ada.post(rosa + "/reveal", data=sent)
    assert shown.status_code == 200
    assert [secret for secret in IN_FULL if secret not in shown.text] == []
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.request.url.endswith(rosa + "/reveal")
    assert not set(IN_FULL) & set(re.findall(r"<title>(.*?)</title>", shown.text))
    again = as_ada.post(rosa + "/reveal", data=sent)
    assert (again.status_code, again.headers["Location"]) == (303, rosa)
    page = as_ada.get(rosa).text
    assert "Se mostró una vez." in page
    assert [secret for secret in IN_FULL if secret in page] == []
    assert "Se mostró completa: Nombre, Negocio, Teléfono, Correo electrónico" in page
    assert WHY in page
    assert len(session.scalars(select(Reveal)).all()) == 1


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("", "Escriba al menos 10 caracteres"),
        (" " * 30, "Escriba al menos 10 caracteres"),
        ("aaaaaaaaaaaaaaaa", "Escriba el motivo con palabras."),
        ("porque sí " * 21, "Use como máximo 200 caracteres"),
        ("Es víctima de extorsión", "No escriba lo que le pasó a alguien"),
    ],
)
def test_without_a_reason_nothing_is_shown(as_ada, rosa, session, reason, sentence):
    answer = as_ada.post(rosa + "/reveal", data=asked(as_ada, rosa, reason=reason))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'id="reason-error"' in answer.text
    assert reason.strip() in answer.text
    assert [secret for secret in IN_FULL if secret in answer.text] == []
    assert session.scalars(select(Reveal)).all() == []


def test_past_the_limit_it_is_refused_and_the_administrator_reads_who(
    app, as_ada, as_dora, rosa, ada, session, settings, monkeypatch
):
    monkeypatch.setitem(app.extensions, "settings", replace(settings, reveals_per_hour=1))
    first, second, third = (asked(as_ada, rosa) for _ in range(3))
    assert as_ada.post(rosa + "/reveal", data=first).status_code == 200
    for form in (second, third):
        refused = as_ada.post(rosa + "/reveal", data=form)
        assert (refused.status_code, refused.headers["Location"]) == (303, rosa)
    page = as_ada.get(rosa).text
    assert "Vio 1 persona completa en la última hora, y ese es el límite." in page
    assert "Si pide ver a más ahora, no se muestra a nadie" in as_ada.get(rosa + "/reveal").text
    start = as_dora.get("/").text
    assert start.count("Llegó a un límite") == 1
    link = f"/people/reveals?staff={ada.id}"
    assert f'href="{link}"' in start
    looked = as_dora.get(link).text
    assert looked.count(WHY) == 1
    assert f'href="{rosa}"' in looked
    assert session.scalars(select(AuditRow.did).where(AuditRow.did.like("contact:reveal%"))).all() == [
        "contact:revealed",
        "contact:reveals_refused",
    ]


def test_who_may_ask(as_ada, as_bruno, as_dora, signed_in, carla, rosa):
    assert f'href="{rosa}/reveal"' in as_ada.get(rosa).text
    assert f'href="{rosa}/reveal"' not in as_bruno.get(rosa).text
    assert as_bruno.get(rosa + "/reveal").status_code == 403
    sent = asked(as_ada, rosa) | {"csrf_token": token(as_bruno, "/account/password")}
    assert as_bruno.post(rosa + "/reveal", data=sent).status_code == 403
    stranger = signed_in(carla)
    assert stranger.get(rosa + "/reveal").status_code == 404
    sent["csrf_token"] = token(stranger, "/account/password")
    assert stranger.post(rosa + "/reveal", data=sent).status_code == 404
    for client in (as_ada, as_bruno):
        assert client.get("/people/reveals").status_code == 403
    assert as_dora.get("/people/reveals").status_code == 200
    assert stranger.get("/people/reveals?staff=1").status_code == 404


def test_a_reason_is_not_shown_to_who_may_not_ask(as_ada, as_bruno, rosa):
    as_ada.post(rosa + "/reveal", data=asked(as_ada, rosa))
    page = as_bruno.get(rosa).text
    assert "Se mostró completa" in page
    assert WHY not in page
