"""How often one person may be written to: so many messages in so many days, by one agency or by all together."""

from typing import Final, NamedTuple

MOST_MESSAGES: Final = 100
MOST_DAYS: Final = 90


class Cap(NamedTuple):
    """At most `messages` campaigns in any `days` days (of 24 hours) to one person, on whatever channels."""

    messages: int
    days: int


class Caps(NamedTuple):
    """What holds for a campaign: the agency's own cap, and the one that all agencies share. None is no cap."""

    own: Cap | None = None
    shared: Cap | None = None
