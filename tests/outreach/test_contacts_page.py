"""People: found by number, mail or word, shown masked, added, corrected and deleted by hand."""

import re

import pytest
from sqlalchemy import func, select

from campaigns import contacts
from campaigns.rules.segments import EVERYONE
from campaigns.store.audit import AuditRow
from campaigns.store.contacts import Contact
from tests import crowd, drafts
from tests.outreach.conftest import token

ROSA = {
    "name": "Rosa Quispe Mamani",
    "business": "Transportes El Sol",
    "phone": "912 345 678",
    "email": "rosa@correo.example",
    "place_code": "150110",
    "sectors": ["4921"],
    "language": "qu",
    "accepts_fallback": "y",
    "tags": "Paradero Norte, asociación",
    "ground": "consent",
    "ground_on": "2026-03-04",
    "role": "driver",
    "ground_source": "Ficha 12, archivador 3",
    "ground_text": "Formulario, versión 2",
}
SECRETS = ("Quispe", "Mamani", "Transportes El Sol", "912345678", "912 345 678", "rosa@correo")


def filled(client, path: str, **values: object) -> dict[str, object]:
    """The form at the path as a browser would send it: with its token, and the stamp of what it began from."""
    seen = re.search(r'name="seen" type="hidden" value="([^"]*)"', client.get(path).text)
    return {"csrf_token": token(client, path), **({"seen": seen[1]} if seen else {}), **values}


def find(client, query: str, **more: object):
    return client.post("/people/search", data=filled(client, "/people/", query=query, **more))


@pytest.fixture
def rosa(as_ada) -> str:
    """Her page's address."""
    answer = as_ada.post("/people/new", data=filled(as_ada, "/people/new", **ROSA))
    assert answer.status_code == 303
    return answer.headers["Location"]


@pytest.fixture
def card(sessions, vault, agency):
    def ask(address: str) -> contacts.Card:
        with sessions(agency.id)() as session:
            return contacts.get(session, vault, agency.id, int(address.rpartition("/")[2]))

    return ask


def test_who_is_added_is_shown_masked_everywhere(as_ada, rosa):
    for path in ("/people/", rosa, rosa + "/change", rosa + "/delete"):
        shown = as_ada.get(path).text
        assert [secret for secret in SECRETS if secret in shown] == [], path
    page = as_ada.get(rosa).text
    for masked in ("R. Q. M.", "T. E. S.", "+51 9** *** 678", "r***@correo.example", "Comas", "paradero norte"):
        assert masked in page
    assert "La persona aceptó (4 mar. 2026)" in page


@pytest.mark.parametrize(
    "query", ["912345678", "+51 912-345-678", "0051912345678", "ROSA@correo.example", "quíspe", "sol mamani"]
)
def test_she_is_found_in_any_notation(as_ada, rosa, query):
    found = find(as_ada, query)
    assert f'href="{rosa}"' in found.text
    assert "?" not in found.request.url


@pytest.mark.parametrize(
    "query", ["912345679", "otra@correo.example", "Quisp", "Quispe Huamán", "' OR 1=1 --", "%", "🚌"]
)
def test_nobody_else_is_found(as_ada, rosa, query):
    found = find(as_ada, query)
    assert found.status_code == 200
    assert rosa not in found.text
    assert "No se encontró a nadie" in found.text


def test_an_empty_search_shows_everybody(as_ada, rosa):
    assert rosa in find(as_ada, "  ").text


@pytest.mark.parametrize(
    ("narrowing", "there"),
    [
        ("sector=4921", True),
        ("sector=5610", False),
        ("place=1501", True),
        ("place=15", True),
        ("place=150117", False),
        ("language=qu", True),
        ("language=es", False),
        ("tag=paradero+norte", True),
        ("reach=sms", True),
        ("reach=neither", False),
        ("reach=sms&language=qu&place=150110&sector=4921", True),
        ("sector=zz%27&place=%00x&below=abc", True),
        ("below=99999999999999999999999999", True),
        ("below=1", False),
        ("below=-5", True),
    ],
)
def test_the_list_is_narrowed(as_ada, rosa, narrowing, there):
    shown = as_ada.get("/people/?" + narrowing)
    if "%00" in narrowing:
        assert shown.status_code == 400
    else:
        assert shown.status_code == 200
        assert (f'href="{rosa}"' in shown.text) is there


