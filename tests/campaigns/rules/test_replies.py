"""Replies as people write them, each with the class and the stop it must get.

The table was written from the rules for opt-out words and replies; 864 of its rows before the lists were looked at.
"""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from campaigns.rules.reading_lines import shipped
from campaigns.rules.replies import read

TABLE = Path(__file__).parents[2] / "data" / "replies.csv"
CLASSES = {"stop", "start", "help", "verify", "false", "danger", "unclear", "other"}


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def answers(given: bytes) -> list[dict[str, object]]:
    """What the command prints for these lines."""
    done = subprocess.run(
        [sys.executable, "-m", "campaigns.rules.keywords", "--json"], input=given, capture_output=True, check=True
    )
    return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def test_every_reply_gets_its_class() -> None:
    lexicon = shipped()
    wrong = []
    for row in rows():
        reading = read(row["text"], lexicon)
        found = (str(reading.is_a), "yes" if reading.stop else "no")
        if found != (row["class"], row["stop"]):
            wrong.append(f"{row['text']!r} is {row['class']}, stop {row['stop']}; read as {found[0]}, stop {found[1]}")
    assert not wrong, "\n".join(wrong)


def test_the_table_is_sound() -> None:
    table = rows()
    assert len(table) >= 450
    assert [text for text, times in Counter(row["text"] for row in table).items() if times > 1] == []
    assert {row["class"] for row in table} == CLASSES
    assert {row["stop"] for row in table} == {"yes", "no"}
    assert [row for row in table if row["class"] == "stop" and row["stop"] != "yes"] == []
    assert [row for row in table if row["class"] not in ("stop", "danger") and row["stop"] != "no"] == []


def test_the_command_says_what_the_function_says() -> None:
    table = rows()
    said = answers("".join(row["text"] + "\n" for row in table).encode())
    lexicon = shipped()
    readings = [read(row["text"], lexicon) for row in table]
    assert said == [{"class": str(reading.is_a), "stop": reading.stop} for reading in readings]


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (b"", 0),
        (b"ALTO", 1),
        (b"ALTO\r\n\r\nALTO\r\n", 3),
        (b"\n\n\n", 3),
        (b"\xff\xfe\xc3\n\xe2\x82\nALTO\n", 3),
        (b"\x00\nAL\x00TO\n", 2),
        (b"hola\rjefe\x0b\x0c\x1c\x85\n", 1),
        ("hola\u2028jefe\u2029\u0085\n".encode(), 1),
        (b"a " * 50_000 + b"\nALTO\n", 2),
        (b"no" * 50_000 + b"\n", 1),
        ("\U0001f6d1\u200d".encode() * 10_000 + b"\n", 1),
    ],
)
def test_the_command_answers_every_line_once(given: bytes, lines: int) -> None:
    said = answers(given)
    assert len(said) == lines
    for answer in said:
        assert answer.keys() == {"class", "stop"}
        assert answer["class"] in CLASSES
        assert isinstance(answer["stop"], bool)
