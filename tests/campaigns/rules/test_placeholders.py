"""Holes in texts: found, refused with their place, and filled without a trace."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import Invalid
from campaigns.rules.placeholders import Hole, check, fill, names, parse

ALLOWED = {"nombre", "negocio", "distrito", "linea_111"}


def test_words_and_holes_in_order() -> None:
    assert parse("Hola {{ Nombre }}, de {{negocio}}.") == (
        "Hola ",
        Hole("nombre", 6),
        ", de ",
        Hole("negocio", 23),
        ".",
    )
    assert parse("") == ()
    assert names("{{nombre}}{{NOMBRE}} {{línea_111}}") == {"nombre", "linea_111"}


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("Hola {{nombre", "placeholder_unclosed", 6),
        ("Hola {{nombre}", "placeholder_unclosed", 6),
        ("{{nombre {{negocio}}", "placeholder_unclosed", 1),
        ("Hola nombre}}", "placeholder_unopened", 12),
        ("Hola {{ }}", "placeholder_empty", 6),
        ("Hola {{apellido}}", "placeholder_unknown", 6),
        ("Hola {{nombre|upper}}", "placeholder_unknown", 6),
        ("{{nombre}} y {{7*7}}", "placeholder_unknown", 14),
        ("{{nombre}} y {Nombre}", "placeholder_single_brace", 14),
        ("a {negocio}", "placeholder_single_brace", 3),
    ],
)
def test_a_wrong_hole_is_named_with_its_place(text: str, code: str, position: int) -> None:
    with pytest.raises(Invalid) as refused:
        check(text, ALLOWED, "body.es")
    assert (refused.value.field, refused.value.code, refused.value.values["position"]) == ("body.es", code, position)


def test_other_braces_are_words() -> None:
    assert check("Precio {3} y {x}", ALLOWED) == ("Precio {3} y {x}",)


@pytest.mark.parametrize(
    ("text", "values", "filled"),
    [
        ("Hola {{nombre}}, lea.", {"nombre": "Rosa"}, "Hola Rosa, lea."),
        ("Hola {{nombre}}, lea.", {}, "Hola, lea."),
        ("Hola {{nombre}} de {{distrito}}", {}, "Hola de"),
        ("{{nombre}}, lea esto", {"nombre": " "}, "lea esto"),
        ("Aviso.\n{{nombre}}: lea", {}, "Aviso.\nlea"),
        ("Hola {{nombre}}\nadiós", {}, "Hola\nadiós"),
        ("Llame al {{linea_111}}", {"linea_111": "111"}, "Llame al 111"),
        ("({{distrito}})", {}, "()"),
        ("Hola {{nombre}}.", {"nombre": "{{negocio}}", "negocio": "no"}, "Hola negocio."),
        ("Hola {{nombre}}.", {"nombre": "Ana\r\nBcc: x@y.example"}, "Hola Ana Bcc: x@y.example."),
        ("{{nombre}}{{negocio}} fin", {"negocio": "B"}, "B fin"),
    ],
)
def test_filling(text: str, values: dict[str, str], filled: str) -> None:
    assert fill(parse(text), values) == filled


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_filled_text_has_no_hole_and_no_new_line(name: str, business: str) -> None:
    text = fill(check("Hola {{nombre}}, de {{negocio}}: alerta.", ALLOWED), {"nombre": name, "negocio": business})
    assert "{" not in text
    assert "}" not in text
    assert len(text.splitlines()) == 1


@given(st.text(alphabet="{} anombre", max_size=40))
def test_parsing_raises_nothing_else(text: str) -> None:
    with suppress(Invalid):
        assert "{{" not in fill(check(text, ALLOWED), {})
