"""Reads texts line by line, as the inbox reads them: `python -m campaigns.rules.keywords --json < lines.txt`."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from campaigns.rules import keywords, phrases, replies
from campaigns.rules.keywords import Keyword, Kind
from campaigns.rules.phrases import Phrase, Sense
from campaigns.rules.replies import Lexicon

_SEEDS = Path(__file__).parent.parent / "seeds"


def shipped() -> Lexicon:
    """The words and phrases the product comes with, those that a reader has signed."""
    return Lexicon(
        keywords.build(Keyword(row["language"], Kind(row["kind"]), row["word"]) for row in _enabled("keywords")),
        phrases.compile_all(Phrase(row["language"], Sense(row["sense"]), row["phrase"]) for row in _enabled("phrases")),
    )


def _enabled(name: str) -> Iterator[dict[str, str]]:
    with (_SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
        yield from (row for row in csv.DictReader(rows) if row["enabled"] == "yes")


def main() -> None:
    """Print for each line of the standard input what it is: with --json one object, else class and stop as words."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.rules.keywords", description=__doc__)
    parser.add_argument("--json", action="store_true", help='print {"class": ..., "stop": true|false} for each line')
    chosen = parser.parse_args()
    lexicon = shipped()
    for line in sys.stdin.buffer:
        reading = replies.read(line.decode("utf-8", "replace").rstrip("\r\n"), lexicon)
        told = json.dumps(reading.as_json()) if chosen.json else f"{reading.is_a} {'stop' if reading.stop else '-'}"
        sys.stdout.write(told + "\n")
    sys.stdout.flush()