def test_what_narrows_is_told_and_taken_away_one_by_one(as_ada, rosa):
    shown = as_ada.get("/people/?role=driver&place=1501&ground=with").text
    for chip, others in (
        ("Función: Conductor o conductora", "/people/?place=1501&amp;ground=with"),
        ("Lugar: Lima (Lima)", "/people/?role=driver&amp;ground=with"),
        ("Por qué podemos escribirle: Con algún motivo registrado", "/people/?place=1501&amp;role=driver"),
    ):
        assert re.search(rf'href="{re.escape(others)}"[^>]*>{re.escape(chip)} ', shown), chip


def test_a_search_stays_within_what_the_list_is_narrowed_to(as_ada, rosa):
    within = find(as_ada, "912345678", role="owner")
    assert rosa not in within.text
    assert "Buscar entre todas" in within.text
    freed = find(as_ada, "912345678", role="owner", without="role")
    assert f'href="{rosa}"' in freed.text
    assert 'class="chip"' not in freed.text
    assert f'href="{rosa}"' in find(as_ada, "912345678", role="driver").text
    assert rosa in find(as_ada, "912345678", role="zz", without="csrf_token").text


def test_a_long_list_has_pages_and_survives_rows_that_do_not_open(as_ada, session, agency):
    crowd.crowd(session, agency, 120)
    session.commit()
    first = as_ada.get("/people/?language=es")
    assert first.text.count("<tr>") == 51
    older = re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&")
    assert "language=es" in older
    second = as_ada.get(older)
    assert second.text.count("<tr>") == 1 + 72 - 50
    assert 'rel="next"' not in second.text


def test_a_search_with_many_finds_goes_on_without_naming_anybody_in_the_address(as_ada, session, vault, agency):
    for number in range(60):
        form = contacts.Form(name="Rosa Flores", phone=f"9870000{number:02}", ground="consent")
        contacts.add(session, vault, agency.id, form, by=None)
        session.commit()
    first = find(as_ada, "rosa flores")
    below = re.search(r'name="below" value="(\d+)"', first.text)[1]
    assert first.text.count("<tr>") == 51
    assert find(as_ada, "rosa flores", below=below).text.count("<tr>") == 11


def test_an_empty_list_says_what_to_do(as_ada):
    assert "Todavía no hay nadie en la lista" in as_ada.get("/people/").text


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"phone": "", "email": ""}, "phone", "Escriba un número de teléfono o un correo"),
        ({"phone": "105"}, "phone", "Este número no se puede usar."),
        ({"phone": "9.87E+08"}, "phone", "Este número no se puede usar."),
        ({"email": "rosa arroba"}, "email", "Escriba un correo"),
        ({"place_code": "999999"}, "place_code", ""),
        ({"language": "zz"}, "language", ""),
        ({"sectors": ["9999", "x"]}, "sectors", ""),
        ({"ground": "because"}, "ground", ""),
        ({"ground_on": "ayer"}, "ground_on", ""),
        ({"role": "jefe"}, "role", ""),
        ({"tags": "norte, fue extorsionada"}, "tags", "No escriba lo que le pasó a alguien"),
        ({"tags": "familia Mamani"}, "tags", "No escriba aquí nombres"),
        ({"ground_source": "Denuncia 33"}, "ground_source", "No escriba lo que le pasó a alguien"),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(as_ada, changed, field, sentence):
    answer = as_ada.post("/people/new", data=filled(as_ada, "/people/new", **ROSA | changed))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert sentence in answer.text
    assert 'value="Rosa Quispe Mamani"' in answer.text


def test_nobody_is_added_twice(as_ada, rosa, session):
    same = filled(as_ada, "/people/new", **ROSA | {"name": "Otra", "phone": "+51912345678"})
    answer = as_ada.post("/people/new", data=same)
    assert answer.status_code == 422
    assert "Alguien de su lista ya tiene este dato." in answer.text
    assert f'<a href="{rosa}">Ver a la persona que lo tiene</a>' in answer.text
    assert 'id="phone-error"' in answer.text
    assert session.scalar(select(func.count()).select_from(Contact)) == 1


