"""Erasing, handing over and merging: who may, what is asked before, and that a stranger's people are nobody."""

import io
import json

import pytest
from sqlalchemy import text

from campaigns import consent, import_faults, imports
from campaigns.consent import Source
from campaigns.import_faults import Fault
from campaigns.store import contacts as store
from tests import drafts
from tests.crowd import person
from tests.outreach.conftest import send

PHONE, OTHER = "+51987000001", "+51987000002"


@pytest.fixture
def rosa(sessions, vault, agency) -> int:
    with sessions(agency.id).begin() as session:
        return person(session, vault, agency, PHONE, email="rosa@correo.example", tags=("cono norte",)).id


@pytest.fixture
def twin(sessions, vault, agency) -> int:
    with sessions(agency.id).begin() as session:
        return person(session, vault, agency, OTHER, name="Rosita Quispe", ground=None).id


def there(sessions, agency, contact_id):
    with sessions(agency.id)() as session:
        return store.get(session, agency.id, contact_id)


PAGES = {"merge": "/people/{}/merge", "data": "/people/{}/data", "erase": "/people/{}/erase"}
MAY = {"ada": {"merge"}, "bruno": set(), "dora": {"merge", "data", "erase"}}


@pytest.mark.parametrize("who", MAY)
def test_each_role_sees_and_opens_what_it_may(request, signed_in, rosa, who):
    client = signed_in(request.getfixturevalue(who))
    shown = client.get(f"/people/{rosa}").text
    for name, path in PAGES.items():
        at = path.format(rosa)
        assert (f'href="{at}"' in shown) == (name in MAY[who])
        assert client.get(at).status_code == (200 if name in MAY[who] else 403)
        assert name in MAY[who] or send(client, at).status_code == 403


def test_another_agencys_person_is_nobody(signed_in, carla, rosa, twin, sessions, agency):
    client = signed_in(carla)
    for path in (*PAGES.values(), "/people/{}/merge/" + str(twin)):
        at = path.format(rosa)
        assert client.get(at).status_code == 404
        assert send(client, at, typed="ERASE").status_code == 404
    assert there(sessions, agency, rosa)
    assert there(sessions, agency, twin)


def test_erasing_asks_for_a_word(as_dora, sessions, agency, rosa):
    at = PAGES["erase"].format(rosa)
    for typed in ("", "sí", "BORRARLO"):
        answer = send(as_dora, at, typed=typed)
        assert answer.status_code == 422
        assert "Escriba la palabra BORRAR." in answer.text
    assert there(sessions, agency, rosa)
    assert send(as_dora, at, typed=" borrar ").headers["Location"] == "/people/"
    assert there(sessions, agency, rosa) is None
    assert as_dora.get(f"/people/{rosa}").status_code == 404


def test_all_there_is_about_somebody_on_a_page_and_as_a_file(
    as_dora, sessions, vault, agency, ada, bruno, sender, rosa
):
    with sessions(agency.id).begin() as session:
        index = store.get(session, agency.id, rosa).email_index
        consent.stop(session, agency.id, "email", [index], source=Source.LINK, rule="one_click")
    running = drafts.running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        session.execute(
            text("UPDATE delivery SET state = 'delivered', handed_at = now() WHERE campaign_id = :c"), {"c": running}
        )
    at = PAGES["data"].format(rosa)
    assert PHONE not in as_dora.get(at).text
    answer = send(as_dora, at, **{"as": "page"})
    for word in ("Rosa Quispe", PHONE, "rosa@correo.example", "cono norte", "Rosa Quispe, no pague. Llame al 111."):
        assert word in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Rosa" not in answer.text.partition("<title>")[2].partition("</title>")[0]
    file = send(as_dora, at, **{"as": "json"})
    assert file.headers["Content-Disposition"] == f'attachment; filename="person-{rosa}.json"'
    assert file.headers["Cache-Control"] == "no-store"
    told = json.loads(file.text)
    assert (told["phone"], told["ground"]["ground"]) == (PHONE, "consent")
    assert [one["channel"] for one in told["refusals"]] == ["email"]
    (message,) = told["messages"]
    assert message["text"].startswith("Municipalidad de Lima Norte: Rosa Quispe, no pague.")
    with sessions(agency.id)() as session:
        rows = session.execute(text("SELECT subject, detail FROM audit WHERE did = 'contact:exported'")).all()
        assert [tuple(row) for row in rows] == [(f"contact:{rosa}", None)] * 2


def test_the_other_entry_is_found_and_the_two_become_one(as_ada, sessions, vault, agency, rosa, twin):
    with sessions(agency.id).begin() as session:
        index = store.get(session, agency.id, twin).phone_index
        consent.stop(session, agency.id, "sms", [index], source=Source.WORD, rule="ALTO")
    at = PAGES["merge"].format(rosa)
    found = send(as_ada, at, query="987 000 002").text
    assert f'href="{at}/{twin}"' in found
    assert OTHER not in found
    assert "No se encontró a nadie más" in send(as_ada, at, query="987000001").text
    compare = as_ada.get(f"{at}/{twin}").text
    assert "+51 9** *** 001" in compare
    assert "+51 9** *** 002" in compare
    assert "En una de las dos fichas rechazó los SMS" in compare
    assert "En una de las dos fichas no hay nada registrado" in compare
    assert send(as_ada, f"{at}/{twin}", name="other", phone="nobody").status_code == 422
    assert there(sessions, agency, twin)
    done = send(as_ada, f"{at}/{twin}", name="other", phone="this")
    assert done.headers["Location"] == f"/people/{rosa}"
    one = there(sessions, agency, rosa)
    assert vault.open(one.name_sealed, agency.id) == "Rosita Quispe"
    assert vault.open(one.phone_sealed, agency.id) == PHONE
    assert one.legal_ground is None
    assert there(sessions, agency, twin) is None


def test_nobody_is_merged_with_themselves(as_ada, rosa):
    assert as_ada.get(f"/people/{rosa}/merge/{rosa}").status_code == 409


def test_the_page_of_the_import_that_brought_them_still_opens(as_dora, sessions, vault, agency):
    file = "Nombre;Celular\nRosa Quispe;987000001\n"
    imports.bring_in(sessions, vault, agency.id, io.BytesIO(file.encode()))
    kept = text("SELECT count(*) FROM import_fault")
    with sessions(agency.id).begin() as session:
        rosa = session.scalar(text("SELECT id FROM contact"))
        import_faults.keep(session, vault, agency.id, 1, [Fault(2, ("place_unknown",), ("Rosa Quispe", "987000001"))])
    before = as_dora.get("/imports/1")
    send(as_dora, PAGES["erase"].format(rosa), typed="BORRAR")
    with sessions(agency.id)() as session:
        assert session.scalar(kept) == 0
        assert session.scalar(text("SELECT detail ->> 'imports' FROM audit WHERE did = 'contact:erased'")) == "1"
    assert before.status_code == as_dora.get("/imports/1").status_code == 200
    for path in ("/imports/", "/imports/1/faults.csv", "/imports/1/undo"):
        assert as_dora.get(path).status_code < 500
