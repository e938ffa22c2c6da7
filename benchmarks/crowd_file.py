"""An audience file as agencies send them: people, businesses and places that repeat, numbers in every notation."""

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from campaigns.rules.spelling import fold

_SEEDS: Final = Path(__file__).resolve().parent.parent / "campaigns" / "seeds"
_HEADINGS: Final = (
    *("Nombre y apellidos", "Negocio", "Rubro", "Celular", "Correo electrónico", "Distrito", "Provincia"),
    *("Departamento", "Idioma", "Cargo", "Aceptó recibir mensajes", "Fecha de aceptación", "Etiquetas"),
)


def _apart(text: str, sign: str | None = None) -> tuple[str, ...]:
    return tuple(text.split(sign))


_GIVEN: Final = _apart(
    "Rosa María Juan José Luis Carlos Ana Carmen Julia Elena Víctor Jorge Pedro Miguel Manuel Lucía Teresa "
    "Óscar Nélida Yésica Edwin Wilmer Flor Luz Gladys Percy Rubén Saúl Hilda Norma Ángel Raúl Sonia Marisol "
    "Fidel Abel",
)
_FAMILY: Final = _apart(
    "Quispe Huamán Mamani Flores Rojas Sánchez García Rodríguez Condori Ramos Chávez Mendoza Castillo Vásquez "
    "Díaz Castañeda Núñez Muñoz Choque Vílchez Ramírez Paredes Ticona Apaza Cárdenas Salazar Ccori Peña "
    "Espinoza Huerta Zegarra Ñahui Lozano Palomino Arce Bravo Cusi Tello Yupanqui Zavala",
)
_SYLLABLES: Final = _apart(
    "qui pa hua cha lla man ri cu ta so ño ma tu pu ya ca ri to ra si lo na che fe go mi ve sa bo da rei zu",
)
_FIRMS: Final = (
    *("Empresa de Transportes", "Bodega", "Botica", "Ferretería", "Restaurante", "Colegio", "Mototaxis", "Pollería"),
    *("Comercial", "Inversiones", "Línea de Combis", "Peluquería"),
)
_NAMES_OF_FIRMS: Final = _apart(
    "El Rápido|San Martín|Virgen del Carmen|Los Olivos|Señor de los Milagros|La Unión|Sol de Oro|Nuevo "
    "Amanecer|Santa Rosa|Los Andes|El Chino|Rey Sol|Los Hermanos|Estrella del Norte",
    "|",
)
_LANGUAGES: Final = ("", "español", "español", "castellano", "quechua", "QUECHUA", "aimara", "Aymara", "inglés")
_ROLES: Final = ("", "", "dueño", "chofer", "cobradora", "despachador", "propietaria")
_GROUNDS: Final = ("Sí", "Sí", "SI", "sí", "x", "1", "acepta", "Sí", "Sí", "", "NO")
_TAGS: Final = ("", "", "", "norte", "gremio; ruta 12", "mercado", "asamblea 2026")


def _seed(name: str) -> Iterator[dict[str, str]]:
    with (_SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
        yield from csv.DictReader(rows)


# A mobile's nine digits as people type them, most often plain.
_NOTATIONS: Final[tuple[Callable[[str], str], ...]] = (
    lambda d: d,
    lambda d: d,
    lambda d: d,
    lambda d: f"{d[:3]} {d[3:6]} {d[6:]}",
    lambda d: f"{d[:3]}-{d[3:6]}-{d[6:]}",
    lambda d: f"+51{d}",
    lambda d: f"+51 {d[:3]} {d[3:6]} {d[6:]}",
    lambda d: f"0051{d}",
    lambda d: f"(51) {d}",
    lambda d: f"{d}.0",
    lambda d: f"51{d}",
)


def _mobile(number: int) -> str:
    """Nine digits, another for every number below ninety-nine million and in no order."""
    return f"9{(number * 61_803_399 + 7) % 99_999_989:08}"


def write(path: Path, rows: int, *, seed: int = 1) -> None:
    """A file of so many rows: of a hundred, two landlines, one foreign number, one repeated and one of no use."""
    chance = random.Random(seed)
    places = [(row["district"], row["province"], row["department"]) for row in _seed("places")]
    sectors = ["", *(name for row in _seed("sectors") for name in (row["code"], row["name_es"], *_aliases(row)))]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(_HEADINGS)
        writer.writerows(_row(chance, number, places, sectors) for number in range(rows))


def _aliases(row: dict[str, str]) -> list[str]:
    return [name for name in row["aliases_es"].split("|") if name]


def _row(chance: random.Random, number: int, places: list[tuple[str, str, str]], sectors: list[str]) -> tuple[str, ...]:
    pick = chance.choice
    given, family = pick(_GIVEN), _family(chance)
    kind = chance.randrange(100)
    mail = f"{fold(given)}.{fold(family)}{number}@correo.example" if chance.random() < 0.25 else ""
    ground = pick(_GROUNDS)
    return (
        f"{given} {pick(_GIVEN)} {family} {_family(chance)}",
        f"{pick(_FIRMS)} {pick(_NAMES_OF_FIRMS)} {_family(chance)}" if chance.random() < 0.8 else "",
        pick(sectors),
        _phone(chance, kind, number),
        "" if kind == _OF_NO_USE else mail,
        *pick(places),
        pick(_LANGUAGES),
        pick(_ROLES),
        ground,
        f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}" if ground not in ("", "NO") else "",
        pick(_TAGS),
    )


def _family(chance: random.Random) -> str:
    """A family name: three of four are among the forty most common, the rest among some twenty thousand."""
    if chance.random() < 0.75:
        return chance.choice(_FAMILY)
    return "".join(chance.choices(_SYLLABLES, k=3)).capitalize()


_OF_NO_USE, _REPEATED, _FOREIGN, _LANDLINES = 0, 1, 2, (3, 4)


def _phone(chance: random.Random, kind: int, number: int) -> str:
    if kind == _OF_NO_USE:
        return "s/n"
    if kind == _REPEATED:
        return _mobile(number // 2)
    if kind == _FOREIGN:
        return f"+5939{number % 100_000_000:08}"
    if kind in _LANDLINES:
        return f"(01) {4_000_000 + number % 1_000_000:07}"
    return chance.choice(_NOTATIONS)(_mobile(number))
