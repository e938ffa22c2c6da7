"""What no worker has in hand any more: lapsed leases, unknowns to ask about, and whole campaigns that end.

Everything here moves sets of rows, with their figures in the same statement; nothing commits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import TextClause, bindparam, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.rules.lifecycle import Reason
from campaigns.store.deliveries import Delivery


class Doubtful(NamedTuple):
    """A delivery nobody knows about, held for asking. `same` is false if the person's data changed since.

    `known` are references of the person's other messages.
    """

    id: int
    attempt: int
    absences: int
    language: str
    handed_at: datetime
    same: bool
    known: list[str]
    address_sealed: bytes | None
    name_sealed: bytes | None
    business_sealed: bytes | None
    place: str | None
    body_sealed: bytes | None


class Open(NamedTuple):
    """Which deliveries of a campaign are not at their end."""

    queued: bool
    sending: bool
    unknown: bool
    sent: bool


def _moving(which: str, sets: str) -> TextClause:
    # Both are constants of this module.
    return sql(f"""
WITH picked AS MATERIALIZED (
    SELECT id, state AS was, reason AS was_because FROM delivery
    WHERE campaign_id = :campaign AND agency_id = :agency AND {which}
    ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE delivery d SET {sets}, changed_at = now() FROM picked p WHERE d.campaign_id = :campaign AND d.id = p.id
    RETURNING d.channel, d.language, d.state, d.reason, p.was, p.was_because
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number)
    SELECT :agency, :campaign, channel, language, state, reason, sum(number) FROM (
        SELECT channel, language, state, reason, 1 AS number FROM moved
        UNION ALL SELECT channel, language, was, was_because, -1 FROM moved
    ) AS changes GROUP BY channel, language, state, reason
)
SELECT count(*) FROM moved
""")  # noqa: S608


_LAPSE: Final = _moving(
    "state = 'sending' AND leased_until < now()",
    "state = 'unknown', leased_until = greatest(now(), d.handed_at + make_interval(secs => :grace))",
)
_SKIP: Final = _moving("state = 'queued'", "state = 'skipped', reason = :reason, leased_until = NULL")
_AGE: Final = _moving(
    "state IN ('sent', 'unknown') AND handed_at < now() - make_interval(secs => :seconds)",
    "state = 'unconfirmed', reason = NULL, leased_until = NULL",
)

_DOUBTFUL: Final = sql("""
WITH picked AS MATERIALIZED (
    SELECT id FROM delivery
    WHERE campaign_id = :campaign AND agency_id = :agency AND state = 'unknown' AND channel = :channel
        AND (leased_until IS NULL OR leased_until < now())
    ORDER BY leased_until LIMIT :size FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE delivery d SET leased_until = now() + make_interval(secs => :hold) FROM picked p
    WHERE d.campaign_id = :campaign AND d.id = p.id
    RETURNING d.id, d.attempt, d.absences, d.language, d.handed_at, d.contact_id, d.address_index
)
SELECT h.id, h.attempt, h.absences, h.language, h.handed_at,
    m.delivery_id IS NOT NULL OR (c.phone_index = h.address_index AND c.changed_at <= h.handed_at) IS TRUE AS same,
    ARRAY(
        SELECT o.provider_ref FROM delivery o
        WHERE o.agency_id = :agency AND o.contact_id = h.contact_id AND o.id <> h.id AND o.provider_ref IS NOT NULL
        UNION ALL
        SELECT o.provider_ref FROM delivery o
        WHERE o.campaign_id = :campaign AND o.channel = :channel AND o.address_index = h.address_index
            AND o.id <> h.id AND o.provider_ref IS NOT NULL
    ) AS known,
    coalesce(m.address_sealed, c.phone_sealed), c.name_sealed, c.business_sealed, p.name, m.body_sealed
FROM held h
LEFT JOIN contact c ON c.id = h.contact_id AND c.agency_id = :agency AND c.phone_index = h.address_index
LEFT JOIN place p ON p.code = c.place_code
LEFT JOIN message m ON m.campaign_id = :campaign AND m.delivery_id = h.id
""")

_OPEN: Final = sql("""
SELECT EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND state = 'queued'),
    EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND state = 'sending'),
    EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND state = 'unknown'),
    EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND state = 'sent')
""")


def lapse(session: Session, agency_id: int, campaign_id: int, *, grace: float, size: int) -> int:
    """Call unknown what is in hand past its lease; it is asked about `grace` seconds after it was handed over."""
    values = {"agency": agency_id, "campaign": campaign_id, "grace": grace, "size": size}
    return int(session.execute(_LAPSE, values).scalar_one())


def skip_queued(session: Session, agency_id: int, campaign_id: int, reason: Reason, *, size: int) -> int:
    """Skip up to `size` queued deliveries for this reason and return how many."""
    values = {"agency": agency_id, "campaign": campaign_id, "reason": reason, "size": size}
    return int(session.execute(_SKIP, values).scalar_one())


def age(session: Session, agency_id: int, campaign_id: int, *, seconds: float, size: int) -> int:
    """Give up waiting for news of what was handed over so long ago: it stays unconfirmed, until a late receipt."""
    values = {"agency": agency_id, "campaign": campaign_id, "seconds": seconds, "size": size}
    return int(session.execute(_AGE, values).scalar_one())


def take_doubtful(
    session: Session, agency_id: int, campaign_id: int, channel: str, *, size: int, hold: float
) -> Sequence[Doubtful]:
    """Up to `size` unknowns that are due to be asked about, kept from others for `hold` seconds."""
    values = {"agency": agency_id, "campaign": campaign_id, "channel": channel, "size": size, "hold": hold}
    return [Doubtful(*row) for row in session.execute(_DOUBTFUL, values)]


def note_absences(session: Session, campaign_id: int, ids: Sequence[int]) -> None:
    """Count that the provider was proven not to have these."""
    session.execute(
        update(Delivery)
        .where(Delivery.campaign_id == campaign_id, Delivery.id.in_(bindparam("ids", ids, expanding=True)))
        .values(absences=Delivery.absences + 1)
        .execution_options(synchronize_session=False)
    )


def still_open(session: Session, agency_id: int, campaign_id: int) -> Open:
    """What of the campaign is not at its end."""
    return Open(*session.execute(_OPEN, {"agency": agency_id, "campaign": campaign_id}).one())
