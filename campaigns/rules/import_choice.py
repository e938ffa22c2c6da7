"""Whether what staff chose for an import can be."""

from collections.abc import Mapping

from campaigns.errors import Invalid
from campaigns.rules.discretion import names_somebody, says_what_happened
from campaigns.rules.headings import ADDRESSES, Field
from campaigns.rules.import_options import Options


def check_columns(columns: Mapping[Field, int], width: int) -> None:
    """Raises Invalid(columns, columns_without_address | column_twice | columns_unknown); the file has `width`."""
    if not ADDRESSES & columns.keys():
        raise Invalid("columns", "columns_without_address")
    if len(set(columns.values())) < len(columns):
        raise Invalid("columns", "column_twice")
    if not all(0 <= at < width for at in columns.values()):
        raise Invalid("columns", "columns_unknown")


def check_texts(options: Options) -> None:
    """Refuse what would stand in clear with everybody in the file and tell who they are or what happened to them.

    Raises Invalid(tags | ground_source | ground_text, says_what_happened | names_somebody).
    """
    texts = [("tags", tag) for tag in options.tags]
    texts += [("ground_source", options.ground_source), ("ground_text", options.ground_text)]
    for where, text in texts:
        if says_what_happened(text):
            raise Invalid(where, "says_what_happened")
        if names_somebody(text, name=""):
            raise Invalid(where, "names_somebody")
