"""How many parts an SMS costs, counted by walking as carriers cut it (3GPP 23.038; DOMAIN facts 1.13).

One character outside GSM-7 turns the whole message into UCS-2. Neither an escaped character nor a surrogate pair
is ever cut in two, so dividing the length is wrong at the borders.
"""

import re
import unicodedata
from typing import Literal, NamedTuple

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = "^{}\\[]~|€\f"

_ALL_BASIC = re.compile(f"[{re.escape(_BASIC)}]*")
_ALL_GSM = re.compile(f"[{re.escape(_BASIC + _ESCAPED)}]*")
_ANY_ESCAPED = re.compile(f"[{re.escape(_ESCAPED)}]")
_NOT_GSM = re.compile(f"[^{re.escape(_BASIC + _ESCAPED)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

GSM_ALONE, GSM_JOINED = 160, 153
UCS_ALONE, UCS_JOINED = 70, 67


class Size(NamedTuple):
    """What a text costs: its encoding, its length in septets or UTF-16 units, and how many parts are sent."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    parts: int

    @property
    def room(self) -> int:
        """Units that still fit before one more part is needed (a two-unit character may not use the last one)."""
        alone, joined = (GSM_ALONE, GSM_JOINED) if self.encoding == "GSM-7" else (UCS_ALONE, UCS_JOINED)
        return max(0, (alone if self.parts <= 1 else self.parts * joined) - self.units)


def measure(text: str) -> Size:
    """The size of exactly this text after NFC, which is how it must be sent. An empty text has no parts."""
    if _ALL_BASIC.fullmatch(text):  # nothing here composes, so NFC would change nothing
        return Size("GSM-7", len(text), _even(len(text), GSM_ALONE, GSM_JOINED))
    text = unicodedata.normalize("NFC", text)
    if _ALL_GSM.fullmatch(text):
        wide = _ANY_ESCAPED
        units = len(text) + len(wide.findall(text))
        return Size("GSM-7", units, _walk(text, wide, units, GSM_ALONE, GSM_JOINED))
    wide = _ASTRAL
    units = len(text) + len(wide.findall(text))
    return Size("UCS-2", units, _walk(text, wide, units, UCS_ALONE, UCS_JOINED))


def upper_bound(fixed: str, longest: int) -> int:
    """The most parts a text can need whose fixed words are `fixed` and whose values add up to `longest` UTF-16 units.

    The values may hold anything, so UCS-2 is assumed as soon as there is one; each part may lose a unit at its end
    to a pair that does not fit. Used to ask the throttle before names are known.
    """
    if longest <= 0:
        return measure(fixed).parts
    fixed = unicodedata.normalize("NFC", fixed)
    # Where everything is GSM-7, the escaped characters make the text longer than its UTF-16 length.
    as_gsm = measure(fixed).units + 2 * longest if _ALL_GSM.fullmatch(fixed) else 0
    as_ucs = len(fixed) + len(_ASTRAL.findall(fixed)) + longest
    return max(
        _even(as_gsm, GSM_ALONE, GSM_JOINED - 1),
        _even(as_ucs, UCS_ALONE, UCS_JOINED - 1),
    )


def _even(units: int, alone: int, joined: int) -> int:
    if units <= alone:
        return 1 if units else 0
    return -(-units // joined)


def _walk(text: str, wide: re.Pattern[str], units: int, alone: int, joined: int) -> int:
    if units <= alone:
        return 1
    doubles = [match.start() for match in wide.finditer(text)]
    if not doubles:
        return _even(units, alone, joined)
    parts, room, at = 1, joined, 0
    for double in doubles:
        plain = double - at  # characters of one unit before this one: they fill parts without loss
        parts, room = _fill(parts, room, plain, joined)
        if room < 2:
            parts, room = parts + 1, joined
        room -= 2
        at = double + 1
    return _fill(parts, room, len(text) - at, joined)[0]


def _fill(parts: int, room: int, plain: int, joined: int) -> tuple[int, int]:
    if plain <= room:
        return parts, room - plain
    more = -(-(plain - room) // joined)
    return parts + more, more * joined - (plain - room)


class Dear(NamedTuple):
    """A character that makes the whole text dear: how often, where first (from 0), and a cheaper spelling if any."""

    character: str
    times: int
    position: int
    cheaper: str | None


# The carriers' own table of look-alikes, as DOMAIN facts 1.13 give it, with its swapped ‹ › put right.
_LOOKALIKES: dict[str, str] = {
    **dict.fromkeys("«»“”„‟ʺˮ❝❞〝〞＂", '"'),
    **dict.fromkeys("‘’‚‛ʻʼʽˈʹ´ˊ`ˋ❛❜＇", "'"),
    **dict.fromkeys("–—―‐‑⁃•﹣－−", "-"),
    **dict.fromkeys("÷⁄∕／", "/"),
    **dict.fromkeys("\u2028\u2029\t", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\ufe0e\ufe0f", ""),
    "…": "...", "‼": "!!", "¼": "1/4", "½": "1/2", "¾": "3/4", "‹": "<", "›": ">", "×": "x",
    "°": "o", "º": "o", "ª": "a", "、": ",", "，": ",", "。": ".",
}  # fmt: skip

# Vowel length is a different word in Aymara, so its ï has no cheaper spelling.
_KEEP = {"ay": frozenset("ïÏ")}


def dear_characters(text: str, language: str = "") -> list[Dear]:
    """The characters outside GSM-7 in order of first place, each with a spelling that is in GSM-7 when one exists.

    An accent taken off can change a word (público, publicó): the spelling is offered, never applied by itself.
    Positions count characters of the NFC text.
    """
    text = unicodedata.normalize("NFC", text)
    found: dict[str, Dear] = {}
    for match in _NOT_GSM.finditer(text):
        character = match[0]
        seen = found.get(character)
        if seen is None:
            keep = character in _KEEP.get(language, ())
            cheaper = None if keep else _cheaper(character)
            found[character] = Dear(character, 1, match.start(), cheaper)
        else:
            found[character] = seen._replace(times=seen.times + 1)
    return list(found.values())


def _cheaper(character: str) -> str | None:
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    if unicodedata.category(character) == "Zs":
        return " "
    plain = unicodedata.normalize("NFKD", character)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain if plain and _ALL_GSM.fullmatch(plain) else None
