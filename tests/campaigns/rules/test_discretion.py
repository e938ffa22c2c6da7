"""Nothing in clear says who somebody is, or what happened to them; ordinary words stay free."""

import pytest

from campaigns.errors import Invalid
from campaigns.rules.discretion import names_somebody, says_what_happened
from campaigns.rules.reasons import LONGEST, SHORTEST, read_reason


@pytest.mark.parametrize(
    "text",
    ["víctima", "VICTIMAS", "es victima de extorsión", "v1ctima", "extorsionado", "Extorcion", "denunció",
     "denunciante", "puso denuncia", "amenazado", "amenaza-2024", "paga cupo", "cupos", "testigo", "agraviada",
     "chantaje", "secuestro", "fue reportado", "victim", "extorted", "was threatened", "blackmail", "has reported",
     "witness", "informant", "plaintiff", "dénuncia", "vic\u0301tima", "ＶＩＣＴＩＭＡ", "balead@"],
)  # fmt: skip
def test_what_happened_is_not_written(text):
    assert says_what_happened(text)


@pytest.mark.parametrize(
    "text",
    ["", "paradero norte", "asociación", "gremio", "ruta 4", "reporte mensual", "Víctor", "Victoria", "intimidad",
     "vacuna", "pago al día", "ley 5", "acta de asamblea", "municipalidad de Comas", "occupied", "norte@", "Amén"],
)  # fmt: skip
def test_ordinary_words_are_free(text):
    assert not says_what_happened(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [("987654321", True), ("llamar 987 654 321", True), ("rosa@correo.example", True), ("familia Núñez", True),
     ("ficha de NUNEZ", True), ("convenio con Bodega El Sol", True), ("bodega", False), ("ficha 12", False),
     ("norte", False), ("folio 2026-03-04", False), ("ruta 5", False), ("", False)],
)  # fmt: skip
def test_what_stands_in_clear_names_nobody(text, names):
    assert names_somebody(text, name="Rosa Núñez", business="Bodega El Sol") is names


@pytest.mark.parametrize(
    ("typed", "code"),
    [("", "reason_too_short"), (" " * 40, "reason_too_short"), ("corto", "reason_too_short"),
     ("a" * SHORTEST, "reason_says_nothing"), ("1234567890", "reason_says_nothing"),
     ("..........", "reason_says_nothing"), ("abcabcabcabc", "reason_says_nothing"),
     ("x y" * LONGEST, "reason_too_long"), ("Llamó porque es víctima", "says_what_happened")],
)  # fmt: skip
def test_what_is_no_reason(typed, code):
    with pytest.raises(Invalid) as refused:
        read_reason(typed)
    assert (refused.value.field, refused.value.code) == ("reason", code)


def test_a_reason_stands_on_one_line():
    assert read_reason("  Llamó y pide\n corregir su número\x00 ") == "Llamó y pide corregir su número"
    assert len(read_reason("razón " * 33 + "ok")) == LONGEST
