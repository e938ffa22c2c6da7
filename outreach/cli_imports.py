"""`outreach import`: bring in a file from the command line."""

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from campaigns import agencies, imports
from campaigns.rules.import_options import REPLACEABLE, Mode, Options, read_options
from campaigns.rules.import_rows import GROUNDS
from outreach.cli import installation

_MODES = {"add": Mode.ADD, "update": Mode.UPDATE, "only-known": Mode.ONLY_KNOWN}
_FIELDS = [field.value for field in REPLACEABLE]


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--agency", "slug", required=True, help="The agency's short name.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object, as the last line.")
@click.option("--no-fallback", is_flag=True, help="These people do not accept a message in the agency's language.")
@click.option(
    "--mode",
    type=click.Choice(list(_MODES)),
    default="add",
    show_default=True,
    help="add: people who are there stay as they are; update: they get what the file says; only-known: and nobody new.",
)
@click.option(
    "--replace", "fields", multiple=True, type=click.Choice(_FIELDS), help="What an update replaces; may be repeated."
)
@click.option("--tag", "tags", multiple=True, help="A tag for everybody in the file; may be repeated.")
@click.option("--ground", type=click.Choice(GROUNDS), help="Why new people whose row does not say may be written to.")
@click.option("--ground-on", type=click.DateTime(["%Y-%m-%d"]), help="Since when.")
@click.option("--ground-source", default="", help="Where its proof is.")
@click.option("--ground-text", default="", help="Which version of the text they agreed to.")
def import_command(file: Path, slug: str, as_json: bool, **asked: object) -> None:
    """Bring people from FILE into an agency: CSV or TSV of any encoding, XLSX or ODS.

    May be run again: it adds only the rest.
    """
    with installation() as (_, connections):
        with connections.sessions(None)() as session:
            agency_id = agencies.by_slug(session, slug).id
        with open(file, "rb") as stream:
            report = imports.bring_in(
                connections.sessions,
                connections.vault,
                agency_id,
                stream,
                options=_options(**asked),  # type: ignore[arg-type]  # as click's options above
                progress=_tell if sys.stderr.isatty() else None,
            )
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else _readable(report))


def _options(
    *,
    no_fallback: bool,
    mode: str,
    fields: tuple[str, ...],
    tags: tuple[str, ...],
    ground: str | None,
    ground_on: datetime | None,
    **proof: str,
) -> Options:
    chosen = _MODES[mode]
    if chosen is not Mode.ADD and not (fields or tags):
        raise click.UsageError(f"--mode {mode}: say what is replaced, with --replace (or give a --tag).")
    return read_options(
        accepts_fallback=not no_fallback,
        mode=chosen,
        fields=fields,
        tags=";".join(tags),
        ground=ground or "",
        ground_on=ground_on.date() if ground_on else None,
        **proof,
    )


def _tell(rows: int, _bytes: int) -> None:
    click.echo(f"\r{rows:,} rows", nl=False, err=True)


def _readable(report: dict[str, object]) -> str:
    lines = []
    for name, value in report.items():
        if isinstance(value, dict):
            lines += [f"{name}:", *(f"  {key}: {number}" for key, number in value.items())]
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


COMMANDS = (import_command,)
