"""A list nobody tidied up comes in through the wizard, and is taken back: on a desk and on a phone."""

import csv
import io
from pathlib import Path

import pytest

from tests.journeys.browser import AXE, Person

# Nothing says what the last two columns are; one number has too few digits, one person stands there twice.
ROWS = (
    ("Quien", "Dato", "Observaciones", "Donde"),
    ("Wilfredo Ñahui Ccori", "912 000 101", "ruta 12", "Los Olivos"),
    ("Yeni Sulca Ramos", "912-000-102", "ruta 14", "San Martín de Porres"),
    ("Eusebio Tito Puma", "91200010", "ruta 9", "Comas"),
    ("Wilfredo Ñahui", "+51 912000101", "ruta 12", "Comas"),
)
NAMES = ("Ñahui", "Sulca", "Eusebio", "912000102", "912 000 101")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """As a spreadsheet program saves it."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(ROWS)
    path = tmp_path / "padrón 2026.csv"
    path.write_bytes(out.getvalue().encode("cp1252"))
    return path


def look(ada: Person, width: int) -> None:
    """Nothing is wrong with the page, it fits, and it names nobody."""
    ada.page.set_viewport_size({"width": width, "height": 900})
    ada.page.add_script_tag(path=str(AXE))
    assert ada.page.evaluate("async () => (await axe.run()).violations.map(found => found.id)") == []
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= width
    assert [name for name in NAMES if name in ada.text()] == []


def column(ada: Person, heading: str, field: str) -> None:
    """Correct what a column holds."""
    ada.page.get_by_label(heading, exact=True).select_option(label=field)


def hand_in(ada: Person, file: Path, width: int) -> None:
    ada.goto("/imports/new")
    look(ada, width)
    ada.page.set_input_files("input[type=file]", file)
    ada.press("Enviar el archivo")
    ada.wait_for("Cómo quedan las primeras filas")


def correct_the_columns(ada: Person, width: int) -> None:
    column(ada, "Quien", "Nombre completo")
    column(ada, "Dato", "Celular o teléfono")
    with ada.page.expect_response("**/preview"):
        column(ada, "Donde", "Distrito o ubigeo")
    ada.page.locator("#preview").get_by_text("Los Olivos").wait_for()
    ada.page.get_by_label("Por qué podemos escribir a estas personas").select_option(label="La persona aceptó")
    look(ada, width)
    ada.press("Revisar todo el archivo")
    ada.wait_for("Corrija esto antes de revisar el archivo")
    ada.page.get_by_label("Desde cuándo").fill("2026-05-04")
    ada.page.get_by_label("Dónde consta").fill("fichas firmadas, caja 14")
    look(ada, width)
    ada.press("Revisar todo el archivo")
    ada.wait_for("Importar: añadir a 2 personas")
    look(ada, width)


def take_the_faulty_rows_away(ada: Person) -> list[dict[str, str]]:
    with ada.page.expect_download() as taken:
        ada.press("Descargar todas estas filas")
    return list(csv.DictReader(io.StringIO(taken.value.path().read_text("utf-8-sig"), newline="")))


@pytest.mark.parametrize("width", [1280, 360])
def test_a_column_is_corrected_faulty_rows_read_and_the_import_undone(installation, browser, file, width):
    ada = Person(browser, installation.url).sign_in(installation, "writer")
    hand_in(ada, file, width)
    correct_the_columns(ada, width)
    (faulty,) = take_the_faulty_rows_away(ada)
    assert (faulty["Línea"], faulty["Quien"], faulty["Dato"]) == ("4", "Eusebio Tito Puma", "91200010")
    assert faulty["Qué pasa y por qué"] == "Ni número ni correo que sirvan"
    ada.press("Importar: añadir a 2 personas")
    ada.wait_for("Se añadió a 2 personas.")
    look(ada, width)
    ada.press("Deshacer esta importación…")
    ada.wait_for("Se borra a 2 personas")
    look(ada, width)
    ada.press("Deshacer esta importación")
    ada.wait_for("Esta importación se deshizo")
    look(ada, width)
    ada.goto("/imports/")
    ada.wait_for("Deshecha")
    look(ada, width)
    assert ada.complaints == []
