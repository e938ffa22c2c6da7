"""The messy file without its headings is understood by what stands in it, with the names that are really known."""

import csv
import io
from pathlib import Path

from sqlalchemy.orm import Session

from campaigns import reference
from campaigns.rules.column_guess import guess
from campaigns.rules.headings import Field, map_headings

MESSY = (Path(__file__).parents[1] / "data" / "contacts_messy.csv").read_bytes().decode("cp1252")


def test_the_messy_file_without_headings(session: Session) -> None:
    headings, *rows = csv.reader(io.StringIO(MESSY, newline=""), delimiter=";")
    known = reference.column_names(session)
    found = guess([], [row for row in rows if any(row)], known)
    by_heading = map_headings(headings)
    assert {field: one.column for field, one in found.items()} == by_heading
    assert {field for field, one in found.items() if not one.sure} == {Field.GROUND, Field.AGREED_ON}
