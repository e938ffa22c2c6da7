"""The rule builder: put together step by step in a plain form, read back as a sentence, counted on the way."""

import re

import pytest
from werkzeug.datastructures import MultiDict

from campaigns import segments
from campaigns.rules.roles import Role
from campaigns.rules.segments import (
    EVERYONE,
    AllOf,
    Answered,
    AnyOf,
    Contacted,
    HasRole,
    HasSms,
    InPlace,
    InSector,
    InSegment,
    NoneOf,
    Reads,
    Tagged,
)
from tests.crowd import person, refuse
from tests.outreach.conftest import token

BUSES = AllOf((InSector("4921"), AnyOf((InPlace("150110"), InPlace("150117"))), Reads("qu")))
TOLD = "Transportistas urbanos de Comas o Los Olivos que leen quechua."


@pytest.fixture
def people(sessions, vault, agency):
    """Fourteen who read Quechua, of whom one refused, and three who read Aymara."""
    with sessions(agency.id).begin() as session:
        for number in range(14):
            one = person(session, vault, agency, f"+519870000{number:02}", language="qu", tags=("ruta 5",))
        refuse(session, agency, one)
        for number in range(20, 23):
            person(session, vault, agency, f"+519870000{number}", language="ay", place="150117", sectors=("4922",))


def save(sessions, agency, ada, rule=BUSES, name="Buses"):
    with sessions(agency.id).begin() as session:
        return segments.save(session, agency.id, name=name, rule=rule, by=ada.id).id


def conditions(*rows, join="all"):
    """The fields of a rule with conditions (kind, values or days, "not") in its outermost group."""
    form = MultiDict({"node": "1", "join_1": join})
    for number, (kind, values, *is_not) in enumerate(rows, start=2):
        form.add("node", str(number))
        form.add(f"in_{number}", "1")
        form.add(f"kind_{number}", kind)
        form.add(f"not_{number}", "not" if is_not else "")
        form.setlist(f"value_{number}", values if isinstance(values, list) else [])
        form.add(f"days_{number}", values if isinstance(values, str) else "")
    return form


def send(client, path, form=None, fragment=False, **fields):
    data = MultiDict(form or {})
    data.update({**fields, "csrf_token": token(client, "/segments/new")})
    return client.post(path, data=data, headers={"HX-Request": "true"} if fragment else {})


def rule_called(sessions, agency, name):
    with sessions(agency.id)() as session:
        return next(segments.rule_of(one) for one in segments.listed(session, agency.id) if one.name == name)


def fields_in(page):
    """What a browser would send from the page."""
    form = MultiDict()
    inside = page.partition('<form method="post" action="/segments/')[2]
    for tag, attributes, options in re.findall(
        r"<(input|select)([^>]*)>(.*?)(?=<(?:input|select|button)|$)", inside, re.S
    ):
        name = re.search(r'name="([^"]+)"', attributes)
        if name is None or name[1] == "csrf_token":
            continue
        if tag == "input":
            form.add(name[1], re.search(r'value="([^"]*)"', attributes)[1] if "value=" in attributes else "")
        else:
            chosen = re.findall(r'<option selected value="([^"]*)"|<option value="([^"]*)" selected', options)
            for one in chosen:
                form.add(name[1], one[0] or one[1])
    return form


def test_an_empty_list_says_what_to_do(as_ada):
    answer = as_ada.get("/segments/")
    assert answer.status_code == 200
    assert 'href="/segments/new"' in answer.text


def test_a_segment_is_made_with_the_form_and_shown_in_it_again(as_ada, sessions, agency, people):
    form = conditions(("sector", ["4921"]), ("place", ["150110", "150117"]), ("language", ["qu"]))
    answer = send(as_ada, "/segments/new", form, name="Buses")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/segments/")
    assert rule_called(sessions, agency, "Buses") == BUSES
    page = as_ada.get("/segments/1").text
    assert '<option selected value="150117">' in page
    assert TOLD in page
    assert TOLD in as_ada.get("/segments/").text
    assert send(as_ada, "/segments/1", fields_in(page)).status_code == 303
    assert rule_called(sessions, agency, "Buses") == BUSES


