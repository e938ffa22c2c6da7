"""Planning an audience, against a bare INSERT ... SELECT of the same rows, and a million against a hundred thousand."""

import argparse
import time
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from benchmarks import stage
from benchmarks.stage import Stage, Tell
from campaigns import planning

_BARE = "bare_delivery"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--rows", type=int, default=1_000_000)


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Plan a tenth of the rows, then all of them between two runs of the bare statement."""
    rows, tenth = chosen.rows, max(1, chosen.rows // 10)
    with stage.installation() as live, _owner(live) as owner:
        _crowd(owner, live, 0, tenth)
        small = _plan(owner, live, tenth, "tenth")
        tell(f"{tenth} rows: {tenth / small:.0f}/s")
        _crowd(owner, live, tenth, rows)
        bare = [_bare(owner, live, rows)]
        large = _plan(owner, live, rows, "all")
        bare.append(_bare(owner, live, rows))
        tell(f"{rows} rows: {rows / large:.0f}/s; bare {[f'{rows / seconds:.0f}/s' for seconds in bare]}")
    per_second, bare_per_second = rows / large, 2 * rows / sum(bare)
    return {
        "rows": rows,
        "rows_per_second": round(per_second, 1),
        "bare_rows_per_second": round(bare_per_second, 1),
        "ratio": round(per_second / bare_per_second, 3),
        "rows_per_second_at_a_tenth": round(tenth / small, 1),
        "linearity": round(per_second * small / tenth, 3),
    }


def _owner(live: Stage) -> psycopg.Connection:
    """A connection of the embedded server's superuser: row-level security and checkpoints are not what is measured."""
    url = live.settings.owner_url.replace("postgresql+psycopg://outreach_owner", "postgresql://postgres")
    return psycopg.connect(url, autocommit=True)


def _crowd(owner: psycopg.Connection, live: Stage, first: int, last: int) -> None:
    """Contacts that can be written to, with addresses nobody can open: planning opens none."""
    owner.execute(
        "INSERT INTO contact (agency_id, phone_sealed, phone_index, phone_kind, language, place_code, legal_ground)"
        " SELECT %s, '\\x00', sha256(int8send(n)), 'mobile', 'es', '150110', 'consent'"
        " FROM generate_series(%s::bigint + 1, %s) AS n",
        (live.agency.id, first, last),
    )
    owner.execute("VACUUM (ANALYZE) contact")


def _plan(owner: psycopg.Connection, live: Stage, rows: int, name: str) -> float:
    campaign_id = stage.submit_campaign(live, name=name)
    owner.execute("CHECKPOINT")
    began_at = time.monotonic()
    planning.plan(live.connections.sessions, live.agency.id, campaign_id, now=datetime.now(UTC))
    seconds = time.monotonic() - began_at
    _expect(owner, rows, sql.SQL("delivery WHERE campaign_id = {}").format(campaign_id))
    return seconds


def _bare(owner: psycopg.Connection, live: Stage, rows: int) -> float:
    """Seconds of one statement that puts the same rows into a table of the same shape, indexes included."""
    owner.execute(f"CREATE TABLE {_BARE} (LIKE delivery INCLUDING ALL)")
    owner.execute("CHECKPOINT")
    began_at = time.monotonic()
    owner.execute(
        f"INSERT INTO {_BARE} (campaign_id, agency_id, contact_id, channel, address_index, language)"
        " SELECT 1, agency_id, id, 'sms', phone_index, language FROM contact WHERE agency_id = %s ORDER BY id",
        (live.agency.id,),
    )
    seconds = time.monotonic() - began_at
    _expect(owner, rows, sql.SQL(_BARE))
    owner.execute(f"DROP TABLE {_BARE}")
    return seconds


def _expect(owner: psycopg.Connection, rows: int, where: sql.Composable) -> None:
    found = owner.execute(sql.SQL("SELECT count(*) FROM ") + where).fetchone()
    if found != (rows,):
        raise RuntimeError(f"{found} rows were made, not {rows}")
