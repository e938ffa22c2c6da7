"""A worker at one import, to be killed: `python -m tests.import_worker AGENCY IMPORT`, in small batches."""

import sys
import time

from campaigns import import_undo, imports
from workers import context

BATCH = 20
LEASE = 0.5  # seconds: who comes after a kill waits for no longer


def main() -> None:
    """Do one step of the import to its end, as often as its lease is somebody else's."""
    agency_id, import_id = map(int, sys.argv[1:])
    import_undo.SIZE = BATCH  # type: ignore[misc]  # a slice of 5,000 would leave no time to kill in
    with context.tools() as tools:
        while not imports.run(tools.sessions, tools.vault, agency_id, import_id, lease=LEASE, batch=BATCH):
            time.sleep(0.05)


if __name__ == "__main__":
    main()
