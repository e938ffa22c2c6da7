"""Proves the figures people read: added-up changes against a full count of the deliveries (DESIGN 10.9)."""

from collections.abc import Iterator
from dataclasses import dataclass

from campaigns import agencies
from campaigns.store import recount as store
from campaigns.store.engine import AgencySessions
from campaigns.store.recount import Difference

__all__ = ["Difference", "Proof", "prove"]


@dataclass(frozen=True)
class Proof:
    """One campaign whose figures were counted again; they are true when nothing differs."""

    agency: str  # its short name
    campaign_id: int
    differences: tuple[Difference, ...]

    @property
    def is_true(self) -> bool:
        """Whether the figures say what there is."""
        return not self.differences


def prove(sessions: AgencySessions, slug: str | None = None) -> Iterator[Proof]:
    """Count every campaign, service campaigns too, of the agency `slug` or of all; a proof for each, oldest first.

    Each campaign is seen at one moment, so that it may go on meanwhile. Only reads; raises NotFound for the slug.
    """
    with sessions(None)() as session:
        chosen = store.agencies(session) if slug is None else [agencies.by_slug(session, slug)]
    for agency in chosen:
        with sessions(agency.id)() as session:
            campaign_ids = store.campaigns(session, agency.id)
        for campaign_id in campaign_ids:
            with sessions(agency.id)() as session:
                yield Proof(agency.slug, campaign_id, tuple(store.differences(session, agency.id, campaign_id)))
