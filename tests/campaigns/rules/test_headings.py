"""Columns by their headings."""

import pytest

from campaigns.rules.headings import Field, map_headings


def _mapped(line: str) -> dict[str, int]:
    return {field.value: column for field, column in map_headings(line.split(";")).items()}


def test_the_headings_agencies_send() -> None:
    line = (
        "Nombre y apellido;Negocio;Rubro;Celular;Correo electrónico;Distrito;Provincia;Idioma;"
        "Aceptó recibir mensajes;Fecha de aceptación"
    )
    fields = ["name", "business", "sector", "phone", "email", "district", "province", "language", "ground", "agreed_on"]
    assert _mapped(line) == {field: column for column, field in enumerate(fields)}


def test_english_in_another_order() -> None:
    line = (
        "E-mail;Mobile;Full name;Company;Line of business;Consent date;Consent;Language;District;Province;Region;Tags;X"
    )
    fields = ["email", "phone", "name", "business", "sector", "agreed_on", "ground", "language", "district", "province",
              "department", "tags"]  # fmt: skip
    assert _mapped(line) == {field: column for column, field in enumerate(fields)}


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("TELÉFONO MÓVIL", "phone"), ("Teléfono", "phone"),
        ("N.º de celular", "phone"), ("Mobile phone number", "phone"),
        ("Nº celular", "phone"), ("Celular (WhatsApp)", "phone"), ("Cel.", "phone"), ("  celular:  ", "phone"),
        ("E-mail", "email"), ("Correo", "email"), ("Dirección de correo electrónico", "email"),
        ("Contact email", "email"),
        ("Nombre del negocio", "business"), ("Razón social", "business"), ("Name of the business", "business"),
        ("Giro", "sector"), ("Código CIIU", "sector"), ("Tipo de negocio", "sector"), ("Business type", "sector"),
        ("Actividad económica principal", "sector"), ("Nombres y Apellidos del titular", "name"), ("NOMBRE", "name"),
        ("Distrito del negocio", "district"), ("Lengua materna", "language"), ("Idioma de los mensajes", "language"),
        ("¿Acepta recibir SMS?", "ground"), ("Consentimiento informado", "ground"), ("Base legal", "ground"),
        ("Fecha en que aceptó", "agreed_on"), ("Fecha del consentimiento", "agreed_on"), ("Etiquetas", "tags"),
        ("Cargo", "role"), ("Rol en la empresa", "role"), ("Job title", "role"), ("Cargo del titular", "role"),
        ("Fuente del consentimiento", "ground_source"), ("Medio por el que autorizó", "ground_source"),
        ("Versión del texto", "ground_text"), ("Texto que aceptó", "ground_text"), ("Consent text", "ground_text"),
        ("Departamento", "department"), ("Last name", "last_name"), ("Apellido materno", "second_last_name"),
    ],
)  # fmt: skip
def test_one_heading(heading: str, field: str) -> None:
    assert _mapped(heading) in ({field: 0},)


@pytest.mark.parametrize(
    "heading",
    ["", "N°", "Observaciones", "DNI", "RUC", "Fecha de nacimiento", "Dirección", "Lugar de nacimiento", "x" * 999],
)
def test_a_heading_that_is_no_field(heading: str) -> None:
    assert _mapped(heading) == {}


def test_no_field_twice_and_the_better_heading_wins() -> None:
    assert _mapped("Teléfono fijo;Celular;Celular 2") == {"phone": 1}
    assert _mapped("Correo del contador;Correo electrónico") == {"email": 1}
    assert _mapped("Celular;Celular") == {"phone": 0}


def test_names_in_separate_columns() -> None:
    assert _mapped("Nombres;Apellidos;Celular") == {"first_name": 0, "last_name": 1, "phone": 2}
    assert _mapped("First name;Last name;Mobile") == {"first_name": 0, "last_name": 1, "phone": 2}
    assert _mapped("Nombre;Apellido paterno;Apellido materno") == {
        "first_name": 0,
        "last_name": 1,
        "second_last_name": 2,
    }
    assert _mapped("Nombre completo;Apellidos") == {"name": 0}


def test_every_field_can_be_found() -> None:
    assert set(Field) >= map_headings(["Celular"]).keys()
