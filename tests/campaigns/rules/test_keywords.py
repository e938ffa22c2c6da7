"""Which order a whole inbound text is (DOMAIN facts 4)."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.keywords import Keyword, KeywordIndex, Kind, build, classify

SEEDS = Path(__file__).parents[3] / "campaigns" / "seeds" / "keywords.csv"


@pytest.fixture(scope="module")
def index() -> KeywordIndex:
    with SEEDS.open(encoding="utf-8", newline="") as rows:
        return build(
            Keyword(row["language"], Kind(row["kind"]), row["word"])
            for row in csv.DictReader(rows)
            if row["enabled"] == "yes"
        )


@pytest.mark.parametrize(
    "text",
    ["ALTO", "alto", " Alto. ", "¡ALTO!", "«alto»", '"ALTO"', "'alto'", "ALTO 🙏🙏", "👍 alto", "A L T O", "ＡＬＴＯ",
     "AL\u200bTO", "alto\x00", "\x00ALTO\x00", "Álto", "ALTO\n", "alto por favor", "por favor alto gracias",
     "Hola, ALTO. Muchas gracias", "STOP", "stop all", "STOP-ALL", "opt out", "OPT-OUT", "optout", "no más", "NO MAS",
     "nomás", "Baja", "BAJA porfa", "arrêt", "ARRET", "退订", "请退订", "退订谢谢", "T", "pare", "STOP STOP STOP",
     "alto alto", "ALTO?", "stop pls", "STOP " * 30, "s.t.o.p", "desinscrire"],
)  # fmt: skip
def test_a_stop_however_it_is_written(text: str, index: KeywordIndex) -> None:
    found = classify(text, index)
    assert found is not None
    assert found.kind is Kind.STOP


@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00", "🙏", "alto a la extorsión", "ALTO A LA VIOLENCIA YA", "no me siento alto", "para mañana",
     "quiero darme de baja del gimnasio", "stopa", "altos", "alt", "si", "yes", "no", "por favor", "gracias", "hola",
     "ayuda para salir", "amaña", "sayt'ayaña", "alto alta", "señor", "a" * 5000, "por favor " * 400],
)  # fmt: skip
def test_what_is_no_order(text: str, index: KeywordIndex) -> None:
    assert classify(text, index) is None


@pytest.mark.parametrize("text", ["AYUDA", "ayuda por favor", "Help", "info", "¿info?", "AIDE", "帮助", "ajuda"])
def test_help(text: str, index: KeywordIndex) -> None:
    found = classify(text, index)
    assert found is not None
    assert found.kind is Kind.HELP


@pytest.mark.parametrize("text", ["ALTA", "start", "Unstop", "inicio", "começar", "COMECAR", "订阅"])
def test_start(text: str, index: KeywordIndex) -> None:
    found = classify(text, index)
    assert found is not None
    assert found.kind is Kind.START


def test_one_letter_apart_is_another_word(index: KeywordIndex) -> None:
    assert classify("ALTA", index) == Keyword("es", Kind.START, "ALTA")
    assert classify("ALTO", index) == Keyword("es", Kind.STOP, "ALTO")


def test_the_answer_names_the_word_and_its_language(index: KeywordIndex) -> None:
    assert classify("no mas", index) == Keyword("es", Kind.STOP, "NO MÁS")
    assert classify("quit", index) == Keyword("en", Kind.STOP, "QUIT")


def test_stop_beats_help_beats_start() -> None:
    words = [Keyword("xx", kind, "uno") for kind in (Kind.START, Kind.HELP, Kind.STOP)]
    assert build(words)["uno"].kind is Kind.STOP
    assert build(words[:2])["uno"].kind is Kind.HELP
    assert build(list(reversed(words)))["uno"].kind is Kind.STOP


def test_a_word_with_apostrophes_once_it_is_enabled() -> None:
    index = build(
        [Keyword("ay", Kind.STOP, "SAYT'AYAÑA"), Keyword("qu", Kind.STOP, "AMAÑA"), Keyword("xx", Kind.STOP, "!")]
    )
    for text in ("sayt'ayaña", "SAYT’AYANA", "saytʼayaña", "sayt ayaña"):
        assert classify(text, index) is not None
    assert classify("amana", index) == Keyword("qu", Kind.STOP, "AMAÑA")


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    index = build([Keyword("es", Kind.STOP, "ALTO")])
    assert classify(text, index) in (None, index["alto"])


@given(
    st.sampled_from(["ALTO", "baja", "no más", "STOP ALL"]), st.text(alphabet="\u200b\x00 .!¡\"'»🙏\n-", max_size=12)
)
def test_decoration_never_hides_an_order(word: str, decoration: str) -> None:
    words = [Keyword("es", Kind.STOP, w) for w in ("ALTO", "BAJA", "NO MAS", "STOPALL")]
    assert classify(decoration + word + decoration, build(words)) is not None
