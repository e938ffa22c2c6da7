"""Does the next step of a file that is being imported."""

from campaigns import imports, wakeup
from workers import context


def run(agency_id: int, import_id: int) -> None:
    """Take a file apart, check it, bring it in or take it back: whatever step it is in."""
    with context.job("import", agency=agency_id, subject=import_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.IMPORT, agency_id, import_id)
        imports.run(tools.sessions, tools.vault, agency_id, import_id)
