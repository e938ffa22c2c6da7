"""What is asked once per import."""

from datetime import date

import pytest

from campaigns.errors import Invalid
from campaigns.rules.headings import Field
from campaigns.rules.import_options import REPLACEABLE, Mode, Options, read_options
from campaigns.rules.import_rows import Asked


def test_options_as_typed_and_as_kept() -> None:
    options = read_options(
        accepts_fallback=False,
        mode="update",
        fields=["name", "ground"],
        tags="Gremio; norte, gremio",
        ground="consent",
        ground_on=date(2026, 3, 12),
        ground_source=" Asamblea  del\ngremio ",
        ground_text="v2",
        columns={Field.PHONE: 3},
    )
    assert options.fields == {Field.NAME, Field.GROUND}
    assert options.tags == ("gremio", "norte")
    assert options.asked == Asked("consent", date(2026, 3, 12), "Asamblea del gremio", "v2")
    assert Options.from_json(options.as_json()) == options
    assert Options.from_json(Options().as_json()) == Options()


def test_what_was_kept_before_there_were_more_options() -> None:
    assert Options.from_json({"accepts_fallback": False}) == Options(accepts_fallback=False)
    assert Options.from_json({}) == Options()


def test_a_proof_of_nothing_is_left_out() -> None:
    options = read_options(ground_on=date(2026, 3, 12), ground_source="Asamblea", ground_text="v2")
    assert options.asked == Asked()


@pytest.mark.parametrize(
    ("typed", "field", "code"),
    [
        ({"mode": "replace"}, "mode", "mode_unknown"),
        ({"fields": ["phone"]}, "fields", "field_unknown"),
        ({"ground": "rumour"}, "ground", "ground_unknown"),
    ],
)
def test_what_cannot_be_chosen(typed: dict[str, object], field: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_options(**typed)
    assert (refused.value.field, refused.value.code) == (field, code)


@pytest.mark.parametrize(
    ("options", "adds", "changes"),
    [
        (Options(), True, False),
        (Options(fields=frozenset(REPLACEABLE), tags=("x",)), True, False),
        (Options(mode=Mode.UPDATE), True, False),
        (Options(mode=Mode.UPDATE, tags=("x",)), True, True),
        (Options(mode=Mode.ONLY_KNOWN, fields=frozenset({Field.NAME})), False, True),
    ],
)
def test_whom_an_import_may_touch(options: Options, adds: bool, changes: bool) -> None:
    assert (options.adds, options.changes) == (adds, changes)