def test_every_kind_of_condition_is_saved_and_comes_back(as_ada, sessions, agency, ada, people):
    number = save(sessions, agency, ada, Tagged("ruta 5"), "Otro")
    form = conditions(
        ("sector", ["492"]),
        ("place", ["1501"], "not"),
        ("language", ["qu", "ay"]),
        ("tag", ["ruta 5"]),
        ("role", ["driver"]),
        ("reach", ["sms"], "not"),
        ("contacted", "7", "not"),
        ("answered", ""),
        ("segment", [str(number)]),
    )
    assert send(as_ada, "/segments/new", form, name="Todo").status_code == 303
    rule = AllOf(
        (
            InSector("492"),
            NoneOf((InPlace("1501"),)),
            AnyOf((Reads("qu"), Reads("ay"))),
            Tagged("ruta 5"),
            HasRole(Role.DRIVER),
            NoneOf((HasSms(),)),
            NoneOf((Contacted(7),)),
            Answered(),
            InSegment(number),
        )
    )
    assert rule_called(sessions, agency, "Todo") == rule
    page = as_ada.get(f"/segments/{number + 1}").text
    assert send(as_ada, f"/segments/{number + 1}", fields_in(page)).status_code == 303
    assert rule_called(sessions, agency, "Todo") == rule


def test_groups_and_conditions_are_added_moved_and_removed_without_scripts(as_ada, sessions, agency, people):
    form = conditions(("language", ["qu"]))
    page = send(as_ada, "/segments/build", form, name="Mi segmento", do="group:1").text
    page = send(as_ada, "/segments/build", fields_in(page), do="add:3", new_3="tag").text
    assert 'value="Mi segmento"' in page
    assert 'id="node-4" tabindex="-1" autofocus' in page
    form = fields_in(page)
    form.setlist("value_4", ["ruta 5"])
    form["join_3"] = "none"
    page = send(as_ada, "/segments/build", form, do="down:2").text
    assert "pero no las que leen quechua, ni las que tienen la etiqueta «ruta 5»." in page
    page = send(as_ada, "/segments/build", fields_in(page), do="up:2").text
    page = send(as_ada, "/segments/build", fields_in(page), do="remove:4").text
    assert "Lo que sigue vacío todavía no cuenta." in page
    answer = send(as_ada, "/segments/new", fields_in(page))
    assert answer.status_code == 422
    assert "No hay nada en este grupo." in answer.text
    page = send(as_ada, "/segments/build", fields_in(answer.text), do="remove:3").text
    assert send(as_ada, "/segments/new", fields_in(page)).status_code == 303
    assert rule_called(sessions, agency, "Mi segmento") == AllOf((Reads("qu"),))


@pytest.mark.parametrize("pressed", ["", "add:1", "add:99", "group:x", "remove:1", "up:1", "burn:1", "add:" + "9" * 40])
def test_a_step_that_makes_no_sense_changes_nothing(as_ada, people, pressed):
    page = send(as_ada, "/segments/build", conditions(("language", ["qu"])), do=pressed, new_1="victim")
    assert page.status_code == 200
    assert "Personas que leen quechua." in page.text


def test_a_step_with_scripts_brings_only_the_builder_and_of_places_only_the_chosen(as_ada, people):
    form = conditions(("place", ["150110"]), ("tag", ["ruta 5"]))
    fragment = send(as_ada, "/segments/build", form, fragment=True, do="add:1", new_1="role").text
    assert "<html" not in fragment
    assert "Personas de Comas que tienen la etiqueta" in fragment
    assert fragment.count('<option selected value="150110">Comas (Lima, Lima)</option>') == 1
    assert "150117" not in fragment
    assert ["150110", "Comas (Lima, Lima)"] in as_ada.get("/segments/places").json[2][1]


