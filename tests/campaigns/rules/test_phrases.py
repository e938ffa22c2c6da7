"""How phrases are written, and what they find."""

import pytest

from campaigns.rules.phrases import Phrase, Sense, compile_all, padded
from campaigns.rules.spelling import key


def found(phrase: str, text: str, language: str = "es", *more: Phrase) -> bool:
    compiled = compile_all([*more, Phrase(language, Sense.STOP, phrase)])
    return compiled.find(Sense.STOP, padded(key(text))) is not None


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("no escriban", "¡No ESCRIBAN!", True),
        ("no escriban", "no me escriban", False),
        ("no [me/nos] escriban", "no me escriban", True),
        ("no [por favor] escriban", "no, por favor, escriban", True),
        ("no escriban/manden", "no manden eso", True),
        ("mensaj*", "sus mensajitos", True),
        ("mensaj*", "sumensaje", False),
        ("no .. mensajes", "no quiero recibir más mensajes", True),
        ("no .. mensajes", "no uno dos tres cuatro mensajes", False),
        ("^ basta", "basta ya", True),
        ("^ basta", "ya basta", False),
        ("basta $", "ya basta", True),
        ("basta gracias/$", "ya basta", True),
        ("basta gracias/$", "basta de extorsión", False),
        ("encañon*", "me encanonaron", True),
        ("!no/nunca paren", "paren ya", True),
        ("!no/nunca paren", "no paren", False),
        ("!no/nunca paren", "nunca paren", False),
    ],
)
def test_what_a_phrase_finds(phrase: str, text: str, expected: bool) -> None:
    assert found(phrase, text) is expected


def test_chinese_is_found_inside_longer_runs() -> None:
    assert found("不要再 发/打", "请不要再给我发", "zh") is False
    assert found("不要再 .. 发", "请不要再给我发短信", "zh")
    assert found("不要再 发", "请 不要 再 发", "zh")


def test_a_named_list_stands_for_its_words() -> None:
    words = Phrase("es", Sense.WORDS, "<msgs> mensaj*/sms")
    assert found("no mas <msgs>", "no más SMS", "es", words)
    with pytest.raises(ValueError, match="msgs"):
        found("no mas <msgs>", "", "en", words)


@pytest.mark.parametrize(
    "phrase",
    ["", "no (mas)", "[no", "a&b", "[no]", "[no] [mas]", "..", "^ $", "^ [no] $", "[no] mas/$", "!no [mas]", "*"],
)
def test_what_is_no_phrase(phrase: str) -> None:
    with pytest.raises(ValueError, match="phrase"):
        found(phrase, "")


def test_hasty_spellings_are_put_right() -> None:
    compiled = compile_all([Phrase("es", Sense.SPELLING, "que q/k"), Phrase("es", Sense.SPELLING, "me m")])
    assert compiled.said("¡NOOOO m escriban +, q m molesta!") == " no me escriban mas que me molesta "
    assert compiled.said("llame al 111 o al +51 111") == " llame al 111 o al 51 111 "
    assert compiled.said("") == "  "


def test_courtesies_are_left_out_unless_there_is_nothing_else() -> None:
    compiled = compile_all([Phrase("es", Sense.COURTESY, "[muchas] gracias"), Phrase("es", Sense.COURTESY, "jefe")])
    assert compiled.bare(" ya no jefe muchas gracias ") == " ya no "
    assert compiled.bare(" gracias jefe ") == " gracias jefe "


def test_what_stands_around_a_phrase() -> None:
    compiled = compile_all([Phrase("es", Sense.QUOTED, "responda alto")])
    assert compiled.around(Sense.QUOTED, " taller responda alto gracias ") == (" taller ", " gracias ")
    assert compiled.around(Sense.QUOTED, " responda alto ") == ("  ", "  ")
    assert compiled.around(Sense.QUOTED, " alto ") is None


def test_what_is_taken_out_leaves_a_bar_that_nothing_reaches_across() -> None:
    compiled = compile_all([Phrase("es", Sense.KEEP, "de extorsion"), Phrase("es", Sense.STOP, "basta .. mensajes")])
    left = compiled.without([Sense.KEEP], padded("basta de extorsion mensajes"))
    assert left == " basta | mensajes "
    assert compiled.find(Sense.STOP, left) is None
