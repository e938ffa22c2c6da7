"""Names that staff give: to an agency, a sender, a segment, a campaign, themselves."""

from typing import Final

from campaigns.errors import Invalid

LONGEST: Final = 80


def read_name(text: str) -> str:
    """The name on one line, spaces folded; raises Invalid("name", ...) unless 1 to 80 printable characters are left."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST or not name.isprintable():
        raise Invalid("name", "name_length", longest=LONGEST)
    return name
