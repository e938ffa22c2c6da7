"""What a list of people can be narrowed to, beyond what a segment's rule can ask."""

from dataclasses import dataclass
from enum import StrEnum

from campaigns.rules.segments import EVERYONE, Rule


class Reach(StrEnum):
    """By what a campaign could write to somebody now."""

    SMS = "sms"
    EMAIL = "email"
    NEITHER = "neither"


class Grounded(StrEnum):
    """Whether anything on record says that we may write. (A ground itself may be asked for, too.)"""

    WITH = "with"
    WITHOUT = "without"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Everything that is set must be true of a person. `ground` is a `Grounded` or one of `import_rows.GROUNDS`."""

    rule: Rule = EVERYONE
    role: str | None = None
    reach: Reach | None = None
    ground: str | None = None
    is_nameless: bool = False


NOT_NARROWED = Narrowing()
