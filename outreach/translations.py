"""Keep the catalogues of the interface complete: `python -m outreach.translations update | check`.

The source language of the code and the templates is English; `en` is filled from the source by itself, `es` is
written by people. Templates of catalogues are never committed: the code is the source.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from outreach.i18n import LOCALES, TRANSLATIONS

ROOT: Final = TRANSLATIONS.parent
# later() marks a sentence that is translated when it is told, counted() one with a plural (outreach/sentences.py).
KEYWORDS: Final = {**DEFAULT_KEYWORDS, "_l": None, "later": None, "counted": (1, 2)}

# Header lines that change by themselves or say nothing.
_NOISE: Final = tuple(
    f'"{name}' for name in ("POT-", "PO-", "Generated-By", "Last-Tr", "Report-", "Project-Id", "Language-Team")
)


def path_of(language: str) -> Path:
    """Where a language's catalogue lies."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def extract() -> Catalog:
    """Every sentence marked in the code and in the templates, with the file it stands in."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = Catalog(charset="utf-8", project="outreach")
    marked = extract_from_dir(ROOT, methods, options, KEYWORDS, comment_tags=("Translators:",))
    for filename, _line, message, comments, context in marked:
        found.add(message, None, [(filename, None)], auto_comments=comments, context=context)
    return found


def read(language: str) -> Catalog:
    """The catalogue as it lies on disk; an empty one where there is none yet."""
    path = path_of(language)
    if not path.is_file():
        return Catalog(locale=language, charset="utf-8", project="outreach", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update() -> None:
    """Bring every catalogue to today's sentences: new ones empty (English: filled), old ones gone."""
    marked = extract()
    for language in LOCALES:
        catalog = read(language)
        catalog.update(marked, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.fuzzy = False
        if language == "en":
            for message in _sentences(catalog):
                message.string = message.id
        path_of(language).parent.mkdir(parents=True, exist_ok=True)
        # No line numbers and no dates of ours: two people who add sentences must not collide on every line.
        with path_of(language).open("wb") as file:
            write_po(file, catalog, width=0, sort_output=True, include_lineno=False)
        _drop_dates(path_of(language))


def problems() -> list[str]:
    """What keeps the catalogues from being complete and right, a line each; empty means ready."""
    marked = extract()
    found = []
    for language in LOCALES:
        catalog = read(language)
        for wanted in _sentences(marked):
            message = catalog.get(wanted.id, wanted.context)
            found += [f"{language}: {what}: {_first(wanted)!r}" for what in _faults(message, catalog)]
        unused = {m.id for m in _sentences(catalog)} - {m.id for m in _sentences(marked)}
        found += [f"{language}: no longer used: {text!r}" for text in sorted(map(str, unused))]
    return found


def _faults(message: Message | None, catalog: Catalog) -> Iterator[str]:
    if message is None:
        yield "missing"
        return
    texts = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    if not all(texts):
        yield "not translated"
    if message.fuzzy:
        yield "fuzzy"
    yield from (str(fault) for fault in message.check(catalog))


def _sentences(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def _first(message: Message) -> str:
    return message.id[0] if isinstance(message.id, (list, tuple)) else message.id


def _drop_dates(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    first = lines.index('msgid ""\n')
    kept = [line for line in lines[first:] if not line.startswith(_NOISE)]
    path.write_text("".join(kept), "utf-8")


def main(words: list[str]) -> int:
    """`update` writes the catalogues, `check` prints what is wrong and answers 1."""
    if words == ["update"]:
        update()
        click.echo("\n".join(problems()))
        return 0
    if words == ["check"]:
        wrong = problems()
        click.echo("\n".join(wrong) or "every sentence is translated")
        return 1 if wrong else 0
    click.echo("python -m outreach.translations update | check", err=True)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
