"""Parts are counted as carriers cut messages; the vectors are DOMAIN facts 1.13."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.parts import Size, dear_characters, measure, upper_bound

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPED = "^{}\\[]~|€\f"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "b" * 152, 3),
        ("á" * 70, 1),
        ("á" * 71, 2),
        ("á" * 134, 2),
        ("á" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("á" * 66 + "😀" + "á" * 66, 3),
    ],
)
def test_the_checked_vectors(text: str, parts: int) -> None:
    assert measure(text).parts == parts


def test_units_and_encoding_are_told() -> None:
    assert measure("a" * 152 + "€" + "b" * 152) == Size("GSM-7", 306, 3)
    assert measure("á" * 66 + "😀" + "á" * 66) == Size("UCS-2", 134, 3)
    assert measure("") == Size("GSM-7", 0, 0)


@pytest.mark.parametrize("character", "éÉñÑüÜàèìòùäÄöÖåÅæÆøØßÇ¡¿£¥§¤€")
def test_characters_inside_gsm_7(character: str) -> None:
    assert measure(character).encoding == "GSM-7"


@pytest.mark.parametrize("character", "áíóúÁÍÓÚçãõâêôîûïë«»“”‘’–—…º ª°`\t\x1bʼ".replace(" ", ""))
def test_characters_outside_gsm_7(character: str) -> None:
    assert measure("a" * 100 + character).encoding == "UCS-2"


def test_a_decomposed_letter_is_composed_first() -> None:
    assert measure("Sen\u0303or") == Size("GSM-7", 5, 1)
    assert measure("a" * 159 + "n\u0303") == Size("GSM-7", 160, 1)


def test_room_says_what_still_fits() -> None:
    assert measure("a" * 150).room == 10
    assert measure("a" * 161).room == 306 - 161
    assert measure("á" * 60).room == 10
    assert measure("a" * 152 + "€" + "b" * 152).room == 459 - 306


def _packed(text: str) -> Size:
    """Packs one character after the other, as a carrier does."""
    text = unicodedata.normalize("NFC", text)
    gsm = all(c in GSM + ESCAPED for c in text)
    costs = [(2 if c in ESCAPED else 1) if gsm else len(c.encode("utf-16-le")) // 2 for c in text]
    alone, joined = (160, 153) if gsm else (70, 67)
    parts, used = min(1, len(costs)), 0
    for cost in costs:
        if used + cost > joined:
            parts, used = parts + 1, 0
        used += cost
    whole = sum(costs)
    return Size("GSM-7" if gsm else "UCS-2", whole, min(1, whole) if whole <= alone else parts)


TEXTS = st.one_of(
    st.text(alphabet=st.sampled_from("ab€{}ñéá😀𝒜\u0303 \n"), max_size=400),
    st.text(alphabet=st.sampled_from("a€"), max_size=700),
    st.text(alphabet=st.sampled_from(GSM), max_size=500),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
)


@given(TEXTS)
def test_fast_counting_equals_packing_one_by_one(text: str) -> None:
    assert measure(text) == _packed(text)


@given(
    st.text(alphabet=st.sampled_from("ab€ñá😀 "), max_size=300),
    st.text(alphabet=st.sampled_from("ab€ñá😀 "), max_size=60),
    st.integers(0, 300),
)
def test_the_upper_bound_is_never_too_low(fixed: str, value: str, at: int) -> None:
    whole = fixed[:at] + value + fixed[at:]
    longest = len(value.encode("utf-16-le")) // 2
    assert measure(whole).parts <= upper_bound(fixed, longest)


def test_the_upper_bound_without_values_is_exact() -> None:
    assert upper_bound("a" * 152 + "€" + "b" * 152, 0) == 3
    assert upper_bound("a" * 100, 20) == 2  # a name with an accent makes it UCS-2


def test_dear_characters_come_with_cheaper_spellings() -> None:
    found = dear_characters("Atención: “vacuna” – pú…\u200b")
    assert [(d.character, d.times, d.cheaper) for d in found] == [
        ("ó", 1, "o"),
        ("“", 1, '"'),
        ("”", 1, '"'),
        ("–", 1, "-"),
        ("ú", 1, "u"),
        ("…", 1, "..."),
        ("\u200b", 1, ""),
    ]
    assert found[0].position == 6


def test_a_dear_character_is_counted_once_with_its_times() -> None:
    assert [(d.character, d.times, d.position) for d in dear_characters("xáéáÁ")] == [("á", 2, 1), ("Á", 1, 4)]


def test_spaces_fullwidth_and_hopeless_characters() -> None:
    assert [d.cheaper for d in dear_characters("\u00a0\u2003ＡＬ😀退")] == [" ", " ", "A", "L", None, None]


def test_aymara_vowel_length_is_not_taken_off() -> None:
    assert [d.cheaper for d in dear_characters("maï", "ay")] == [None]
    assert [d.cheaper for d in dear_characters("maï", "es")] == ["i"]


@given(st.text(max_size=200))
def test_every_cheaper_spelling_is_cheap_and_every_other_character_is(text: str) -> None:
    dear = dear_characters(text)
    for one in dear:
        assert one.cheaper is None or measure(one.cheaper).encoding == "GSM-7"
    assert (measure(text).encoding == "UCS-2") == bool(dear)
