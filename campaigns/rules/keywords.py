"""Which single-word order an inbound text is: STOP, HELP, START and the like, or none (DOMAIN facts 4).

Only a whole message counts, so a slogan ("alto a la extorsión") stops nothing. Words of every enabled language work
for everybody. There is no edit distance: in Spanish ALTA starts and ALTO stops.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from campaigns.rules.spelling import APOSTROPHES


class Kind(StrEnum):
    """What the person wants. Where one text could be two of these, the first listed wins."""

    STOP = "stop"
    HELP = "help"
    START = "start"
    VERIFY = "verify"  # is this message real?
    FALSE = "false"  # they say that it is not


@dataclass(frozen=True, slots=True)
class Keyword:
    """One word a reader of `language` has signed for `kind`, as it is written in that language."""

    language: str
    kind: Kind
    word: str


KeywordIndex = dict[str, Keyword]

LONGEST = 40
_LONGEST_READ = 1_600  # one inbound message; nothing after this can matter to a whole-message match

_NO_LETTER = re.compile(r"[\W_]+")
_REPEATED = re.compile(r"([^\W\d])\1+")  # "ALTOOOO", "aalto"

# What polite people write around the word. Compared like the words themselves: without accents, spaces, marks.
_COURTESIES = (
    "por favor", "porfa", "x favor", "xfa", "muchas gracias", "mil gracias", "gracias", "hola", "buenos días",
    "buenas tardes", "buenas noches", "señor", "señora", "señores", "please", "pls", "plz", "thank you", "thanks",
    "hello", "obrigado", "obrigada", "merci", "s'il vous plaît", "svp", "bonjour", "请", "請", "谢谢", "謝謝",
    "您好", "你好",
)  # fmt: skip


def _bare(text: str) -> str:
    """Only the letters and digits, without accents, a repeated letter once: all that is compared."""
    text = unicodedata.normalize("NFKC", APOSTROPHES.sub("", text[:_LONGEST_READ])).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c)[0] not in "MC")
    return _NO_LETTER.sub("", _REPEATED.sub(r"\1", bare))


def build(words: Iterable[Keyword]) -> KeywordIndex:
    """The index `classify` asks. Give enabled words only; where two languages share one, the first given is kept.

    Of a word and its listed misspellings the word itself, which is the shortest: it is what people are told.
    """
    index: KeywordIndex = {}
    order = list(Kind)

    def rank(word: Keyword) -> tuple[int, int]:
        return order.index(word.kind), len(word.word)

    for word in words:
        bare = _bare(word.word)[:LONGEST]
        known = index.get(bare)
        if bare and (known is None or rank(word) < rank(known)):
            index[bare] = word
    return index


def classify(text: str, index: KeywordIndex) -> Keyword | None:
    """The order that is the whole of `text`, or None. Courtesies around it, repeats and decoration do not matter.

    Case, accents, width, spaces, hyphens, apostrophes, quotes, emoji, NUL and invisible characters are not compared.
    Never raises, whatever the characters; only the first 40 letters count.
    """
    bare = _bare(text)[:LONGEST]
    return _match(bare, index) or _match(_without_courtesies(bare, index), index)


def _match(bare: str, index: KeywordIndex) -> Keyword | None:
    if bare in index:
        return index[bare]
    # "STOP STOP STOP": every one-word order repeated to the end, or to where the text was cut.
    for size in range(2, len(bare) // 2 + 1):
        word = bare[:size]
        if word in index and (word * LONGEST)[: len(bare)] == bare and (len(bare) == LONGEST or len(bare) % size == 0):
            return index[word]
    return None


def _without_courtesies(bare: str, index: KeywordIndex) -> str:
    stripped = True
    while stripped and bare not in index:
        stripped = False
        for courtesy in _COURTESY_LETTERS:
            if bare.startswith(courtesy):
                bare, stripped = bare[len(courtesy) :], True
            elif bare.endswith(courtesy):
                bare, stripped = bare[: -len(courtesy)], True
            if stripped:
                break
    return bare


_COURTESY_LETTERS = tuple(sorted(map(_bare, _COURTESIES), key=len, reverse=True))


if __name__ == "__main__":
    from campaigns.rules import reading_lines  # what reads whole texts is built on this module

    reading_lines.main()
