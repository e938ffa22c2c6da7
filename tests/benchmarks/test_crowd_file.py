"""The file that imports are measured with holds what agencies send."""

from collections import Counter
from pathlib import Path

from benchmarks import crowd_file
from campaigns.rules import delimited, places
from campaigns.rules.import_rows import Person, Refusal, RowReader


def test_of_a_hundred_rows_a_few_are_odd(tmp_path: Path) -> None:
    crowd_file.write(tmp_path / "crowd.csv", 4_000)
    text = (tmp_path / "crowd.csv").open(encoding="utf-8", newline="")
    with text:
        layout = delimited.find_layout(text.read(64 * 1024), whole=False)
        text.seek(0)
        rows = [row for row, _ in delimited.records(text.readline, layout.delimiter)][1:]
    assert len(rows) == 4_000
    assert len(layout.columns) == len(layout.headings) == 13
    read = RowReader(places.build([]), {}, {}).along(layout.columns)
    found = Counter(person if isinstance(person, Refusal) else person.identity for person in map(read, rows))
    people = [person for person in map(read, rows) if isinstance(person, Person)]
    assert 20 <= found[Refusal.NO_USABLE_ADDRESS] <= 70
    assert 3_850 <= len(found) <= 3_950  # one of a hundred stands there twice
    assert 800 <= sum(person.email is not None for person in people) <= 1_200
    assert 40 <= sum(not person.reachable_sms and person.ground is not None for person in people) <= 200
    assert len({person.name for person in people}) > 3_500
