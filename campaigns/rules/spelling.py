"""One spelling for look-ups and search: case, accents, width and punctuation do not tell two words apart."""

import re
import unicodedata

# Words that stand in most names: indexing them would find everybody and help nobody.
_EMPTY_WORDS = frozenset({
    "de", "del", "la", "las", "los", "el", "lo", "da", "do", "dos", "das", "di", "von", "van",
    "and", "the", "of", "sac", "saa", "sa", "srl", "eirl",
})  # fmt: skip
APOSTROPHES = re.compile("['’‘ʼʻ´`ˈ＇]")
_NOT_WORD = re.compile(r"[\W_]+")
_MOST_WORDS = 16  # per name: a pasted paragraph must not become a hundred index rows


def fold(text: str) -> str:
    """`text` without case, accents or odd widths, its white space collapsed; ñ becomes n.

    Calling it twice changes nothing more. Punctuation stays: `words` and `key` drop it.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
        # Removing marks from decomposed text can leave nothing to compose, so one pass is stable.
        text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(text.casefold().split())


def key(text: str) -> str:
    """What a look-up table is keyed by: folded, apostrophes gone, other punctuation read as one space."""
    return " ".join(_NOT_WORD.sub(" ", fold(APOSTROPHES.sub("", text))).split())


def words(name: str) -> frozenset[str]:
    """The words under which a name can be found, at most sixteen; `de`, `la`, `SAC` and the like are left out."""
    found = [word for word in key(name).split() if len(word) > 1 and word not in _EMPTY_WORDS]
    return frozenset(found[:_MOST_WORDS])


def one_line(text: str, longest: int) -> str:
    """`text` on one line without control or invisible characters, cut at `longest` characters, accents kept."""
    if text.isprintable() and "  " not in text:
        return text.strip()[:longest].strip()
    shown = "".join(" " if c.isspace() else c for c in text if c.isspace() or _visible(c))
    return " ".join(shown.split())[:longest].strip()


def _visible(character: str) -> bool:
    # Cc controls (NUL among them), Cf zero-width and direction marks, Cs lone surrogates, Co and Cn unassigned.
    return unicodedata.category(character)[0] != "C"
