"""What no worker has in hand any more: lapsed leases, unknowns to ask about, and whole campaigns that end.

Everything here moves sets of rows, with their figures in the same statement; only skip_all() commits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import TextClause, bindparam, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.rules.lifecycle import Reason
from campaigns.store.deliveries import Delivery
from campaigns.store.engine import AgencySessions

_SLICE: Final = 20_000


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


class Silent(NamedTuple):
    """A message that was handed over, and nothing was heard of it since."""

    id: int
    attempt: int
    provider_ref: str


class Open(NamedTuple):
    """Which deliveries of a campaign are not at their end."""

    queued: bool
    in_hand: bool
    doubtful: bool  # mails of which nobody knows: there is nobody to ask, so they stay so for as long as what was sent
    sent: bool
    again: bool  # failed, and may go once more


def _moving(which: str, sets: str) -> TextClause:
    # Both are constants of this module.
    return sql(f"""
WITH picked AS MATERIALIZED (
    SELECT id, state AS was, reason AS was_because FROM delivery
    WHERE campaign_id = :campaign AND agency_id = :agency AND {which}
    ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE delivery d SET {sets}, changed_at = now() FROM picked p WHERE d.campaign_id = :campaign AND d.id = p.id
    RETURNING d.channel, d.language, d.state, d.reason, d.charged, p.was, p.was_because
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts)
    SELECT :agency, :campaign, channel, language, state, reason, sum(number), sum(charged) FROM (
        SELECT channel, language, state, reason, 1 AS number, charged FROM moved
        UNION ALL SELECT channel, language, was, was_because, -1, -charged FROM moved
    ) AS changes GROUP BY channel, language, state, reason
)
SELECT count(*) FROM moved
""")  # noqa: S608


# Of a second attempt that is given up, what became of the first is what remains to be said.
_LAPSE: Final = _moving(
    "state = 'sending' AND leased_until < now()",
    "state = 'unknown', leased_until = greatest(now(), d.handed_at + make_interval(secs =>"
    " CASE WHEN d.channel = 'email' THEN :mail_grace ELSE :grace END))",
)
_SKIP: Final = _moving(
    "is_queued AND (CAST(:channel AS text) IS NULL OR channel = :channel)",
    "state = CASE WHEN d.again > 0 THEN 'failed' ELSE 'skipped' END,"
    " reason = CASE WHEN d.again > 0 THEN d.reason ELSE :reason END, leased_until = NULL, not_before = NULL",
)
_AGE: Final = _moving(
    "state IN ('sent', 'unknown') AND handed_at < now() - make_interval(secs => :seconds)",
    "state = 'unconfirmed', reason = NULL, leased_until = NULL",
)

# A certain failure that may pass: once more, half an hour to an hour later.
_AGAIN: Final = sql("""
WITH picked AS MATERIALIZED (
    SELECT id FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND may_go_again
    ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE delivery d SET state = 'queued', again = d.again + 1, leased_until = NULL, changed_at = now(),
        not_before = now() + make_interval(secs => :wait * (1 + random()))
    FROM picked p WHERE d.campaign_id = :campaign AND d.id = p.id
    RETURNING d.channel, d.language, d.reason, d.charged
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts)
    SELECT :agency, :campaign, m.channel, m.language, c.state, CASE WHEN c.state <> 'again' THEN m.reason END,
        sum(c.number), sum(c.parts * m.charged)
    FROM moved m CROSS JOIN (VALUES ('failed', -1, -1), ('queued', 1, 1), ('again', 1, 0)) AS c (state, number, parts)
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT count(*) FROM moved
""")

# A run of deliveries by id, so that a pass over a million reads each of them once.
_SILENT: Final = sql("""
WITH run AS MATERIALIZED (
    SELECT id, attempt, provider_ref, state, handed_at, channel FROM delivery
    WHERE campaign_id = :campaign AND agency_id = :agency AND id > :after ORDER BY id LIMIT :size
)
SELECT (SELECT max(id) FROM run), id, attempt, provider_ref
FROM (SELECT true) AS one LEFT JOIN run ON state = 'sent' AND provider_ref IS NOT NULL AND channel = :channel
    AND handed_at < now() - make_interval(secs => :seconds)
