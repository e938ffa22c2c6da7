"""Every table, so that the migrations' check sees the whole."""

from campaigns.store import (  # noqa: F401 - importing a noun's file declares its tables
    agencies,
    audit,
    campaigns,
    consents,
    contacts,
    deliveries,
    figures,
    former_indexes,
    imports,
    inbound,
    notices,
    receipts,
    reference,
    reveals,
    segments,
    staff,
)
from campaigns.store.metadata import Table

metadata = Table.metadata
