"""What a person wants who answers one of our messages: one class, and whether they refuse more of them.

Words that are the whole message first (rules/keywords.py), then phrases that readers wrote down (rules/phrases.py). A
wrong refusal costs little and a missed one much, so what clearly refuses counts; but a slogan against crime refuses
nothing. Danger goes before everything (FEATURES 3.6, 3.14).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from campaigns.rules import keywords
from campaigns.rules.keywords import Keyword, KeywordIndex, Kind
from campaigns.rules.phrases import Phrases, Sense, padded
from campaigns.rules.spelling import key

_LONGEST_READ: Final = 1_600  # as long as one inbound message can be


class Class(StrEnum):
    """What a text is. Where one could be two of these, danger goes first, then stop, then the order given here."""

    DANGER = "danger"
    STOP = "stop"
    HELP = "help"
    START = "start"
    VERIFY = "verify"
    FALSE = "false"
    UNCLEAR = "unclear"
    OTHER = "other"


@dataclass(frozen=True)
class Lexicon:
    """The enabled words and phrases of all languages: every language's work for everybody."""

    words: KeywordIndex
    phrases: Phrases


@dataclass(frozen=True)
class Reading:
    """What a text is, whether a refusal in it is to be honoured, and the word or phrase that told."""

    is_a: Class
    stop: bool
    rule: str = ""
    language: str = ""
    is_whole: bool = False  # the word is the whole message: no person needs to read it

    def as_json(self) -> dict[str, object]:
        """The reading for programs."""
        return {"class": self.is_a.value, "stop": self.stop}


_OF_WORD: Final[Mapping[Kind, Class]] = {
    Kind.STOP: Class.STOP,
    Kind.HELP: Class.HELP,
    Kind.START: Class.START,
    Kind.VERIFY: Class.VERIFY,
    Kind.FALSE: Class.FALSE,
}
_OF_SENSE: Final = (
    (Sense.HELP, Class.HELP),
    (Sense.VERIFY, Class.VERIFY),
    (Sense.FALSE, Class.FALSE),
    (Sense.UNCLEAR, Class.UNCLEAR),
)
_OF_THEMSELVES: Final = frozenset({Class.HELP, Class.UNCLEAR})
_SENTENCES: Final = re.compile(r"[.,:!?;\n。，：！？；]+")
_QUOTE: Final = re.compile('«[^»]*»|“[^”]*”|"[^"]*"|「[^」]*」')
_PLAIN: Final = frozenset({"stop", "unsubscribe", "baja", "alto", "cancelar", "arret", "sair", "退订", "退訂"})
_ASKED: Final = frozenset("?？¿")


def read(text: str, lexicon: Lexicon) -> Reading:
    """Read a text. Never raises, whatever the characters; only the first 1,600 count."""
    phrases = lexicon.phrases
    text = _without_quotes(text[:_LONGEST_READ], phrases)
    said = _answered(text, phrases)
    if not said.strip():
        return Reading(Class.OTHER, stop=False)  # nothing but marks, or a quote of ours
    bare = phrases.bare(said)
    of_people = phrases.without((Sense.SLOGAN,), bare)
    word = _word(text, bare, lexicon)
    refusal = None if word else _refusal(of_people, phrases) or _sentence(text, lexicon, is_free=of_people == bare)
    stops = refusal is not None or (word is not None and word.kind is Kind.STOP)
    is_machine = phrases.find(Sense.AUTO, said) is not None
    if danger := phrases.find(Sense.DANGER, of_people):
        return Reading(Class.DANGER, stops and not is_machine, danger.text, danger.language)
    if word is not None:
        return Reading(_told(_OF_WORD[word.kind], text), stops, word.word, word.language, is_whole=True)
    if is_machine:
        return Reading(Class.OTHER, stop=False)
    if refusal is not None:
        return Reading(Class.STOP, True, *refusal)
    if phrases.find(Sense.AWAY, said):
        return Reading(Class.OTHER, stop=False)
    return _without_refusal(text, phrases.without((Sense.KEEP,), of_people), phrases, has_slogan=of_people != bare)


def _without_quotes(text: str, phrases: Phrases) -> str:
    """What the person wrote, without what they quoted of our message: there, the word that ends it all is ours."""

    def unless_ours(quote: re.Match[str]) -> str:
        return "\n" if phrases.find(Sense.QUOTED, phrases.said(quote[0])) else quote[0]

    text = _QUOTE.sub(unless_ours, text)
    own = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(">"))
    return own if own.strip() else text


def _answered(text: str, phrases: Phrases) -> str:
    """The words of the text without our own line, where it stands in it without quotation marks."""
    said = phrases.said(text)
    around = phrases.around(Sense.QUOTED, said)
    if around is None:
        return said
    before, behind = around
    return behind if text.lstrip().startswith(">") else padded(f"{before}|{behind}")


def _word(text: str, bare: str, lexicon: Lexicon) -> Keyword | None:
    as_written = lexicon.phrases.bare(padded(key(text)))  # "T" is a word of its own, though it is "te" in haste
    found = (keywords.classify(piece, lexicon.words) for piece in (text, as_written, *bare.split("|")))
    return next(filter(None, found), None)


def _refusal(of_people: str, phrases: Phrases) -> tuple[str, str] | None:
    found = phrases.find(Sense.STOP, phrases.without((Sense.KEEP,), of_people))
    return (found.text, found.language) if found else None


def _sentence(text: str, lexicon: Lexicon, *, is_free: bool) -> tuple[str, str] | None:
    """A stop word that is a sentence: "I am not a driver. STOP". Shouted, or one that means little else."""
    sentences = [sentence for sentence in _SENTENCES.split(text) if sentence.strip()]
    if not is_free or len(sentences) < 2:
        return None
    for sentence in sentences:
        bare = lexicon.phrases.bare(lexicon.phrases.said(sentence)).strip()
        word = keywords.classify(bare, lexicon.words) if sentence.isupper() or bare in _PLAIN else None
        if word is not None and word.kind is Kind.STOP:
            return word.word, word.language
    return None


def _without_refusal(text: str, of_people: str, phrases: Phrases, *, has_slogan: bool) -> Reading:
    for sense, is_a in _OF_SENSE:
        if has_slogan and is_a in _OF_THEMSELVES:
            continue  # who speaks up against crime asks for all, and a person reads it
        if found := phrases.find(sense, of_people):
            return Reading(_told(is_a, text), False, found.text, found.language)
    return Reading(Class.OTHER, stop=False)


def _told(is_a: Class, text: str) -> Class:
    """ "Is this a scam?" asks; without the question mark it tells."""
    return Class.VERIFY if is_a is Class.FALSE and not _ASKED.isdisjoint(text) else is_a
