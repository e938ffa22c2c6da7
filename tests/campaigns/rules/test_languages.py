"""Which language a person is written to in; locales that Babel certainly knows."""

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.languages import babel_locale, choose_text


@pytest.mark.parametrize(
    ("language", "available", "accepts", "chosen"),
    [
        ("qu", {"es", "qu"}, True, "qu"),
        ("quz", {"es", "qu"}, False, "qu"),
        ("quy", {"es", "qu", "quy"}, True, "quy"),
        ("qu", {"es", "quz"}, True, "es"),
        ("quy", {"es", "quz"}, False, None),
        ("ay", {"es", "qu"}, True, "es"),
        ("ay", {"es", "qu"}, False, None),
        ("ay", {"qu", "en"}, True, None),
        ("es", {"es"}, False, "es"),
        (None, {"es"}, False, "es"),
        (None, {"qu"}, True, None),
        ("zz", set(), True, None),
    ],
)
def test_the_text_for_a_person(language: str | None, available: set[str], accepts: bool, chosen: str | None) -> None:
    assert choose_text(language, available, accepts, "es") == chosen


def test_the_relation_of_varieties_is_data() -> None:
    assert choose_text("pt-BR", {"pt"}, False, "es", macro={"pt-BR": "pt"}) == "pt"


@pytest.mark.parametrize(
    ("code", "locale"),
    [("es", "es_PE"), ("es-PE", "es_PE"), ("en", "en"), ("qu", "qu_PE"), ("pt", "pt"), ("fr", "fr"), ("zh", "zh_Hans"),
     ("quy", "es_PE"), ("ay", "es_PE"), ("cni", "es_PE"), ("zz", "es_PE"), ("", "es_PE"), (None, "es_PE")],
)  # fmt: skip
def test_locales(code: str | None, locale: str) -> None:
    assert babel_locale(code) == locale


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[a-z]{2,3}([-_@.][A-Za-z]{1,4}){0,2}", fullmatch=True)))
def test_no_code_breaks_babel(code: str) -> None:
    Locale.parse(babel_locale(code))
