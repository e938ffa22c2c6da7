"""Every code the domain can raise has a sentence, and every hole of it a value."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from campaigns.errors import Conflict, Invalid
from outreach.sentences import SENTENCES, sentence

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = {"NotFound": 0, "NotAllowed": 0, "Conflict": 0, "Invalid": 1}

# Codes that are not written where they are raised.
COMPUTED = {
    "campaigns/spreadsheets.py": {"file_password", "file_no_rows", "file_too_much_inside"},
    "campaigns/rules/segments.py": {"rule_sector", "rule_place", "rule_language"},
}


def raised() -> Iterator[tuple[str, str | None, set[str]]]:
    """(place, code or None if it is no literal, names of its values) of every domain error made in the code."""
    for folder in ("campaigns", "outreach", "workers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    position = KINDS[node.func.id]
                    first = node.args[position] if len(node.args) > position else None
                    codes = [None]
                    if isinstance(first, ast.IfExp):
                        codes = [getattr(first.body, "value", None), getattr(first.orelse, "value", None)]
                    elif isinstance(first, ast.Constant):
                        codes = [first.value]
                    for code in codes:
                        yield place, code, {word.arg or "**" for word in node.keywords}


def holes(text: str | tuple[str, str]) -> set[str]:
    texts = text if isinstance(text, tuple) else (text,)
    found = {hole for one in texts for hole in re.findall(r"%\((\w+)\)s", one)}
    return found | {"count"} if isinstance(text, tuple) else found


def test_the_search_finds_what_is_raised():
    found = list(raised())
    assert ("slug_shape", {"slug"}) in [(code, values) for _place, code, values in found]
    assert len(found) > 20


def test_every_code_has_a_sentence():
    assert [(place, code) for place, code, _values in raised() if code is not None and code not in SENTENCES] == []


def test_codes_that_are_not_written_where_they_are_raised_are_known():
    assert {place.partition(":")[0] for place, code, _values in raised() if code is None} <= set(COMPUTED)
    for file, codes in COMPUTED.items():
        text = (ROOT / file).read_text("utf-8")
        assert {code for code in codes if f'"{code}"' in text and code in SENTENCES} == codes


def test_every_hole_gets_a_value():
    short = [
        (place, code, holes(SENTENCES[code]) - values)
        for place, code, values in raised()
        if code in SENTENCES and "**" not in values and holes(SENTENCES[code]) - values
    ]
    assert short == []


@pytest.mark.parametrize(
    "problem",
    [Conflict("a_code_nobody_wrote"), Invalid("name", "name_length"), Conflict("slug_taken", string="clash", slug="x")],
)
def test_a_gap_in_the_table_is_never_a_500(app: Flask, problem):
    with app.test_request_context("/"):
        assert sentence(problem)
