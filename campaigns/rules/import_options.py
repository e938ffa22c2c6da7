"""What staff are asked once per import: whom it may add or change, and what holds for everybody in the file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from campaigns.errors import Invalid
from campaigns.rules.headings import Field
from campaigns.rules.import_rows import GROUNDS, LONGEST_PROOF, Asked, read_tags
from campaigns.rules.spelling import one_line


class Mode(StrEnum):
    """Whom an import may touch."""

    ADD = "add"  # new people are added; those who are there are left as they are
    UPDATE = "update"  # new people are added; of those who are there the chosen fields are replaced
    ONLY_KNOWN = "only_known"  # nobody new is added; of those who are there the chosen fields are replaced


# What an update may replace, in the order pages show it. A number is none of it: it says who somebody is. The district
# stands for the whole place, the ground for its date and proof too.
REPLACEABLE: Final = (
    Field.NAME, Field.BUSINESS, Field.ROLE, Field.SECTOR, Field.EMAIL, Field.DISTRICT, Field.LANGUAGE, Field.GROUND,
    Field.TAGS,
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """One import's options.

    `fields`, some of REPLACEABLE, are what a change replaces where the row has a value. `tags` go to everybody who is
    added or may be changed, besides those they have. The ground and its proof hold for the people who are added and
    whose own row says nothing of it: a row that says NO never gets it, and who is there gets a ground only from their
    own row, so that nobody's withdrawal is undone by a tick. `columns` are staff's own choice, a number from 0 for
    each field; None goes by the headings.
    """

    accepts_fallback: bool = True
    mode: Mode = Mode.ADD
    fields: frozenset[Field] = frozenset()
    tags: tuple[str, ...] = ()
    ground: str | None = None
    ground_on: date | None = None
    ground_source: str = ""
    ground_text: str = ""
    columns: Mapping[Field, int] | None = None

    @property
    def adds(self) -> bool:
        """Whether people who are not there yet are added."""
        return self.mode is not Mode.ONLY_KNOWN

    @property
    def changes(self) -> bool:
        """Whether people who are there are changed beyond a withdrawal of their ground."""
        return self.mode is not Mode.ADD and bool(self.fields or self.tags)

    @property
    def asked(self) -> Asked:
        """The ground that was asked for once, for who reads the rows."""
        return Asked(self.ground, self.ground_on, self.ground_source, self.ground_text)

    def as_json(self) -> dict[str, Any]:
        """The options as the database keeps them."""
        return {
            "accepts_fallback": self.accepts_fallback,
            "mode": self.mode.value,
            "fields": [field.value for field in REPLACEABLE if field in self.fields],
            "tags": list(self.tags),
            "ground": self.ground,
            "ground_on": self.ground_on.isoformat() if self.ground_on else None,
            "ground_source": self.ground_source,
            "ground_text": self.ground_text,
            "columns": None if self.columns is None else {field.value: at for field, at in self.columns.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Options":
        """The options that as_json() was asked for; what is missing is as it always was."""
        columns, on = stored.get("columns"), stored.get("ground_on")
        return cls(
            accepts_fallback=stored.get("accepts_fallback") is not False,
            mode=Mode(stored.get("mode", Mode.ADD)),
            fields=frozenset(map(Field, stored.get("fields", ()))),
            tags=tuple(stored.get("tags", ())),
            ground=stored.get("ground"),
            ground_on=date.fromisoformat(on) if on else None,
            ground_source=stored.get("ground_source", ""),
            ground_text=stored.get("ground_text", ""),
            columns=None if columns is None else {Field(field): at for field, at in columns.items()},
        )


def read_options(
    *,
    accepts_fallback: bool = True,
    mode: str = Mode.ADD,
    fields: Iterable[str] = (),
    tags: str = "",
    ground: str = "",
    ground_on: date | None = None,
    ground_source: str = "",
    ground_text: str = "",
    columns: Mapping[Field, int] | None = None,
) -> Options:
    """Options as staff typed them; without a ground its date and proof are left out.

    Raises Invalid(mode, mode_unknown), Invalid(fields, field_unknown), Invalid(ground, ground_unknown).
    """
    if mode not in tuple(Mode):
        raise Invalid("mode", "mode_unknown")
    wanted = frozenset(fields)
    if not wanted <= frozenset(REPLACEABLE):
        raise Invalid("fields", "field_unknown")
    if ground and ground not in GROUNDS:
        raise Invalid("ground", "ground_unknown")
    return Options(
        accepts_fallback=accepts_fallback,
        mode=Mode(mode),
        fields=frozenset(field for field in REPLACEABLE if field in wanted),
        tags=read_tags(tags),
        ground=ground or None,
        ground_on=ground_on if ground else None,
        ground_source=one_line(ground_source, LONGEST_PROOF) if ground else "",
        ground_text=one_line(ground_text, LONGEST_PROOF) if ground else "",
        columns=columns,
    )
