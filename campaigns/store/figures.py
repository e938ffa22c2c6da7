"""Figures: append-only deltas, so that no row is hot and a live page reads few rows (DESIGN 10.9)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Index, Integer, func, or_, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.rules.lifecycle import State
from campaigns.store.campaigns import Campaign
from campaigns.store.metadata import Id, Made, Ref, Table


class Figure(Table):
    """A change in how many deliveries of a campaign are in a state; `opted_out` counts people who refused."""

    __tablename__ = "figure"
    __table_args__ = (Index("figure_campaign", "campaign_id"), Index("figure_agency", "agency_id", "made_at"))
    id: Mapped[Id]
    agency_id: Mapped[Ref]
    campaign_id: Mapped[Ref]
    channel: Mapped[str]
    language: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    number: Mapped[int] = mapped_column(Integer)
    parts: Mapped[int] = mapped_column(Integer, server_default="0")  # by how many more parts are charged
    is_old: Mapped[bool] = mapped_column(server_default=sql("false"))  # the brake looks at newer ones only
    made_at: Mapped[Made]


class Sum(NamedTuple):
    """How many of a campaign's deliveries on a channel, in a language, are in a state for a reason, and their parts."""

    channel: str
    language: str
    state: str
    reason: str | None
    number: int
    parts: int


def add_opt_out(session: Session, agency_id: int, campaign_id: int, channel: str, language: str) -> None:
    """Count one person who refused after this campaign reached them."""
    _add(session, agency_id, campaign_id, channel, language, "opted_out")


def add_queued(session: Session, agency_id: int, campaign_id: int, channel: str, language: str) -> None:
    """Count one delivery that was queued by itself, not by a plan."""
    _add(session, agency_id, campaign_id, channel, language, State.QUEUED)


# By month, in the agency's zone: an agency's budget counts by it. The newest stay as they are, for the brake.
_COMPACT: Final = sql("""
WITH gone AS (
    DELETE FROM figure WHERE agency_id = :agency AND campaign_id = :campaign
        AND (SELECT count(*) FROM figure WHERE agency_id = :agency AND campaign_id = :campaign) > 2 * :keep
        AND id <= (
            SELECT id FROM figure WHERE agency_id = :agency AND campaign_id = :campaign
            ORDER BY id DESC OFFSET :keep LIMIT 1)
    RETURNING channel, language, state, reason, number, parts, made_at
)
INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts, is_old, made_at)
SELECT :agency, :campaign, g.channel, g.language, g.state, g.reason, sum(g.number), sum(g.parts), true, max(g.made_at)
FROM gone g JOIN agency a ON a.id = :agency
GROUP BY g.channel, g.language, g.state, g.reason, date_trunc('month', g.made_at AT TIME ZONE a.time_zone)
HAVING sum(g.number) <> 0 OR sum(g.parts) <> 0
""")
_KEPT: Final = 3000  # the last 500 outcomes of even the slowest sender: a message leaves at most six rows


def compact(session: Session, agency_id: int, campaign_id: int, *, keep: int = _KEPT) -> None:
    """Replace a campaign's figures by their sums, all but the newest `keep`, if it is worth it. May run twice at once.

    With `keep` 0 all of them: nothing will be added any more.
    """
    session.execute(_COMPACT, {"agency": agency_id, "campaign": campaign_id, "keep": keep})


