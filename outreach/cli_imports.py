"""`outreach import`: bring in a file from the command line."""

import json
import sys
from pathlib import Path

import click

from campaigns import agencies, imports
from campaigns.imports import Options
from outreach.cli import installation


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--agency", "slug", required=True, help="The agency's short name.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object, as the last line.")
@click.option("--no-fallback", is_flag=True, help="These people do not accept a message in the agency's language.")
def import_command(file: Path, slug: str, as_json: bool, no_fallback: bool) -> None:
    """Bring people from FILE (CSV or TSV, of any encoding) into an agency. May be run again: it adds only the rest."""
    with installation() as (_, connections):
        with connections.sessions(None)() as session:
            agency_id = agencies.by_slug(session, slug).id
        with open(file, "rb") as stream:
            report = imports.bring_in(
                connections.sessions,
                connections.vault,
                agency_id,
                stream,
                options=Options(accepts_fallback=not no_fallback),
                progress=_tell if sys.stderr.isatty() else None,
            )
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else _readable(report))


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