def test_a_number_somebody_else_has_is_refused_beside_it(as_ada, rosa, card):
    luis = {**ROSA, "name": "Luis", "phone": "987654321", "email": "", "language": "es"}
    other = as_ada.post("/people/new", data=filled(as_ada, "/people/new", **luis)).headers["Location"]
    wanted = {**luis, "name": "Luis Rojas", "phone": ROSA["phone"], "language": "en"}
    answer = as_ada.post(other + "/change", data=filled(as_ada, other + "/change", **wanted))
    assert answer.status_code == 422
    assert 'id="phone-error"' in answer.text
    kept = card(other)
    assert (kept.name, kept.phone, kept.language) == ("L.", "+51 9** *** 321", "es")


def test_who_saves_later_is_told_and_keeps_what_they_typed(as_ada, as_dora, rosa, card):
    path = rosa + "/change"
    kept = {key: value for key, value in ROSA.items() if key not in ("name", "business", "phone", "email")}
    ada, dora = filled(as_ada, path, **kept | {"tags": "sur"}), filled(as_dora, path, **kept | {"language": "es"})
    assert as_dora.post(path, data=dora).status_code == 303
    told = as_ada.post(path, data=ada)
    assert told.status_code == 422
    assert "Alguien corrigió a esta persona después de que usted abrió esta página." in told.text
    assert 'value="sur"' in told.text
    assert (card(rosa).language, card(rosa).tags) == ("es", ["asociación", "paradero norte"])
    seen = re.search(r'name="seen" type="hidden" value="([^"]*)"', told.text)[1]
    assert as_ada.post(path, data=ada | {"seen": seen}).status_code == 303
    assert (card(rosa).language, card(rosa).tags) == ("qu", ["sur"])


def test_a_form_that_knows_no_version_replaces_none(as_ada, rosa, card):
    sent = filled(as_ada, rosa + "/change", tags="sur", seen="")
    assert as_ada.post(rosa + "/change", data=sent).status_code == 422
    assert card(rosa).tags == ["asociación", "paradero norte"]


def test_what_is_left_empty_stays_and_what_is_ticked_goes(as_ada, rosa, card):
    path = rosa + "/change"
    sent = filled(
        as_ada, path, business="Otro Negocio", forget_email="y", language="es", place_code="", ground="", tags="nuevo"
    )
    assert as_ada.post(path, data=sent).status_code == 303
    now = card(rosa)
    assert (now.name, now.phone, now.email, now.business) == ("R. Q. M.", "+51 9** *** 678", "", "O. N.")
    assert (now.language, now.ground, now.tags, now.sectors, now.place_code) == ("es", None, ["nuevo"], [], None)
    assert not now.accepts_fallback
    assert "Quitar el correo" not in as_ada.get(path).text


def test_taking_the_last_address_away_is_refused(as_ada, rosa, card):
    path = rosa + "/change"
    sent = filled(as_ada, path, forget_email="y", forget_phone="y", language="qu", tags="uno")
    answer = as_ada.post(path, data=sent)
    assert answer.status_code == 422
    assert 'id="phone-error"' in answer.text
    assert card(rosa).tags == ["asociación", "paradero norte"]


def test_deleting_asks_first_and_a_refusal_outlives_it(as_ada, rosa, session, agency):
    crowd.refuse(session, agency, session.scalars(select(Contact)).one())
    session.commit()
    path = rosa + "/delete"
    assert "R. Q. M." in as_ada.get(path).text
    sent = filled(as_ada, path)
    assert as_ada.post(path, data=sent).status_code == 303
    assert as_ada.get(rosa).status_code == 404
    assert as_ada.post(path, data=sent).status_code == 404
    again = as_ada.post("/people/new", data=filled(as_ada, "/people/new", **ROSA)).headers["Location"]
    assert "Rechazó los mensajes" in as_ada.get(again).text
    did = session.scalars(select(AuditRow.did).where(AuditRow.subject == "contact:1").order_by(AuditRow.id)).all()
    assert did == ["contact:added", "contact:deleted"]


