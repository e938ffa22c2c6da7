"""The reason somebody types for looking at a person in full."""

from typing import Final

from campaigns.errors import Invalid
from campaigns.rules.discretion import says_what_happened
from campaigns.rules.spelling import fold, one_line

SHORTEST: Final = 10
LONGEST: Final = 200
_FEWEST_LETTERS: Final = 4  # different ones: "aaaaaaaaaa" is no reason


def read_reason(text: str) -> str:
    """The reason on one line.

    Raises Invalid("reason", reason_too_short | reason_too_long | reason_says_nothing | says_what_happened).
    """
    reason = one_line(text, LONGEST + 1)
    if len(reason) > LONGEST:
        raise Invalid("reason", "reason_too_long", most=LONGEST)
    if len(reason) < SHORTEST:
        raise Invalid("reason", "reason_too_short", least=SHORTEST)
    if len({sign for sign in fold(reason) if sign.isalpha()}) < _FEWEST_LETTERS:
        raise Invalid("reason", "reason_says_nothing")
    if says_what_happened(reason):
        raise Invalid("reason", "says_what_happened")
    return reason