ORDER BY id
""")

_DOUBTFUL: Final = sql("""
WITH picked AS MATERIALIZED (
    SELECT id FROM delivery
    WHERE campaign_id = :campaign AND agency_id = :agency AND state = 'unknown' AND channel = :channel
        AND leased_until < now()
    ORDER BY leased_until LIMIT :size FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE delivery d SET leased_until = now() + make_interval(secs => :hold) FROM picked p
    WHERE d.campaign_id = :campaign AND d.id = p.id
    RETURNING d.id, d.attempt, d.absences, d.language, d.handed_at, d.contact_id, d.address_index, d.provider_ref
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
        UNION ALL
        -- Nobody knows this attempt's message yet: what is known is that of the attempt before.
        SELECT h.provider_ref WHERE h.provider_ref IS NOT NULL
    ) AS known,
    coalesce(m.address_sealed, c.phone_sealed), c.name_sealed, c.business_sealed, p.name, m.body_sealed
FROM held h
LEFT JOIN contact c ON c.id = h.contact_id AND c.agency_id = :agency AND c.phone_index = h.address_index
LEFT JOIN place p ON p.code = c.place_code
LEFT JOIN message m ON m.campaign_id = :campaign AND m.delivery_id = h.id
""")

# What is in hand has a lease; how many are `sent` is asked of the figures: no index follows them.
_OPEN: Final = sql("""
SELECT EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND is_queued),
    EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND leased_until IS NOT NULL
        AND NOT (state = 'unknown' AND channel = 'email')),
    EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND leased_until IS NOT NULL
        AND state = 'unknown' AND channel = 'email'),
    (SELECT coalesce(sum(number), 0) > 0 FROM figure
        WHERE campaign_id = :campaign AND agency_id = :agency AND state = 'sent'),
    EXISTS (SELECT FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND may_go_again)
""")


def lapse(session: Session, agency_id: int, campaign_id: int, *, grace: float, mail_grace: float, size: int) -> int:
    """Call unknown what is in hand past its lease; something is done about it so long after it was handed over."""
    values = {"agency": agency_id, "campaign": campaign_id, "grace": grace, "mail_grace": mail_grace, "size": size}
    return int(session.execute(_LAPSE, values).scalar_one())


def skip_queued(
    session: Session, agency_id: int, campaign_id: int, reason: Reason, *, size: int, channel: str | None = None
) -> int:
    """Skip up to `size` queued deliveries, of one channel if named, for this reason and return how many."""
    values = {"agency": agency_id, "campaign": campaign_id, "reason": reason, "size": size, "channel": channel}
    return int(session.execute(_SKIP, values).scalar_one())


def skip_all(
    sessions: AgencySessions, agency_id: int, campaign_id: int, reason: Reason, *, channel: str | None = None
) -> int:
    """Skip all that is queued, of one channel if named, for this reason and return how many.

    Commits slice by slice, and may be called again.
    """
    total, skipped = 0, _SLICE
    while skipped == _SLICE:
        with sessions(agency_id).begin() as session:
            skipped = skip_queued(session, agency_id, campaign_id, reason, size=_SLICE, channel=channel)
        total += skipped
    return total


def age(session: Session, agency_id: int, campaign_id: int, *, seconds: float, size: int) -> int:
    """Give up waiting for news of what was handed over so long ago: it stays unconfirmed, until a late receipt."""
    values = {"agency": agency_id, "campaign": campaign_id, "seconds": seconds, "size": size}
    return int(session.execute(_AGE, values).scalar_one())


def try_again(session: Session, agency_id: int, campaign_id: int, *, wait: float, size: int) -> int:
    """Queue up to `size` certain failures that may pass once more, after `wait` to twice `wait` seconds; how many."""
    values = {"agency": agency_id, "campaign": campaign_id, "wait": wait, "size": size}
    return int(session.execute(_AGAIN, values).scalar_one())


def silent(
    session: Session, agency_id: int, campaign_id: int, channel: str, *, after: int, seconds: float, size: int
) -> tuple[int | None, list[Silent]]:
    """Look at the next `size` deliveries above the id `after`: the last, and the channel's that nothing was heard of.

    The last is None if there was none left; silent are those handed over so many seconds ago without a receipt since.
    """
    values: dict[str, object] = {"agency": agency_id, "campaign": campaign_id, "channel": channel}
    values |= {"after": after, "seconds": seconds, "size": size}
    rows = session.execute(_SILENT, values).all()
    return rows[0][0], [Silent(*row[1:]) for row in rows if row[1] is not None]


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
