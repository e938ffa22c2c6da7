"""Which language a person is written to in, and which locale Babel can format it with.

Content languages are data (a register); interface languages are few. The two never meet here: Babel knows no Aymara.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from babel import Locale, UnknownLocaleError

# A reader of one variety can read the common written form; not the other way round, and not across varieties.
MACRO: Mapping[str, str] = {"quy": "qu", "quz": "qu"}

# How lists of languages begin: what most people here read; the others follow by code.
FIRST: Sequence[str] = ("es", "qu", "quy", "quz", "ay", "en")

_BABEL_HOME = "es_PE"
_BABEL_CHOICES = {"es": "es_PE", "qu": "qu_PE", "zh": "zh_Hans"}


def choose_text(
    contact_language: str | None,
    available: Collection[str],
    accepts_fallback: bool,
    fallback: str,
    macro: Mapping[str, str] = MACRO,
) -> str | None:
    """The language of the text to send, or None when this person must be skipped.

    Their own language, else its common form, else `fallback` where the contact accepts it. Nobody's language known
    counts as the fallback. Never a third language, however close it looks.
    """
    if contact_language in available:
        return contact_language
    if contact_language is not None and (common := macro.get(contact_language)) in available:
        return common
    if fallback in available and (accepts_fallback or contact_language is None):
        return fallback
    return None


@lru_cache(maxsize=512)
def babel_locale(code: str | None) -> str:
    """A locale identifier Babel certainly knows, for dates and numbers in `code`; es_PE when it knows none.

    Never raises, whatever a request put into the language.
    """
    wanted = (code or "").strip().replace("-", "_")
    if wanted in _BABEL_CHOICES:
        return _BABEL_CHOICES[wanted]
    try:
        return str(Locale.parse(wanted))
    except (ValueError, TypeError, UnknownLocaleError):
        return _BABEL_HOME
