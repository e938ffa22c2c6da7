"""Writes who did what, in the transaction of the deed itself."""

from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from campaigns.store.audit import AuditRow


class Did(StrEnum):
    """Every deed that leaves a row, as `noun:verb`."""

    AGENCY_ADDED = "agency:added"
    AGENCY_CHANGED = "agency:changed"
    AGENCY_HALTED = "agency:halted"
    AGENCY_RESUMED = "agency:resumed"
    RETENTION_CHANGED = "retention:changed"
    RETENTION_APPLIED = "retention:applied"
    SENDER_ADDED = "sender:added"
    SENDER_CHANGED = "sender:changed"
    SENDER_TESTED = "sender:tested"
    STAFF_ADDED = "staff:added"
    STAFF_INVITED = "staff:invited"
    STAFF_RESET = "staff:reset"
    STAFF_SIGNED_IN = "staff:signed_in"
    CONTACT_ADDED = "contact:added"
    CONTACT_CHANGED = "contact:changed"
    CONTACT_DELETED = "contact:deleted"
    CONTACT_REVEALED = "contact:revealed"
    REVEALS_REFUSED = "contact:reveals_refused"
    CONTACT_ERASED = "contact:erased"
    CONTACT_EXPORTED = "contact:exported"
    CONTACT_MERGED = "contact:merged"
    CONTACTS_IMPORTED = "contact:imported"
    IMPORT_UNDONE = "import:undone"
    IMPORT_FAULTS_TAKEN = "import:faults_taken"
    SEGMENT_SAVED = "segment:saved"
    SEGMENT_DELETED = "segment:deleted"
    CAMPAIGN_WRITTEN = "campaign:written"
    CAMPAIGN_DELETED = "campaign:deleted"
    CAMPAIGN_SUBMITTED = "campaign:submitted"
    CAMPAIGN_APPROVED = "campaign:approved"
    CAMPAIGN_RETURNED = "campaign:returned"
    CAMPAIGN_VOIDED = "campaign:voided"
    CAMPAIGN_CANCELLED = "campaign:cancelled"
    CAMPAIGN_SCHEDULED = "campaign:scheduled"
    CAMPAIGN_STARTED = "campaign:started"
    CAMPAIGN_LATE = "campaign:late"
    CAMPAIGN_PAUSED = "campaign:paused"
    CAMPAIGN_RESUMED = "campaign:resumed"
    CAMPAIGN_STOPPED = "campaign:stopped"
    CAMPAIGN_TESTED = "campaign:tested"
    CAMPAIGN_CORRECTED = "campaign:corrected"
    CAMPAIGN_WITHDRAWN = "campaign:withdrawn"
    INBOUND_CLOSED = "inbound:closed"


# Whoever did one of these to a campaign may not approve it: else two could approve each other's words unread.
WROTE: Final = (Did.CAMPAIGN_WRITTEN, Did.CAMPAIGN_SUBMITTED)


def record(session: Session, agency_id: int, did: Did, subject: str, *, by: int | None, **detail: Any) -> None:
    """Add an audit row; never commits. `subject` is "noun:id"; `detail` holds ids, counts and codes only."""
    session.add(AuditRow(agency_id=agency_id, staff_id=by, did=did, subject=subject, detail=detail or None))