def test_an_administrator_reads_names_and_no_addresses(as_dora, rosa):
    for path in ("/people/", rosa, rosa + "/delete"):
        shown = as_dora.get(path).text
        assert "Rosa Quispe Mamani" in shown, path
        assert [secret for secret in ("912345678", "912 345 678", "rosa@correo") if secret in shown] == [], path
    assert "<title>Una persona · Outreach</title>" in as_dora.get(rosa).text
    assert "Rosa Quispe" not in as_dora.get(rosa + "/change").text  # what is replaced need not be shown


def test_nothing_of_her_is_on_any_page_a_writer_walks(as_ada, sessions, vault, agency, sender, ada, rosa):
    """List, search, filters, her page with history and neighbours, forms with errors: never more than the mask."""
    form = contacts.Form("Luis Xhoque Ñaupari", "Transportes El Sol", "987111222", "rosa@correo.example", role="driver")
    with sessions(agency.id).begin() as session:
        luis = contacts.add(session, vault, agency.id, form, by=ada.id)
    secrets = (*SECRETS, "Xhoque", "Ñaupari", "987111222", "987 111 222", "El Sol")
    paths = ["/people/", "/people/?role=driver&reach=sms&tag=paradero+norte", "/people/new", "/people/?below=1"]
    paths += [each + end for each in (rosa, f"/people/{luis}") for end in ("", "/change", "/delete", "/reveal")]
    pages = {path: as_ada.get(path).text for path in paths}
    pages["search"] = find(as_ada, "912345678").text.replace('value="912345678"', "")
    taken = filled(as_ada, f"/people/{luis}/change", phone="912345678", language="es")
    pages["taken"] = as_ada.post(f"/people/{luis}/change", data=taken).text.replace('value="912345678"', "")
    for path, shown in pages.items():
        assert [secret for secret in secrets if secret in shown] == [], path
    assert "En el mismo negocio" in pages[rosa]
    assert "Con el mismo correo" in pages[rosa]
    assert f'href="/people/{luis}"' in pages[rosa]


def test_an_approver_looks_but_does_not_touch(signed_in, bruno, rosa):
    client = signed_in(bruno)
    page = client.get(rosa)
    assert page.status_code == 200
    assert rosa + "/change" not in page.text
    for path in ("/people/new", rosa + "/change", rosa + "/delete"):
        assert client.get(path).status_code == 403


def test_a_stranger_finds_nobody(signed_in, carla, rosa):
    client = signed_in(carla)
    for path in (rosa, rosa + "/change", rosa + "/delete", "/people/999999999999999999999999"):
        assert client.get(path).status_code == 404
    assert client.post(rosa + "/delete", data=filled(client, "/people/new")).status_code == 404
    assert rosa not in client.get("/people/").text
    assert rosa not in find(client, "912345678").text


def test_her_page_tells_what_she_was_sent_and_why_not(as_ada, sessions, agency, ada, bruno, sender, vault, carla):
    with sessions(agency.id).begin() as session:
        rosa = crowd.person(session, vault, agency, "+51912345678")
    campaign_id = drafts.running(sessions, agency, ada, bruno, sender, rule=EVERYONE)
    shown = as_ada.get(f"/people/{rosa.id}").text
    assert f'href="/campaigns/{campaign_id}/"' in shown
    assert "Espera su envío" in shown
    assert "No nos ha escrito." in shown


def test_the_place_that_is_chosen_is_the_one_that_is_marked(as_ada, rosa):
    for path, marked in (("/people/", []), ("/people/?place=1501", ["1501"]), (rosa + "/change", ["150110"])):
        shown = as_ada.get(path).text
        places = re.search(r'<select[^>]* name="place(?:_code)?"[^>]*>(.*?)</select>', shown, re.DOTALL)[1]
        assert re.findall(r'<option value="(\d*)" selected>', places) == marked, path
        assert 'value="150110"' in places
        assert 'label="Distritos"' in places
    assert 'label="Districts"' in as_ada.get("/people/?lang=en").text
