"""A file of a million people from its first byte to the last row, then the same file once more; and its memory."""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select

from benchmarks import crowd_file, memory, parts, stage
from benchmarks.stage import Stage, Tell
from campaigns import agencies, imports
from campaigns.rules import hours
from campaigns.settings import Settings
from campaigns.store.contacts import Contact
from outreach.database import Connections, connect

Figures = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--rows", type=int, default=1_000_000)


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Bring in a tenth for one agency, then all rows for another, twice; each file in a process of its own."""
    rows = chosen.rows
    with stage.installation() as live:
        small = _brought_in(live, "tenth", max(1, rows // 10), times=1)
        tell(f"a tenth: {small['peak'] / 1e6:.0f} MB")
        large = _brought_in(live, "all", rows, times=2)
    first, again = large["runs"]
    tell(f"{rows} rows: {first}; again: {again}")
    if again["added"] or first["added"] < 0.9 * rows:
        raise RuntimeError(f"{first['added']} were added, {again['added']} the second time")
    return {
        "rows": rows,
        "rows_per_second": round(rows / first["seconds"], 1),
        "again_rows_per_second": round(rows / again["seconds"], 1),
        "added": first["added"],
        "again_added": again["added"],
        "again_changed": again["changed"],
        "peak_rss_mb": round(large["peak"] / 1e6, 1),
        "memory_ratio": round(large["peak"] / small["peak"], 3),
        # What a row cost, wherever the clock went: on a machine with other work these say more.
        "python_us_per_row": round(1e6 * first["python"] / rows, 1),
        "postgres_us_per_row": round(1e6 * first["postgres"] / rows, 1),
    }


def _brought_in(live: Stage, name: str, rows: int, *, times: int) -> Figures:
    with live.connections.sessions(None).begin() as session:
        agency = agencies.add(session, name, f"Municipalidad {name}", hours=hours.always())
    file = live.settings.data / f"{name}.csv"
    crowd_file.write(file, rows)
    postmaster = (live.settings.data / "postgres" / "postmaster.pid").read_text().split()[0]
    arguments = ["-m", "benchmarks.imports", str(file), str(agency.id), postmaster, str(times)]
    with stage.program(arguments, environment=stage.environment(live.settings), stdout=subprocess.PIPE) as child:
        assert child.stdout
        found: Figures = json.loads(child.stdout.read())
    file.unlink()
    return found


def _in_a_process_of_its_own(path: str, agency_id: int, postmaster: int, times: int) -> None:
    """What the child does: print the figures of each time, and the most memory it had, in bytes."""
    connections = connect(Settings.from_env(os.environ))
    with open(path, "rb") as file:
        runs = [_bring_in(connections, file, agency_id, postmaster) for _ in range(times)]
    connections.close()
    print(json.dumps({"runs": runs, "peak": memory.high_water(os.getpid())}))


def _bring_in(connections: Connections, file: BinaryIO, agency_id: int, postmaster: int) -> Figures:
    began_on = datetime.now(UTC)
    clock, python, postgres = time.monotonic(), time.process_time(), _cpu_seconds(postmaster)
    report = imports.bring_in(connections.sessions, connections.vault, agency_id, file)
    spent = {
        "seconds": time.monotonic() - clock,
        "python": time.process_time() - python,
        "postgres": _cpu_seconds(postmaster) - postgres,
    }
    with connections.sessions(agency_id)() as session:
        touched = session.scalar(select(func.count()).select_from(Contact).where(Contact.changed_at >= began_on))
    added = int(str(report["added"]))
    return {**spent, "added": added, "changed": (touched or 0) - added}


def _cpu_seconds(postmaster: int) -> float:
    """What PostgreSQL has used, with the processes it has and had (Linux)."""
    ticks = 0
    for pid in (postmaster, *parts.children(postmaster)):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            ticks += sum(map(int, fields[11:15] if pid == postmaster else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    _in_a_process_of_its_own(sys.argv[1], *map(int, sys.argv[2:]))
