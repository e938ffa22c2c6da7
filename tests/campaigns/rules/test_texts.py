"""A text is refused with the place of what is wrong, before anybody else sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.errors import Invalid
from campaigns.rules import placeholders
from campaigns.rules.texts import LONGEST, check_characters, check_length, clean


@pytest.mark.parametrize(
    ("body", "code", "position"),
    [
        ("", "text_empty", None),
        (" \n\u00a0 ", "text_empty", None),
        ("No pague\x00 nada", "text_control_character", 9),
        ("No\tpague", "text_control_character", 3),
        ("No\u202epague", "text_control_character", 3),
        ("\ud83d", "text_control_character", 1),
    ],
)
def test_what_phones_cannot_show_is_refused(body, code, position):
    with pytest.raises(Invalid) as caught:
        check_characters(body, "text_es")
    assert (caught.value.field, caught.value.code, caught.value.values.get("position")) == ("text_es", code, position)


def test_lines_accents_and_pictures_are_fine():
    check_characters("Ñandú\n«No» pague 😀", "text_es")


def test_kept_as_composed_lines_without_hanging_spaces():
    assert clean("  Avisó \r\nque\u0301\r") == "Avisó\nqué"


@given(some.text(max_size=60))
def test_cleaning_twice_changes_nothing(body):
    assert clean(clean(body)) == clean(body)


def test_length_counts_the_frame_and_the_longest_value():
    pieces = placeholders.parse("a" * 1400 + "{{nombre}}")
    check_length(pieces, "text_es", around=LONGEST - 1400 - placeholders.LONGEST_VALUE)
    with pytest.raises(Invalid) as caught:
        check_length(pieces, "text_es", around=LONGEST - 1400 - placeholders.LONGEST_VALUE + 3)
    assert caught.value.values == {"count": 3, "most": LONGEST}