def test_the_count_comes_while_choosing(as_ada, as_dora, people):
    form = conditions(("language", ["qu"]))
    fragment = send(as_ada, "/segments/count", form, fragment=True, name="").text
    assert "<html" not in fragment
    assert "<strong>14</strong> personas cumplen la regla" in fragment
    # Who refused is one alone: the others would tell it, and so would the total.
    assert "menos de 10 pidieron no recibir más mensajes" in fragment
    assert "<strong>10 o más</strong> personas pueden recibir ahora" in fragment
    assert "cifras menores de 10" in fragment
    fragment = send(as_dora, "/segments/count", form, fragment=True).text
    assert "<strong>13</strong> personas pueden recibir ahora" in fragment
    assert "1 pidió no recibir más mensajes" in fragment
    assert "Leen: quechua 13" in fragment
    assert "cifras menores de 10" not in fragment
    whole = send(as_ada, "/segments/count", form)
    assert "<html" in whole.text
    assert "<strong>14</strong>" in whole.text


def test_a_few_are_nobody_in_particular(as_ada, as_dora, people):
    form = conditions(("language", ["ay"]))
    assert "<strong>menos de 10</strong> personas cumplen la regla" in send(as_ada, "/segments/count", form).text
    assert "<strong>3</strong> personas cumplen la regla" in send(as_dora, "/segments/count", form).text


def test_what_is_wrong_comes_back_beside_it_with_what_was_chosen(as_ada, sessions, agency, ada):
    save(sessions, agency, ada)
    answer = send(as_ada, "/segments/new", conditions(("place", ["150110"])), name="Buses")
    assert answer.status_code == 422
    assert "Ya tiene un segmento llamado Buses" in answer.text
    assert '<option selected value="150110">' in answer.text
    for row, told in (
        (("place", ["x"]), "Lo que eligió ya no existe."),
        (("place", []), "Elija al menos uno"),
        (("tag", ["nadie\x00"]), "Lo que eligió ya no existe."),
        (("sector", ["' OR 1=1"]), "Lo que eligió ya no existe."),
        (("segment", ["99"]), "Lo que eligió ya no existe."),
        (("contacted", ""), "de 1 a 365"),
        (("contacted", "siete"), "de 1 a 365"),
        (("contacted", "366"), "de 1 a 365"),
        (("answered", "0"), "de 1 a 365"),
    ):
        answer = send(as_ada, "/segments/new", conditions(("language", ["qu"]), row), name="Otro")
        assert answer.status_code == 422
        assert told in answer.text.partition('id="node-3-error"')[2].partition("</fieldset>")[0], row
        assert 'href="#node-3"' in answer.text
        assert 'value="Otro"' in answer.text
        assert '<option selected value="qu">' in answer.text
    assert 'value="siete"' in send(as_ada, "/segments/new", conditions(("contacted", "siete")), name="x").text


def test_a_circle_is_refused_beside_the_condition_with_the_names_in_it(as_ada, sessions, agency, ada):
    inner = save(sessions, agency, ada, Reads("qu"), "Sur")
    outer = save(sessions, agency, ada, AllOf((InSegment(inner), HasSms())), "Norte")
    answer = send(as_ada, f"/segments/{inner}", conditions(("segment", [str(outer)])), name="Sur")
    assert answer.status_code == 422
    told = answer.text.partition('id="node-2-error"')[2].partition("</fieldset>")[0]
    assert "Un segmento no puede componerse de sí mismo: Sur → Norte → Sur." in told
    # It is not offered to itself.
    page = as_ada.get(f"/segments/{inner}").text
    page = send(as_ada, "/segments/build", fields_in(page), do="add:1", new_1="segment").text
    assert f'<option value="{outer}">Norte</option>' in page.replace("  ", " ")
    assert f'value="{inner}">Sur</option>' not in page


