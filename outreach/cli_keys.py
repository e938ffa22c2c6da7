"""`outreach keys`: new keys, which key sealed how much, and sealing anew under the newest."""

import base64
import secrets
import sys

import click

from campaigns import agencies, resealing
from campaigns.resealing import Resealed
from campaigns.settings import Settings
from outreach import secrets_file
from outreach.cli import installation, settings
from outreach.database import Connections


@click.group("keys", invoke_without_command=True)
@click.pass_context
def keys_group(context: click.Context) -> None:
    """Keys. Without a command: print new ones for an installation with its own servers.

    Keep them apart from the database, and index keys for ever.
    """
    if context.invoked_subcommand is None:
        for name, value in secrets_file.make().items():
            click.echo(f"{name}={value}")


@keys_group.command("next")
def next_key() -> None:
    """Print one more sealing key, with a number that no key of this installation has. docs/keys.md says what then."""
    chosen = secrets_file.kept(settings()) if not settings().seal_keys else settings()
    number = next((one for one in range(1, 256) if one not in chosen.seal_keys), None)
    if number is None:
        raise ValueError("All 255 numbers of keys are used: take away keys that seal nothing any more")
    click.echo(f"{number}:{base64.b64encode(secrets.token_bytes(32)).decode()}")


@keys_group.command("show")
def show_keys() -> None:
    """Say how many values each key sealed, in all agencies. No key is ever shown."""
    with installation() as (live, connections):
        _print(live, _left(connections))


@keys_group.command("reseal")
def reseal() -> None:
    """Seal everything anew under the first of OUTREACH_SEAL_KEYS, and index under the first of OUTREACH_INDEX_KEYS.

    May run beside everything else, be stopped at any time, and be run again.
    """
    with installation() as (live, connections):
        total = Resealed()
        for agency in _agencies(connections):
            done = resealing.reseal(connections.sessions, connections.vault, agency, progress=_tell(agency))
            for name in ("values", "damaged", "addresses", "waiting", "doubled"):
                setattr(total, name, getattr(total, name) + getattr(done, name))
        click.echo(f"Rows sealed anew: {total.values:,}. Addresses indexed anew: {total.addresses:,}.")
        if total.damaged:
            click.echo(f"{total.damaged:,} open with no key of this installation, and stay as they are.")
        if total.waiting:
            click.echo(
                f"{total.waiting:,} people keep their index for now: a message is on its way to them, or somebody is"
                " working on them. Run this again when the campaigns under way are over."
            )
        if total.doubled:
            click.echo(f"{total.doubled:,} addresses stand there twice, under both keys: merge these people.")
        _print(live, _left(connections))


def _agencies(connections: Connections) -> list[int]:
    with connections.sessions(None)() as session:
        return agencies.ids(session)


def _left(connections: Connections) -> dict[int, int]:
    found: dict[int, int] = {}
    for agency in _agencies(connections):
        with connections.sessions(agency)() as session:
            for key_id, number in resealing.under_keys(session, agency).items():
                found[key_id] = found.get(key_id, 0) + number
    return found


def _print(live: Settings, found: dict[int, int]) -> None:
    newest = next(iter(live.seal_keys))
    for key_id in sorted({*found, *live.seal_keys}):
        number = found.get(key_id, 0)
        if key_id == newest:
            told = "this one seals"
        elif key_id not in live.seal_keys:
            told = "not among OUTREACH_SEAL_KEYS: these values do not open" if number else ""
        else:
            told = "may be taken away" if not number else "still needed: run outreach keys reseal"
        click.echo(f"Key {key_id}: {number:,} values; {told}.")


def _tell(agency: int) -> resealing.Progress | None:
    if not sys.stderr.isatty():
        return None
    return lambda table, rows: click.echo(f"\rAgency {agency}, {table}: {rows:,} rows", nl=False, err=True)


COMMANDS = (keys_group,)
