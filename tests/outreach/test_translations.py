"""No sentence of the interface is missing in Spanish or English."""

import shutil

import pytest

from outreach import translations


def test_every_sentence_is_translated():
    assert translations.problems() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('msgstr "Iniciar sesión"', 'msgstr ""', "not translated"),
        ('msgid "Sign out"', 'msgid "Sign outt"', "missing"),
        ('msgid "Sign out"', '#, fuzzy\nmsgid "Sign out"', "fuzzy"),
        ("remitente con %(address)s", "remitente con %(direccion)s", "placeholder"),
    ],
)
def test_the_check_sees_each_kind_of_gap(monkeypatch, tmp_path, old, new, said):
    shutil.copytree(translations.TRANSLATIONS, tmp_path / "translations")
    monkeypatch.setattr(translations, "TRANSLATIONS", tmp_path / "translations")
    path = translations.path_of("es")
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert [line for line in translations.problems() if line.startswith("es: ") and said in line]
    assert translations.main(["check"]) == 1