def test_a_segment_inside_another_is_told_by_its_name_and_not_deleted(as_ada, sessions, agency, ada, people):
    inner = save(sessions, agency, ada, Reads("qu"), "Sur")
    save(sessions, agency, ada, AllOf((InSegment(inner), NoneOf((InPlace("150117"),)))), "Norte")
    page = as_ada.get("/segments/").text
    assert "Personas que están en el segmento «Sur», pero no las que son de Los Olivos." in page
    assert "1 segmento" in page
    answer = send(as_ada, f"/segments/{inner}/delete")
    assert answer.status_code == 422
    assert "El segmento Norte se compone de este, así que no se puede eliminar." in answer.text


def test_a_rule_that_becomes_too_large_with_its_segments_is_told_and_not_counted(as_ada, sessions, agency, ada):
    wide = save(sessions, agency, ada, AnyOf(tuple(Tagged(f"ruta {number}") for number in range(500))), "Ancho")
    form = conditions(("segment", [str(wide)]), ("language", ["qu"]))
    assert "500 condiciones" in send(as_ada, "/segments/count", form).text
    answer = send(as_ada, "/segments/new", form, name="Más ancho")
    assert answer.status_code == 422
    assert answer.text.partition('id="node-1-error"')[2].count("500 condiciones") == 1


def test_any_saved_rule_is_shown_and_saved_as_it_is(as_ada, sessions, agency, ada, people):
    rule = AnyOf((AllOf((InPlace("15"), NoneOf((HasSms(), Tagged("ruta 5"))))), Reads("qu")))
    number = save(sessions, agency, ada, rule)
    page = as_ada.get(f"/segments/{number}").text
    assert send(as_ada, f"/segments/{number}", fields_in(page)).status_code == 303
    assert rule_called(sessions, agency, "Buses") == rule


def test_a_tag_nobody_has_any_more_stays_chosen(as_ada, sessions, agency, ada):
    number = save(sessions, agency, ada, AllOf((AnyOf((Tagged("viejo"),)),)))
    assert '<option selected value="viejo">' in as_ada.get(f"/segments/{number}").text
    assert send(as_ada, f"/segments/{number}", conditions(("tag", ["viejo"])), name="Buses").status_code == 303


def test_a_copy_is_opened_to_be_changed(as_ada, sessions, agency, ada):
    number = save(sessions, agency, ada)
    answer = send(as_ada, f"/segments/{number}/duplicate")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/segments/{number + 1}")
    assert 'value="Copia de Buses"' in as_ada.get(f"/segments/{number + 1}").text
    assert rule_called(sessions, agency, "Copia de Buses") == BUSES


def test_deleting_says_what_happens(as_ada, sessions, agency, ada):
    number = save(sessions, agency, ada)
    assert "«Buses»" in as_ada.get(f"/segments/{number}/delete").text
    assert send(as_ada, f"/segments/{number}/delete").status_code == 303
    assert as_ada.get(f"/segments/{number}").status_code == 404


def test_everyone_needs_no_condition(as_ada, sessions, agency):
    assert send(as_ada, "/segments/new", name="Todos").status_code == 303
    assert rule_called(sessions, agency, "Todos") == EVERYONE


def test_approvers_read_and_strangers_find_nothing(signed_in, sessions, agency, ada, bruno, carla):
    number = save(sessions, agency, ada)
    as_bruno, as_carla = signed_in(bruno), signed_in(carla)
    assert "Buses" in as_bruno.get("/segments/").text
    assert as_bruno.get(f"/segments/{number}").status_code == 403
    assert as_carla.get(f"/segments/{number}").status_code == 404
    for path in (f"/segments/{number}/delete", f"/segments/{number}/duplicate"):
        assert send(as_carla, path).status_code == 404
    for path in ("/segments/count", "/segments/build"):
        assert send(as_carla, path, segment=number).status_code == 404
    assert "Buses" not in as_carla.get("/segments/").text
    answer = send(as_carla, "/segments/new", conditions(("segment", [str(number)])), name="x")
    assert answer.status_code == 422
    assert "Lo que eligió ya no existe." in answer.text
