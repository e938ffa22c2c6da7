"""Does the next step of a file that is being imported."""

import signal
import threading
from functools import partial

from campaigns import imports, wakeup
from workers import context


def run(agency_id: int, import_id: int) -> None:
    """Take a file apart, check it, bring it in or take it back: whatever step it is in."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    with context.job("import", agency=agency_id, subject=import_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.IMPORT, agency_id, import_id)
        others_wait = partial(wakeup.others_wait, tools.valkey, wakeup.Work.IMPORT, agency_id, import_id)
        imports.run(tools.sessions, tools.vault, agency_id, import_id, told=told.is_set, others_wait=others_wait)
