"""Reference data every agency reads and none owns: places, sectors, languages, words, official lines."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Boolean, Index, Integer, case, func, literal, select, text, union_all
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, aggregate_order_by
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.rules.languages import FIRST
from campaigns.store.metadata import Code, Table


class Place(Table):
    """A department (2 digits), province (4) or district (6) by its INEI code; a prefix names the whole."""

    __tablename__ = "place"
    code: Mapped[Code] = mapped_column(primary_key=True)
    level: Mapped[str]
    name: Mapped[str]
    province: Mapped[str | None]
    department: Mapped[str]


class PlaceAlias(Table):
    """An upper-case spelling people type, and the official name it means at that level."""

    __tablename__ = "place_alias"
    level: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


class Sector(Table):
    """A line of business by its ISIC Rev. 4 code, with the words agencies use for it."""

    __tablename__ = "sector"
    code: Mapped[Code] = mapped_column(primary_key=True)
    scheme: Mapped[str]
    name_es: Mapped[str]
    name_en: Mapped[str]
    aliases: Mapped[list[str]] = mapped_column(ARRAY(TEXT))


class Language(Table):
    """A language messages are written in: data, apart from the languages of the pages."""

    __tablename__ = "language"
    code: Mapped[str] = mapped_column(primary_key=True)
    autonym: Mapped[str]
    name_es: Mapped[str]
    name_en: Mapped[str]
    direction: Mapped[str] = mapped_column(server_default="ltr")
    babel_locale: Mapped[str]
    macro: Mapped[str | None]
    aliases: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    enabled: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


class Keyword(Table):
    """A word people answer with. Enabled only once a reader of the language has signed."""

    __tablename__ = "keyword"
    __table_args__ = (Index("keyword_enabled", "kind", postgresql_where=text("enabled")),)
    language: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    reader: Mapped[str | None]


class SaidPhrase(Table):
    """A phrase people answer with, as rules/phrases.py writes them. Enabled only once a reader has signed."""

    __tablename__ = "phrase"
    language: Mapped[str] = mapped_column(primary_key=True)
    sense: Mapped[str] = mapped_column(primary_key=True)  # a rules.phrases.Sense
    phrase: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(Integer)  # where several stand in a text, the one with the lowest tells
    enabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    reader: Mapped[str | None]


class OfficialLine(Table):
    """A number people may call, with where it was read and when it was last verified."""

    __tablename__ = "official_line"
    code: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    name_es: Mapped[str]
    name_en: Mapped[str]
    what_es: Mapped[str]
    what_en: Mapped[str]
    source: Mapped[str]
    verified_on: Mapped[date]


class StandingText(Table):
    """A fixed sentence in one language: the frame of every message, automatic answers, and words to begin with.

    Codes: opt_out_line, stop_answer, start_answer, help_answer, correct_beginning, withdraw_beginning. Without a
    reader's signature it is not used.
    """

    __tablename__ = "standing_text"
    code: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str]
    reader: Mapped[str | None]


def enabled_keywords(session: Session) -> Sequence[Keyword]:
    """The words people may answer with now, in a fixed order."""
    order = (Keyword.language != "es", Keyword.language, Keyword.kind, Keyword.word)
    return session.scalars(select(Keyword).where(Keyword.enabled).order_by(*order)).all()


def enabled_phrases(session: Session) -> Sequence[SaidPhrase]:
    """The phrases that are looked for now, in the order in which they tell."""
    order = (SaidPhrase.place, SaidPhrase.language, SaidPhrase.phrase)
    return session.scalars(select(SaidPhrase).where(SaidPhrase.enabled).order_by(*order)).all()


def words_digest(session: Session) -> str:
    """Changes whenever an enabled word or phrase does; a millisecond, where compiling them costs hundreds."""
    said = union_all(
        select(func.concat_ws("|", Keyword.language, Keyword.kind, Keyword.word).label("row")).where(Keyword.enabled),
        select(
            func.concat_ws("|", SaidPhrase.language, SaidPhrase.sense, SaidPhrase.phrase, SaidPhrase.place).label("row")
        ).where(SaidPhrase.enabled),
    ).subquery()
    statement = select(func.md5(func.string_agg(said.c.row, aggregate_order_by(literal("\n"), said.c.row))))
    return session.scalar(statement) or ""


def signed_texts(session: Session, code: str) -> dict[str, str]:
    """Language -> standing text, of those a reader has signed."""
    rows = session.execute(
        select(StandingText.language, StandingText.body).where(
            StandingText.code == code, StandingText.reader.is_not(None)
        )
    )
    return {row.language: row.body for row in rows}


def official_lines(session: Session) -> Sequence[OfficialLine]:
    """Every official line, by code."""
    return session.scalars(select(OfficialLine).order_by(OfficialLine.code)).all()


def line_numbers(session: Session) -> dict[str, str]:
    """Code -> number of every official line."""
    return {row.code: row.number for row in session.execute(select(OfficialLine.code, OfficialLine.number))}


def places(session: Session, *, level: str, within: str = "") -> Sequence[Place]:
    """The places of one level, by code; only those in the department or province `within`, if given."""
    statement = select(Place).where(Place.level == level).order_by(Place.code)
    if within:
        # A range and not LIKE; one past the last digit, so that the prefix itself and all below it are inside.
        statement = statement.where(Place.code >= within, Place.code < within[:-1] + chr(ord(within[-1]) + 1))
    return session.scalars(statement).all()


def place_names(session: Session, codes: Iterable[str]) -> dict[str, str]:
    """Code -> name of those that are known."""
    rows = session.execute(select(Place.code, Place.name).where(Place.code.in_(list(codes))))
    return {row.code: row.name for row in rows}


def place_aliases(session: Session) -> Sequence[PlaceAlias]:
    """Every alias."""
    return session.scalars(select(PlaceAlias)).all()


def sectors(session: Session) -> Sequence[Sector]:
    """Every sector, by code."""
    return session.scalars(select(Sector).order_by(Sector.code)).all()


def languages(session: Session) -> Sequence[Language]:
    """Every language, the most read first, then by code; also those not enabled, which contacts may still read."""
    rank = case({code: number for number, code in enumerate(FIRST)}, value=Language.code, else_=len(FIRST))
    return session.scalars(select(Language).order_by(rank, Language.code)).all()
