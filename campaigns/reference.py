"""Reference data: loaded from the seeds, and asked by whoever needs a name for a code or a code for a name."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from campaigns.rules import keywords, phrases
from campaigns.rules import places as place_rules
from campaigns.rules.column_guess import Known
from campaigns.rules.import_rows import Asked, RowReader
from campaigns.rules.keywords import Keyword
from campaigns.rules.phrases import Phrase, Sense
from campaigns.rules.replies import Lexicon
from campaigns.rules.spelling import key
from campaigns.store import reference as store
from campaigns.store import seeds

_SEEDS = Path(__file__).parent / "seeds"
_LEXICONS: dict[str, Lexicon] = {}  # the latest only


def load(session: Session) -> None:
    """Bring the reference tables to what the seeds say, with the owner's session. May be called again; never commits.

    What an installation decided stays: enabled languages and words, readers' signatures, wordings in place, and
    official lines that were verified later than the seed.
    """
    seeds.load_places(session, list(_place_rows()), _seed("place_aliases"))
    seeds.load_sectors(
        session,
        [
            {
                "code": row["code"],
                "scheme": row["scheme"],
                "name_es": row["name_es"],
                "name_en": row["name_en"],
                "aliases": _many(row["aliases_es"]),
            }
            for row in _seed("sectors")
        ],
    )
    seeds.load_languages(
        session,
        [
            row | {"macro": row["macro"] or None, "aliases": _many(row["aliases"]), "enabled": row["enabled"] == "yes"}
            for row in _seed("languages")
        ],
    )
    seeds.load_words(
        session,
        [row | _signed(row) for row in _seed("keywords")],
        [row | _signed(row) | {"place": place} for place, row in enumerate(_seed("phrases"))],
        [row | {"reader": row["reader"] or None} for row in _seed("standing_texts")],
    )
    seeds.load_lines(
        session,
        [row | {"verified_on": date.fromisoformat(row["verified_on"])} for row in _seed("official_lines")],
    )


def _seed(name: str) -> list[dict[str, Any]]:
    with (_SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def _signed(row: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": row["enabled"] == "yes", "reader": row["reader"] or None}


def _many(cell: str) -> list[str]:
    return [item for item in cell.split("|") if item]


def _place_rows() -> Iterator[dict[str, Any]]:
    """Departments and provinces stand in no list of their own: each is told by its districts."""
    told: set[str] = set()
    for row in _seed("places"):
        code, department, province = row["ubigeo"], row["department"], row["province"]
        for level, size, name, within in (
            ("department", 2, department, None),
            ("province", 4, province, province),
            ("district", 6, row["district"], province),
        ):
            if code[:size] not in told:
                told.add(code[:size])
                yield {
                    "code": code[:size],
                    "level": level,
                    "name": name,
                    "province": within,
                    "department": department,
                }


def row_reader(session: Session, asked: Asked = Asked()) -> RowReader:  # noqa: B008 - it cannot be changed
    """What reads the rows of audience files: places, sectors and languages as they are known now.

    `asked` is the legal ground of people whose row says nothing of it.
    """
    return RowReader(_place_index(session), _sectors_by_name(session), _by_name(store.languages(session)), asked)


def column_names(session: Session) -> Known:
    """By what the columns of an audience file are told apart: the names and codes that are known now."""
    index = _place_index(session)
    return Known(
        languages=_by_name(store.languages(session)).keys(),
        sectors=_sectors_by_name(session).keys(),
        places=index.codes,
        codes=index.known,
    )


def _place_index(session: Session) -> place_rules.PlaceIndex:
    return place_rules.build(
        [
            place_rules.Place(row.code, row.department, row.province or "", row.name)
            for row in store.places(session, level="district")
        ],
        [place_rules.Alias(place_rules.Level(row.level), row.alias, row.name) for row in store.place_aliases(session)],
    )


def _sectors_by_name(session: Session) -> dict[str, str]:
    return {
        key(name): row.code
        for row in store.sectors(session)
        for name in (*row.aliases, row.name_en, row.name_es, row.code)
    }


def _by_name(languages: Iterable[store.Language]) -> dict[str, str]:
    # Later ones win: a code is sure, an alias may be shared ("quechua" is the common form).
    return {
        key(name): row.code
        for row in languages
        for name in (*row.aliases, row.autonym, row.name_en, row.name_es, row.code)
    }


def lexicon(session: Session) -> Lexicon:
    """The words and phrases people may answer with now; compiled once for as long as they stay the same."""
    digest = store.words_digest(session)
    known = _LEXICONS.get(digest)
    if known is None:
        known = Lexicon(
            keywords.build(
                Keyword(row.language, keywords.Kind(row.kind), row.word) for row in store.enabled_keywords(session)
            ),
            phrases.compile_all(
                Phrase(row.language, Sense(row.sense), row.phrase) for row in store.enabled_phrases(session)
            ),
        )
        _LEXICONS.clear()
        _LEXICONS[digest] = known
    return known


def places(session: Session, level: str, within: str = "") -> Sequence[store.Place]:
    """The places of one level ("department", "province", "district"), by code; only those in `within`, if given."""
    return store.places(session, level=level, within=within)


def sectors(session: Session) -> Sequence[store.Sector]:
    """Every line of business, by code."""
    return store.sectors(session)


def languages(session: Session) -> Sequence[store.Language]:
    """Every language a contact can read, the most read first; `enabled` says whether texts may be written in it."""
    return store.languages(session)


def place_names(session: Session, codes: Iterable[str]) -> dict[str, str]:
    """Code -> name of the places among `codes` that are known, each without the area around it."""
    return store.place_names(session, set(codes))


def official_lines(session: Session) -> Sequence[store.OfficialLine]:
    """The numbers that people may call, each with its names, by code."""
    return store.official_lines(session)
