"""What a list must never hold in clear: who somebody is, and whether they are a victim or have reported.

Whoever steals the list would know whom to punish.

No column asks for it (DOMAIN facts 5, rule 2); this keeps it out of what staff write themselves: tags, where a proof
is, why an address was looked at. Words are refused, not meanings: who wants to write it anyway finds a way, but nobody
does it by habit.
"""

import re
from typing import Final

from campaigns.rules.spelling import key, words

# As `key` leaves them: without accents, in lower case. Beginnings of words, so that every form is caught.
_BEGINNINGS: Final = (
    # Spanish
    "victim", "extors", "extorc", "extorq", "denunci", "amenaz", "agraviad", "agredid", "chantaj", "secuestr",
    "hostigad", "atacad", "atentad", "balead", "baleo", "asaltad", "acusador", "querellant",
    # English
    "extort", "blackmail", "threat", "kidnap", "informant", "plaintiff", "complainant", "harassed", "racketeer",
)  # fmt: skip
# Whole words whose beginning is too common: a "reporte" may be what somebody gets, a "pago" what they do.
_WORDS: Final = frozenset({
    "reporto", "reportado", "reportada", "reportados", "reportadas", "reportaron", "reported", "informer",
    "intimidado", "intimidada", "cupo", "cupos", "testigo", "testigos", "witness", "witnesses", "soplon", "soplona",
    "delator", "delatora",
})  # fmt: skip
_LOOKALIKES: Final = str.maketrans("013457@$", "oieastas")
_ADDRESS: Final = re.compile(r"@|\d{7}|\d{3}[ .-]\d{3}[ .-]?\d{3}")
_HAS_LETTERS: Final = re.compile(r"[^\W\d_]{2}")


def says_what_happened(text: str) -> bool:
    """Whether the text says that somebody was wronged, threatened or extorted, or has told the police."""
    found = key(text.replace("@", "a").replace("$", "s")).split()
    read = [word.translate(_LOOKALIKES) if _HAS_LETTERS.search(word) else word for word in found]
    return any(word in _WORDS or word.startswith(_BEGINNINGS) for word in read)


def names_somebody(text: str, *, name: str, business: str = "") -> bool:
    """Whether a text that is kept in clear holds a number, a mail, a word of the name, or all words of the business."""
    if _ADDRESS.search(text):
        return True
    found, whole = words(text), words(business)
    return not found.isdisjoint(words(name)) or bool(whole and whole <= found)
