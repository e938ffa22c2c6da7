"""The rule builder: a plain form, read back as a sentence, counted while it is put together."""

import pytest

from campaigns import segments
from campaigns.rules.segments import EVERYONE, AllOf, AnyOf, HasEmail, HasSms, InPlace, InSector, NoneOf, Reads, Tagged
from outreach.admin import rule_words
from outreach.admin.rule_words import Names
from tests.crowd import person, refuse
from tests.outreach.conftest import token

BUSES = AllOf((AnyOf((InSector("4921"),)), AnyOf((InPlace("150110"), InPlace("150117"))), AnyOf((Reads("qu"),))))


@pytest.fixture
def people(sessions, vault, agency):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, "+51987000001", language="qu", tags=("ruta 5",))
        person(session, vault, agency, "+51987000002", language="qu", place="150117", sectors=("4922",))
        refuse(session, agency, person(session, vault, agency, "+51987000003", language="qu"))


def save(sessions, agency, ada, rule=BUSES, name="Buses"):
    with sessions(agency.id).begin() as session:
        return segments.save(session, agency.id, name=name, rule=rule, by=ada.id).id


def send(client, path, **fields):
    return client.post(path, data=fields | {"csrf_token": token(client, "/segments/new")})


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (EVERYONE, "Todas las personas de la lista."),
        (BUSES, "Personas cuyo rubro es buses, en Comas o Los Olivos y que leen quechua."),
        (
            AllOf((AnyOf((Tagged("ruta 5"),)), HasSms(), NoneOf((InPlace("150110"), Reads("es"))))),
            "Personas con la etiqueta «ruta 5», con celular y fuera de Comas y que no leen español.",
        ),
        (AnyOf((InPlace("150110"), Reads("qu"))), "Personas en Comas o que leen quechua."),
        (
            NoneOf((AllOf((InPlace("150110"), HasSms())),)),
            "Personas que no cumplen lo siguiente: (en Comas y con celular).",
        ),
        (InPlace("999999"), "Personas en 999999."),
        (AllOf((HasEmail(), HasSms())), "Personas con correo electrónico y con celular."),
        (NoneOf((HasEmail(),)), "Personas sin correo electrónico."),
    ],
)
def test_a_rule_is_read_back_as_a_sentence(app, rule, told):
    known = Names({"4921": "buses"}, {"150110": "Comas", "150117": "Los Olivos"}, {"qu": "quechua", "es": "español"})
    with app.test_request_context("/?lang=es"):
        assert rule_words.tell(rule, known) == told


def test_an_empty_list_says_what_to_do(as_ada):
    answer = as_ada.get("/segments/")
    assert answer.status_code == 200
    assert 'href="/segments/new"' in answer.text


def test_a_segment_is_made_with_the_form_and_shown_in_it_again(as_ada, sessions, agency, people):
    answer = send(as_ada, "/segments/new", name="Buses", sectors="4921", places=["150110", "150117"], languages="qu")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/segments/")
    with sessions(agency.id)() as session:
        (made,) = segments.listed(session, agency.id)
        assert segments.rule_of(made) == BUSES
    page = as_ada.get(f"/segments/{made.id}").text
    assert '<option selected value="150117">' in page
    assert "en Comas o Los Olivos y que leen quechua" in page
    assert "en Comas o Los Olivos y que leen quechua" in as_ada.get("/segments/").text


def test_every_field_of_the_form_comes_back(as_ada, sessions, agency, people):
    fields = {"sectors": ["4921"], "places": ["15"], "languages": ["qu"], "tags": ["ruta 5"], "sms": "y"}
    fields |= {"email": "y"}
    fields |= {"not_sectors": ["4711"], "not_places": ["1501"], "not_languages": ["es"], "not_tags": ["ruta 5"]}
    assert send(as_ada, "/segments/new", name="Todo", **fields).status_code == 303
    with sessions(agency.id)() as session:
        (made,) = segments.listed(session, agency.id)
    page = as_ada.get(f"/segments/{made.id}").text
    assert page.count("<option selected") == 8
    for way in ('name="sms"', 'name="email"'):
        assert "checked" in page.partition(way)[0].rpartition("<input")[2] + page.partition(way)[2][:60]


def test_the_count_comes_while_choosing(as_ada, people):
    fields = {"languages": "qu", "name": ""}
    fragment = as_ada.post(
        "/segments/count",
        data=fields | {"csrf_token": token(as_ada, "/segments/new")},
        headers={"HX-Request": "true"},
    )
    assert fragment.status_code == 200
    assert "<html" not in fragment.text
    assert "<strong>2</strong>" in fragment.text
    assert "1 pidió no recibir más mensajes" in fragment.text
    whole = send(as_ada, "/segments/count", **fields)
    assert "<html" in whole.text
    assert "<strong>2</strong>" in whole.text


def test_what_is_wrong_comes_back_with_what_was_chosen(as_ada, sessions, agency, ada):
    save(sessions, agency, ada)
    answer = send(as_ada, "/segments/new", name="Buses", places="150110")
    assert answer.status_code == 422
    assert "Ya tiene un segmento llamado Buses" in answer.text
    assert '<option selected value="150110">' in answer.text
    for bad in ({"places": "x"}, {"places": ""}, {"tags": "nadie\x00"}, {"sectors": "' OR 1=1"}):
        assert send(as_ada, "/segments/new", name="Otro", **bad).status_code == 422


def test_a_rule_of_another_shape_is_shown_and_kept_until_replaced(as_ada, sessions, agency, ada):
    rule = AnyOf((AllOf((InPlace("15"), HasSms())), Reads("qu")))
    number = save(sessions, agency, ada, rule)
    page = as_ada.get(f"/segments/{number}")
    assert "no se hizo con este formulario" in page.text
    assert "en Lima y con celular o que leen quechua" in page.text


def test_a_tag_nobody_has_any_more_stays_chosen(as_ada, sessions, agency, ada):
    number = save(sessions, agency, ada, AllOf((AnyOf((Tagged("viejo"),)),)))
    assert '<option selected value="viejo">' in as_ada.get(f"/segments/{number}").text
    assert send(as_ada, f"/segments/{number}", name="Buses", tags="viejo").status_code == 303


def test_deleting_says_what_happens_and_is_refused_while_used(as_ada, sessions, agency, ada):
    number = save(sessions, agency, ada)
    assert "«Buses»" in as_ada.get(f"/segments/{number}/delete").text
    assert send(as_ada, f"/segments/{number}/delete").status_code == 303
    assert as_ada.get(f"/segments/{number}").status_code == 404


def test_approvers_read_and_strangers_find_nothing(signed_in, sessions, agency, ada, bruno, carla):
    number = save(sessions, agency, ada)
    as_bruno, as_carla = signed_in(bruno), signed_in(carla)
    assert "Buses" in as_bruno.get("/segments/").text
    assert as_bruno.get(f"/segments/{number}").status_code == 403
    assert as_carla.get(f"/segments/{number}").status_code == 404
    assert as_carla.get(f"/segments/{number}/delete").status_code == 404
    assert send(as_carla, "/segments/count", segment=number).status_code == 404
    assert "Buses" not in as_carla.get("/segments/").text
