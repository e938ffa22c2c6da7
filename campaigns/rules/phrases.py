"""Phrases that readers of a language wrote down, as patterns over the words of a text (DOMAIN facts 4, 6).

A phrase is a line of folded words (`spelling.key`). `a/b` is either, `[a/b c]` may be missing, `word*` any ending,
`..` up to three words of any kind, `^` and `$` the text's beginning and end (`a/$`: this word or the end), `!a/b` at
the beginning that neither stands before; `<name>` stands for a list of words that has a name. In Chinese, which has no
spaces between words, every word of a phrase is found inside others. Every phrase has a word that
must be there: one of which every word may be missing would find anything.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from campaigns.rules.spelling import fold, key

UNSPACED: Final = frozenset({"zh"})
_PART: Final = re.compile(r"\[[\w/*$ ]+\]|!?[\w/*$]+|\.\.|\^")
_REPEATED: Final = re.compile(r"([^\W\d])\1{2,}")
_PLUS: Final = re.compile(r"\+(?!\d)")
_NAMED: Final = re.compile(r"<(\w+)>")
_GAP: Final = r"(?:\w+ ){0,3}"
_GAP_INSIDE: Final = r".{0,8}?"


class Sense(StrEnum):
    """What a phrase tells of the text it stands in."""

    WORDS = "words"  # names a list of words for other phrases: "<name> a/b/c"
    SPELLING = "spelling"  # how a word is written in haste, behind it: "que q/k/qe"
    COURTESY = "courtesy"  # what polite people write around what they mean
    QUOTED = "quoted"  # a line of our own messages
    AUTO = "auto"  # a machine wrote it
    AWAY = "away"  # maybe a machine: they drive, or answer later
    SLOGAN = "slogan"  # says of crime, not of us, that it must stop
    KEEP = "keep"  # wants the messages, in words that a refusal has, too
    STOP = "stop"
    DANGER = "danger"
    HELP = "help"
    VERIFY = "verify"
    FALSE = "false"
    UNCLEAR = "unclear"  # may be a refusal, may be not


class Phrase(NamedTuple):
    """One phrase of a language, as it was written down."""

    language: str
    sense: Sense
    text: str


@dataclass(frozen=True)
class Phrases:
    """Compiled phrases by sense; safe to share between threads. Texts are given as padded() gives them."""

    by_sense: Mapping[Sense, Sequence[tuple[Phrase, re.Pattern[str]]]]
    spelling: Mapping[str, str] = field(default_factory=dict)

    def said(self, text: str) -> str:
        """The text as phrases are looked for in it: padded() and folded, hasty spellings and drawn-out words put right.

        "no m escriban maaas" and "NO ME ESCRIBAN +" say the same. Never raises, whatever the characters.
        """
        words = one_of_repeated(key(_PLUS.sub(" mas ", text))).split()
        return padded(" ".join(self.spelling.get(word, word) for word in words))

    def bare(self, text: str) -> str:
        """The text without courtesies; as it is, if it is nothing else."""
        bare = text
        for _, pattern in self.by_sense.get(Sense.COURTESY, ()):
            bare = padded(pattern.sub(" ", bare))
        return bare if bare.strip() else text

    def around(self, sense: Sense, text: str) -> tuple[str, str] | None:
        """What stands before and behind the first phrase of this sense that is found in the text; or None."""
        for _, pattern in self.by_sense.get(sense, ()):
            if found := pattern.search(text):
                return padded(text[: found.start()]), padded(text[found.end() :])
        return None

    def find(self, sense: Sense, text: str) -> Phrase | None:
        """The first phrase of this sense, in the order they were given, that stands in the text; or None."""
        return next((phrase for phrase, pattern in self.by_sense.get(sense, ()) if pattern.search(text)), None)

    def without(self, senses: Iterable[Sense], text: str) -> str:
        """The text with a bar in place of every phrase of these senses, so that no other phrase reaches across."""
        for sense in senses:
            for _, pattern in self.by_sense.get(sense, ()):
                text = pattern.sub(" | ", text)
        return padded(text)


def padded(folded: str) -> str:
    """A folded text as phrases are looked for: one space before and behind every word."""
    return f" {' '.join(folded.split())} "


def one_of_repeated(text: str) -> str:
    """A letter that is repeated for force, once: "nooooo" is "no". Doubled letters and digits stay."""
    return _REPEATED.sub(r"\1", text)


def compile_all(phrases: Iterable[Phrase]) -> Phrases:
    """Compile enabled phrases. Raises ValueError for one that is not written as the module says."""
    phrases = list(phrases)
    named: dict[tuple[str, str], str] = {}
    spelling: dict[str, str] = {}
    for phrase in phrases:
        name, _, words = phrase.text.partition(" ")
        if phrase.sense is Sense.WORDS:
            named[phrase.language, name.strip("<>")] = "/".join(words.split())
        elif phrase.sense is Sense.SPELLING:
            spelling |= dict.fromkeys(map(fold, words.split("/")), fold(name))
    compiled: dict[Sense, list[tuple[Phrase, re.Pattern[str]]]] = {}
    for phrase in phrases:
        if phrase.sense not in (Sense.WORDS, Sense.SPELLING):
            compiled.setdefault(phrase.sense, []).append((phrase, _compiled(phrase, named)))
    return Phrases(compiled, spelling)


def _compiled(phrase: Phrase, named: Mapping[tuple[str, str], str]) -> re.Pattern[str]:
    def words_of(found: re.Match[str]) -> str:
        if (phrase.language, found[1]) not in named:
            raise ValueError(f"{phrase.language}: no words are named {found[1]}")
        return named[phrase.language, found[1]]

    is_spaced = phrase.language not in UNSPACED
    written = fold(_NAMED.sub(words_of, phrase.text))
    parts = _parts(written)
    if not any(map(_must_be_there, parts)):
        raise ValueError(
            f"{phrase.language}: an empty phrase, or one of which every word may be missing: {phrase.text}"
        )
    pattern = "".join(_part(part, is_spaced=is_spaced) for part in parts)
    return re.compile(f"(?<= ){pattern}" if is_spaced else pattern)


def _must_be_there(part: str) -> bool:
    return part[0] not in "[^.!" and all(word.strip("*$") for word in part.split("/"))


def _parts(written: str) -> list[str]:
    parts = _PART.findall(written)
    if "".join(parts).replace(" ", "") != written.replace(" ", ""):
        raise ValueError(f"no phrase: {written}")
    return parts


def _part(part: str, *, is_spaced: bool) -> str:
    """One part of a phrase as a pattern, with the space behind it where words are spaced."""
    if part == "^":
        return r"(?<=\A )" if is_spaced else r"\A *"
    if part == "$":
        return r" *\Z"
    if part == "..":
        return _GAP if is_spaced else _GAP_INSIDE
    if part.startswith("!"):
        return "".join(rf"(?<! {word} )" if is_spaced else f"(?<!{word})" for word in part[1:].split("/"))
    either = [words.split() for words in part.strip("[]").split("/")]
    words = "|".join("".join(_word(word, is_spaced=is_spaced) for word in each) for each in either if each)
    return f"(?:{words})?" if part.startswith("[") and part.endswith("]") else f"(?:{words})"


def _word(word: str, *, is_spaced: bool) -> str:
    if word == "$":
        return r"\Z"
    if is_spaced:
        return re.escape(word).replace(r"\*", r"\w*") + " "
    return " ?".join(map(re.escape, word)) + " ?"
