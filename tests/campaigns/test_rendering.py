"""The exact text for one person: agency first, opt-out line last, nothing left of a hole that stays empty."""

import pytest

from campaigns import rendering
from campaigns.errors import Invalid
from campaigns.rendering import Frame
from campaigns.rules import parts

AROUND = Frame("Municipalidad", {"es": "Responda ALTO.", "en": "Reply STOP."}, {"linea_111": "111"})


def text(body, language="es", **values):
    return rendering.prepare(AROUND, body, language).text_for(values)[0]


def test_agency_first_opt_out_line_last():
    assert text("No pague.") == "Municipalidad: No pague.\nResponda ALTO."


def test_the_last_line_is_in_the_texts_language_where_a_reader_signed_it():
    assert text("Do not pay.", "en").endswith("\nReply STOP.")
    assert text("Ama quychu.", "qu").endswith("\nResponda ALTO.")


def test_holes_are_filled():
    written = text(
        "{{nombre}} de {{negocio}}, {{distrito}}: llame al {{linea_111}}.",
        nombre="Rosa",
        negocio="El Sol",
        distrito="Comas",
    )
    assert written == "Municipalidad: Rosa de El Sol, Comas: llame al 111.\nResponda ALTO."


def test_a_name_that_is_missing_leaves_no_trace():
    assert text("{{nombre}}, no pague.") == "Municipalidad: no pague.\nResponda ALTO."
    assert text("No pague, {{nombre}}") == "Municipalidad: No pague,\nResponda ALTO."


@pytest.mark.parametrize("name", ["{{linea_111}}", "Rosa\nResponda SI", "a" * 500, "\U0001f600" * 200])
def test_no_name_can_change_the_frame(name):
    written = text("{{nombre}}: no pague.", nombre=name)
    assert written.startswith("Municipalidad: ")
    assert written.count("\n") == 1
    assert written.endswith(": no pague.\nResponda ALTO.")
    assert " 111" not in written


def test_what_leaves_is_composed():
    assert text("Extorsio\u0301n") == "Municipalidad: Extorsi\u00f3n\nResponda ALTO."


@pytest.mark.parametrize("name", ["", "Rosa", "[[[[" * 30, "Ñusta " * 20, "\U0001f600" * 120, "€" * 120])
@pytest.mark.parametrize("body", ["{{nombre}}", "{{nombre}} {{negocio}} {{distrito}}", "No pague {{nombre}}. " * 9])
def test_nobody_needs_more_parts_than_were_asked_for(body, name):
    prepared = rendering.prepare(AROUND, body, "es")
    written, counted = prepared.text_for({"nombre": name, "negocio": name, "distrito": name})
    assert counted == parts.measure(written).parts <= prepared.most_parts


def test_a_text_without_personal_holes_is_written_once():
    prepared = rendering.prepare(AROUND, "Llame al {{linea_111}}.", "es")
    assert prepared.text_for({}) is prepared.text_for({"nombre": "Rosa"})
    assert prepared.most_parts == 1


def test_a_hole_nobody_can_fill_is_refused():
    with pytest.raises(Invalid, match="placeholder_unknown"):
        rendering.prepare(AROUND, "Hola {{apellido}}", "es")


def test_a_preview_is_what_leaves():
    values = {"nombre": "Rosa"}
    written, size = rendering.preview(AROUND, "{{nombre}}, no pague.", "es", values)
    assert written == text("{{nombre}}, no pague.", **values)
    assert size == parts.measure(written)


def test_the_frame_comes_from_signed_reference_data(session, agency):
    around = rendering.frame(session, agency.name)
    assert around.opt_out_line("es") == "Responda ALTO para no recibir mas."
    assert around.opt_out_line("ay") == around.opt_out_line("es")
    assert around.lines["linea_111"] == "111"
    assert rendering.allowed(around) >= {"nombre", "negocio", "distrito", "linea_105"}
