"""Columns by what stands in them."""

import pytest

from campaigns.rules.column_guess import Guess, How, Known, believe, guess, is_person
from campaigns.rules.headings import Field
from campaigns.rules.places import Level

KNOWN = Known(
    languages={"espanol", "quechua", "aimara", "es", "qu"},
    sectors={"taxi", "mototaxi", "bodega", "transporte urbano", "restaurante", "4922"},
    places={
        Level.DEPARTMENT: {"lima", "cusco", "puno", "callao"},
        Level.PROVINCE: {"lima", "cusco", "puno", "callao", "canchis"},
        Level.DISTRICT: {"lima", "cusco", "puno", "callao", "lince", "ate", "sicuani", "wanchaq"},
    },
    codes={"150101", "150116", "080101", "210101"},
)
PEOPLE = [
    ["1", "Rosa Quispe Mamani", "Transportes Quispe SAC", "987 654 321", "rosa@correo.example", "Lince", "Lima"],
    ["2", "José Ñahui Condori", "Mototaxis El Sol E.I.R.L.", "+51 912345678", "", "Ate", "Lima"],
    ["3", "Ana María de la Cruz", "Bodega Ana", "01 418 4030", "ana@correo.example", "Sicuani", "Cusco"],
    ["4", "Luis Huamán", "Inversiones Huamán S.R.L.", "51987654329", "luis@correo.example", "Wanchaq", "Cusco"],
]  # fmt: skip


def _columns(headings, rows):
    return {field.value: one.column for field, one in guess(headings, rows, KNOWN).items()}


def test_a_file_without_headings():
    assert _columns([], PEOPLE) == {
        "phone": 3,
        "email": 4,
        "name": 1,
        "business": 2,
        "district": 5,
        "department": 6,
    }


def test_a_heading_wins_over_what_is_in_the_column():
    headings = ["N°", "Razón social", "Titular", "Celular", "Correo", "x", "Región"]
    assert _columns(headings, PEOPLE) == {"business": 1, "name": 2, "phone": 3, "email": 4, "department": 6}


def test_headings_nobody_knows():
    found = guess(["#", "Socio", "Razón", "WSP", "Buzón", "Zona", "Ciudad"], PEOPLE, KNOWN)
    assert found[Field.PHONE] == Guess(3, How.CONTENT)
    assert found[Field.NAME] == Guess(1, How.CONTENT)
    assert found[Field.DISTRICT] == Guess(5, How.CONTENT)


def test_a_heading_that_stands_over_something_else_is_not_believed():
    headings = ["Número", "Nombre", "Empresa", "Contacto", "Correo", "Distrito", "Departamento"]
    found = guess(headings, PEOPLE, KNOWN)
    assert found[Field.PHONE] == Guess(3, How.CONTENT)
    assert found[Field.NAME] == Guess(1, How.HEADING)


def test_an_empty_column_keeps_its_heading():
    assert _columns(["Celular", "Correo"], [["", "ana@correo.example"], [" ", "eva@correo.example"]]) == {
        "phone": 0,
        "email": 1,
    }
    assert _columns(["Celular", "Correo"], []) == {"phone": 0, "email": 1}


def test_identity_cards_and_tax_numbers_are_no_telephones():
    rows = [["44123456", "20123456789", "987654321"], ["01234567", "10441234561", "912345678"]]
    assert _columns([], rows) == {"phone": 2}
    assert believe([], [row[:2] for row in rows]) == {}


def test_a_column_with_some_addresses_is_proposed_but_not_sure():
    rows = [["987654321"], ["no tiene"], ["?"], ["pendiente"]]
    assert guess([], rows, KNOWN) == {Field.PHONE: Guess(0, How.CONTENT, sure=False)}


def test_consent_is_never_sure_from_its_cells_and_not_asked_of_them_under_a_heading():
    rows = [["987654321", "Sí", "01/03/2026"], ["912345678", "no", "2026-03-02"], ["955555555", "SI", "3 de mayo 2026"]]
    found = guess([], rows, KNOWN)
    assert found[Field.GROUND] == Guess(1, How.CONTENT, sure=False)
    assert found[Field.AGREED_ON] == Guess(2, How.CONTENT, sure=False)
    assert _columns(["Celular", "¿Tiene WhatsApp?", "Nacimiento"], rows) == {"phone": 0}
    assert Field.AGREED_ON not in guess([], [[row[0], row[2]] for row in rows], KNOWN)


def test_languages_sectors_and_codes_of_places():
    rows = [
        ["987654321", "Quechua", "Taxis", "150101"],
        ["912345678", "español", "Bodega", "80101"],
        ["955555555", "ES", "4922", "210101"],
    ]
    assert _columns([], rows) == {"phone": 0, "language": 1, "sector": 2, "district": 3}


def test_a_place_that_could_be_on_any_level_is_taken_for_the_largest():
    rows = [["987654321", "Lima"], ["912345678", "Puno"]]
    assert _columns([], rows) == {"phone": 0, "department": 1}


def test_a_street_is_no_name():
    rows = [[f"98765432{n}", f"Av. Los Olivos {n}23"] for n in range(5)]
    assert _columns([], rows) == {"phone": 0}


def test_no_field_and_no_column_twice():
    for headings in ([], ["Celular", "Celular", "Correo", "Nombre", "Nombre", "Distrito", "Distrito"]):
        found = guess(headings, PEOPLE, KNOWN)
        assert len({one.column for one in found.values()}) == len(found)


@pytest.mark.parametrize(
    "row",
    [["Taxi Móvil SAC", "987654321"], ["x", " rosa@correo.example "], ["+51 987-654-321"], ["", "(01) 418-4030"]],
)
def test_a_row_of_a_person(row):
    assert is_person(row)


@pytest.mark.parametrize(
    "row",
    [
        ["Nombre", "Celular"],
        ["Celular (9 dígitos, ejemplo 987654321)", "Correo (nombre@correo.example)"],
        ["2026", "01/03/2026", "44123456", "20123456789"],
        ["Informes: 987654321"],
        [],
    ],
)
def test_a_row_that_may_be_headings(row):
    assert not is_person(row)
