"""Row ids as they come in addresses and forms: what cannot be an id is nobody's, and no fault of the database."""

from typing import Any, Final

from werkzeug.routing import IntegerConverter, Map

LARGEST: Final = 2**63 - 1


class IdConverter(IntegerConverter):
    """`<int:...>` in a route: an address with a larger number is a page that does not exist."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **{"max": LARGEST, **options})


def read(text: str | None) -> int | None:
    """The id in a query or a form, or None for anything else."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    number = int(text)
    return number if number <= LARGEST else None
