"""Cells of somebody's file as screens may show them: enough to tell what a column holds, too little to copy it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from campaigns.rules.addresses import Email, Phone, mask_email, mask_name, mask_phone, read_email, read_phone
from campaigns.rules.dates import read_date
from campaigns.rules.headings import Field
from campaigns.rules.spelling import one_line
from outreach.auth import may

_LONGEST: Final = 40
_SAMPLES: Final = 3
_SHORT: Final = 3  # "sí", "no", "x", "qu"
# What is in these names nobody.
_OPEN: Final = frozenset(
    {Field.DISTRICT, Field.PROVINCE, Field.DEPARTMENT, Field.SECTOR, Field.LANGUAGE, Field.GROUND, Field.AGREED_ON}
    | {Field.TAGS, Field.ROLE}
)
_DIGITS: Final = re.compile(r"\d(?=(?:\D{0,2}\d){3})")  # all but the last three of a long number


def name(text: str) -> str:
    """A name as this reader may see it: in full by right, else its first letters."""
    return text if may("contact:names") else mask_name(text)


def cell(text: str, field: Field | None = None, *, is_common: bool = False) -> str:
    """One cell, masked by what it is. `is_common`: other rows hold the same, so it names nobody."""
    short = one_line(text, _LONGEST)
    phone, email = read_phone(text), read_email(text)
    if isinstance(email, Email):
        return mask_email(email.address)
    if isinstance(phone, Phone):
        return mask_phone(phone.e164)
    if len(short) <= _SHORT or field in _OPEN or read_date(text):
        return short
    if sum(sign.isdigit() for sign in short) > _SHORT:
        return _DIGITS.sub("*", short) if not any(sign.isalpha() for sign in short) else name(short)
    return short if is_common else name(short)


def heading(text: str) -> str:
    """A heading as it is, unless it holds an address: the first line of a file without headings is a person."""
    is_address = isinstance(read_email(text), Email) or isinstance(read_phone(text), Phone)
    return cell(text) if is_address else one_line(text, 2 * _LONGEST)


def row(cells: Sequence[str], columns: Mapping[int, Field]) -> list[str]:
    """The cells of a row that hold anything, masked; `columns` say what the cell at each place holds."""
    return [cell(text, columns.get(at)) for at, text in enumerate(cells) if text.strip()]


def samples(values: Sequence[str], field: Field | None) -> list[str]:
    """The first three different values of a column, masked."""
    filled = Counter(text.strip() for text in values if text.strip())
    return [cell(text, field, is_common=count > 1) for text, count in list(filled.items())[:_SAMPLES]]
