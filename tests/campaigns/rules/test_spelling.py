"""Two spellings of one word are one word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.spelling import fold, key, one_line, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Núñez  PEÑA ", "nunez pena"),
        ("Ñusta", "nusta"),
        ("N\u0303usta", "nusta"),
        ("ＡＮＣＯＮ", "ancon"),
        ("Straße", "strasse"),
        ("San\u00a0Martín", "san martin"),
        ("", ""),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert key(key(text)) == key(text)


def test_a_key_has_no_punctuation() -> None:
    assert key("Correo-electrónico (*):") == "correo electronico"
    assert key("Anco-Huallo / centro") == "anco huallo centro"
    assert key("Sayt’ayaña") == key("SAYT'AYANA") == "saytayana"
    assert key("***") == ""


def test_words_find_a_name_without_its_small_words() -> None:
    assert words("María de la Cruz O'Higgins") == {"maria", "cruz", "ohiggins"}
    assert words("Transportes Núñez S.A.C.") == {"transportes", "nunez"}
    assert words("Empresa 21 de Octubre SAC") == {"empresa", "21", "octubre"}
    assert words("") == frozenset()


def test_a_paragraph_is_not_a_hundred_words() -> None:
    assert len(words(" ".join(f"palabra{n}" for n in range(100)))) == 16


@given(st.text(max_size=80))
def test_one_line_is_one_printable_line(text: str) -> None:
    line = one_line(text, 40)
    assert len(line) <= 40
    assert line == "" or line.isprintable()
    assert one_line(line, 40) == line


def test_one_line_keeps_what_can_be_read() -> None:
    assert one_line(" Rosa\r\n\tQuispe\x00\u200b  Peña ", 100) == "Rosa Quispe Peña"
    assert one_line("日本 語", 2) == "日本"
