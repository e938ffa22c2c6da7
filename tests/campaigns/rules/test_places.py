"""Places by the names people type."""

import csv
from pathlib import Path

import pytest

from campaigns.rules.places import Alias, Level, Place, PlaceIndex, build

SEEDS = Path(__file__).parents[3] / "campaigns" / "seeds"


def _rows(name: str) -> list[dict[str, str]]:
    with (SEEDS / name).open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


PLACES = [Place(r["ubigeo"], r["department"], r["province"], r["district"]) for r in _rows("places.csv")]
ALIASES = [Alias(Level(r["level"]), r["alias"], r["name"]) for r in _rows("place_aliases.csv")]


@pytest.fixture(scope="module")
def index() -> PlaceIndex:
    return build(PLACES, ALIASES)


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (("Comas", "Lima", ""), ("150110", True)),
        (("Carabayllo", "", ""), ("150106", True)),
        (("SAN MARTIN DE PORRES", "Lima", ""), ("150135", True)),
        (("Ancon", "lima", ""), ("150102", True)),
        (("SMP", "Lima", ""), ("150135", True)),
        (("Surco", "Lima", "Lima"), ("150140", True)),
        (("Cercado de Lima", "Lima", ""), ("150101", True)),
        (("Juliaca", "San Román", ""), ("211101", True)),
        (("Ventanilla", "Callao", ""), ("070106", True)),
        (("Alto Trujillo", "Trujillo", ""), ("130112", True)),
        (("Distrito de Comas", "Provincia de Lima", ""), ("150110", True)),
        (("Comas, Lima", "", ""), ("150110", True)),
        (("Lima / Lima / Comas", "", ""), ("150110", True)),
        (("Lima - Comas", "", ""), ("150110", True)),
        (("Comas (Lima)", "Lima", ""), ("150110", True)),
        (("Comas - Lima", "Lima", ""), ("150110", True)),
        (("150110", "", ""), ("150110", True)),
        (("70106", "", ""), ("070106", True)),
        (("Salcabamba", "Tayacaja", ""), ("090714", True)),
        (("", "Lima", ""), ("1501", True)),
        (("", "", "Puno"), ("21", True)),
        (("", "Lima Metropolitana", ""), ("1501", True)),
        (("", "Junín", "Junín"), ("1205", True)),
        (("", "La Libertad", ""), ("13", True)),
        (("", "", ""), (None, True)),
        ((" ", "-", ""), (None, True)),
    ],
)
def test_what_is_typed_and_the_code_it_means(
    cells: tuple[str, str, str], found: tuple[str | None, bool], index: PlaceIndex
) -> None:
    assert index.find(*cells) == found


@pytest.mark.parametrize(
    ("cells", "left"),
    [
        (("Macondo", "Lima", ""), "1501"),
        (("Comas", "Callao", ""), "0701"),
        (("Comas", "Macondo", ""), None),
        (("Santa Rosa", "", ""), None),
        (("Comas", "", ""), None),
        (("Comas, Macondo", "", ""), None),
        (("Santa Rosa", "", "Macondo"), None),
        (("", "Macondo", "Lima"), "15"),
        (("Macondo", "", ""), None),
        (("999999", "", ""), None),
        (("", "Puno", "Lima"), "15"),
    ],
)
def test_what_is_not_understood_leaves_what_is(
    cells: tuple[str, str, str], left: str | None, index: PlaceIndex
) -> None:
    assert index.find(*cells) == (left, False)


def test_every_district_is_found_by_its_own_names(index: PlaceIndex) -> None:
    assert len(PLACES) == 1893
    twice = {"Huaribamba", "Salcabamba"}
    for place in PLACES:
        if place.district not in twice:
            assert index.find(place.district, place.province) == (place.code, True)
            assert index.find(place.district.upper(), place.province, place.department) == (place.code, True)


def test_an_alias_of_nothing_is_left_out() -> None:
    index = build(PLACES[:3], [Alias(Level.DISTRICT, "Aldea", "No existe")])
    assert index.find("Aldea") == (None, False)