def latest_outcomes(
    session: Session, agency_id: int, campaign_id: int, channel: str, *, since: datetime | None, number: int
) -> dict[tuple[str, str | None], int]:
    """(state, reason) -> how many of the latest outcomes on a channel: at least `number`, where so many came since.

    Outcomes that were written at the same moment have no order and are taken together. `sent` is how many messages
    were handed over during the same time, whatever became of them.
    """
    statement = (
        select(Figure.state, Figure.reason, Figure.number, Figure.made_at)
        .where(
            Figure.agency_id == agency_id,
            Figure.campaign_id == campaign_id,
            Figure.channel == channel,
            Figure.state.in_([State.DELIVERED, State.FAILED]),
            Figure.number > 0,
            Figure.is_old.is_(False),
        )
        .order_by(Figure.made_at.desc())
        .limit(2 * number)
    )
    if since is not None:
        statement = statement.where(Figure.made_at > since)
    found: dict[tuple[str, str | None], int] = {}
    last: datetime | None = None
    for row in session.execute(statement):
        if sum(found.values()) >= number and row.made_at != last:
            break
        last = row.made_at
        found[row.state, row.reason] = found.get((row.state, row.reason), 0) + row.number
    if last is not None:
        found[State.SENT, None] = _handed_over(session, agency_id, campaign_id, channel, last)
    return found


def _handed_over(session: Session, agency_id: int, campaign_id: int, channel: str, since: datetime) -> int:
    number = select(func.coalesce(func.sum(Figure.number), 0)).where(
        Figure.agency_id == agency_id,
        Figure.campaign_id == campaign_id,
        Figure.channel == channel,
        Figure.state == State.SENT,
        Figure.number > 0,
        Figure.is_old.is_(False),
        Figure.made_at >= since,
    )
    return int(session.scalar(number) or 0)


def sums(session: Session, agency_id: int, campaign_id: int) -> Sequence[Sum]:
    """The campaign's figures added up, without those that came to nothing."""
    number, parts = func.sum(Figure.number), func.sum(Figure.parts)
    rows = session.execute(
        select(Figure.channel, Figure.language, Figure.state, Figure.reason, number, parts)
        .where(Figure.agency_id == agency_id, Figure.campaign_id == campaign_id)
        .group_by(Figure.channel, Figure.language, Figure.state, Figure.reason)
        .having(or_(number != 0, parts != 0))
    )
    return [Sum(*row) for row in rows]


def skipped(
    session: Session, agency_id: int, campaigns: Collection[int], reasons: Collection[str]
) -> list[tuple[int, str, str, str, int]]:
    """(campaign, its channels, channel, reason, messages) of those that were skipped for one of these reasons."""
    messages = func.sum(Figure.number)
    found = session.execute(
        select(Figure.campaign_id, Campaign.channels, Figure.channel, Figure.reason, messages)
        .join(Campaign, Campaign.id == Figure.campaign_id)
        .where(Figure.agency_id == agency_id, Figure.campaign_id.in_(campaigns), Campaign.agency_id == agency_id)
        .where(Figure.state == State.SKIPPED, Figure.reason.in_(reasons))
        .group_by(Figure.campaign_id, Campaign.channels, Figure.channel, Figure.reason)
        .having(messages > 0)
    )
    return [(campaign_id, channels, channel, str(why), number) for campaign_id, channels, channel, why, number in found]


def latest_hand_over(session: Session, agency_id: int, campaign_id: int) -> datetime | None:
    """About when the campaign's last message was handed over, None if none was; where figures were compacted, later."""
    return session.scalar(
        select(func.max(Figure.made_at)).where(
            Figure.agency_id == agency_id,
            Figure.campaign_id == campaign_id,
            Figure.state.in_([State.SENT, State.UNKNOWN]),
            Figure.number > 0,
        )
    )


def parts_since(session: Session, agency_id: int, since: datetime) -> int:
    """How many parts the agency was charged for since that moment, over all its campaigns."""
    parts = func.coalesce(func.sum(Figure.parts), 0)
    found = session.scalar(select(parts).where(Figure.agency_id == agency_id, Figure.made_at >= since))
    return int(found or 0)


def _add(session: Session, agency_id: int, campaign_id: int, channel: str, language: str, state: str) -> None:
    session.add(
        Figure(
            agency_id=agency_id,
            campaign_id=campaign_id,
            channel=channel,
            language=language,
            state=state,
            reason=None,
            number=1,
        )
    )
