"""Receipts: what a provider says became of a delivery, kept once and never with an address."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.rules.lifecycle import MOVES, State, receipt_may_move
from campaigns.rules.outcomes import Failure
from campaigns.store.metadata import Id, Made, Moment, Ref, Table


class Receipt(Table):
    """One report of a provider. Kept even when we know no such delivery."""

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("sender_id", "provider_ref", "state"),
        Index("receipt_waiting", "agency_id", "id", postgresql_where=text("applied_at IS NULL")),
        Index("receipt_unmatched", "agency_id", "id", postgresql_where=text("matched IS FALSE")),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    sender_id: Mapped[Ref] = mapped_column(ForeignKey("sender.id"))
    provider_ref: Mapped[str]
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    delivery_id: Mapped[int | None] = mapped_column(BigInteger)
    attempt: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str]
    reason: Mapped[str | None]
    received_at: Mapped[Made]
    applied_at: Mapped[Moment | None]
    matched: Mapped[bool | None]


def keep(session: Session, **values: object) -> bool:
    """Insert a report with these columns; False if the same one is there already."""
    statement = (
        insert(Receipt)
        .values(values)
        .on_conflict_do_nothing(index_elements=["sender_id", "provider_ref", "state"])
        .returning(Receipt.id)
    )
    return session.scalar(statement) is not None


# Says whom it acts for by itself (DESIGN 10.1): one trip to the server, which costs more than fifty rows do. The rows
# come as one JSON text, which costs a third of an array a column to make ready.
# In the order of the unique key: two processes that were told the same must not wait for each other.
_KEEP_MANY = sql("""
WITH acting AS MATERIALIZED (SELECT set_config('outreach.agency_id', CAST(:agency AS text), true) AS agency)
INSERT INTO receipt (agency_id, sender_id, provider_ref, state, reason, campaign_id, delivery_id, attempt)
SELECT CAST(acting.agency AS bigint), told.* FROM acting CROSS JOIN json_to_recordset(CAST(:told AS json)) AS told (
    sender_id bigint, provider_ref text, state text, reason text,
    campaign_id bigint, delivery_id bigint, attempt integer
)
ORDER BY told.sender_id, told.provider_ref, told.state
ON CONFLICT (sender_id, provider_ref, state) DO NOTHING
""")


def keep_many(session: Session, agency_id: int, rows: Sequence[Mapping[str, object]]) -> int:
    """Insert an agency's receipts with these columns, all or none; how many were not there already. Never commits.

    Acts for the agency by itself, whomever the session acts for.
    """
    result = session.execute(_KEEP_MANY, {"agency": str(agency_id), "told": json.dumps(rows)})
    return result.rowcount  # type: ignore[attr-defined, no-any-return]


# The campaigns of the receipts that wait longest, and where those end.
_WAITING = sql("""
SELECT coalesce(array_agg(DISTINCT campaign_id ORDER BY campaign_id), '{}'), max(id) FROM (
    SELECT id, campaign_id FROM receipt WHERE agency_id = :agency AND applied_at IS NULL ORDER BY id LIMIT :size
) AS waiting
""")

# One statement: take what waits, keep the furthest per delivery and attempt, move only what may move, count the moves.
# Rows are locked in the order of their keys, as windows are closed, so that the two do not wait for each other.
# One campaign at a time, and it is named to `delivery` outright: PostgreSQL 18.4 crashes with all its connections
# where a row of a partitioned table has changed meanwhile and its partition was found through a join.
_APPLY = sql("""
WITH picked AS MATERIALIZED (
    SELECT id, delivery_id, attempt, provider_ref, state, reason FROM receipt
    WHERE agency_id = :agency AND applied_at IS NULL AND id <= :last
        AND campaign_id IS NOT DISTINCT FROM CAST(:campaign AS bigint)
    ORDER BY id FOR UPDATE SKIP LOCKED
), furthest AS (
    SELECT DISTINCT ON (delivery_id, attempt) * FROM picked WHERE delivery_id IS NOT NULL
    ORDER BY delivery_id, attempt, array_position(CAST(:ranked AS text[]), state) DESC, id
), held AS MATERIALIZED (
    -- With what was told beside it: PostgreSQL may think that one receipt waits, and would look through all the told
    -- ones for each that is held.
    SELECT d.id, d.state AS was, d.reason AS was_because, d.attempt, d.provider_ref AS known_ref,
        f.attempt AS told_attempt, f.state, f.reason, f.provider_ref
    FROM furthest f
    JOIN delivery d ON d.campaign_id = CAST(:campaign AS bigint) AND d.id = f.delivery_id AND d.agency_id = :agency
    ORDER BY d.id FOR UPDATE OF d
), moves AS (
    SELECT id, was, was_because, state, reason, provider_ref FROM held
    WHERE attempt = told_attempt AND was || ' ' || state = ANY (CAST(:allowed AS text[]))
    -- That a message which failed since had been sent, told late, takes back no second attempt.
    AND NOT (was = 'queued' AND state = 'sent' AND provider_ref IS NOT DISTINCT FROM known_ref)
), moved AS (
    UPDATE delivery d SET state = m.state, reason = m.reason, leased_until = NULL, not_before = NULL,
        provider_ref = coalesce(m.provider_ref, d.provider_ref), changed_at = now()
    FROM moves m WHERE d.campaign_id = CAST(:campaign AS bigint) AND d.id = m.id
    RETURNING d.campaign_id, d.channel, d.language, d.address_index, m.was, m.was_because, d.state, d.reason,
        d.charged, d.handed_at
), news AS (
    -- News of what was sent before somebody let the campaign go on does not brake it again.
    SELECT m.*, coalesce(m.handed_at <= c.resumed_at, false) AS is_old
    FROM moved m JOIN campaign c ON c.id = m.campaign_id
), refused AS (
    -- The provider holds a refusal of theirs: it is ours from now on (DOMAIN 1.7).
    INSERT INTO opt_out (agency_id, channel, address_index, source, rule, language)
    SELECT DISTINCT ON (channel, address_index) :agency, channel, address_index, 'provider', reason, language
    FROM moved WHERE state = 'failed' AND reason = :refusal
    ON CONFLICT (agency_id, channel, address_index) DO UPDATE
    SET stopped = true, source = excluded.source, rule = excluded.rule, stopped_at = now(), changed_at = now()
    WHERE NOT opt_out.stopped
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, is_old, number, parts)
    SELECT :agency, campaign_id, channel, language, state, reason, is_old, sum(number), sum(charged) FROM (
        SELECT campaign_id, channel, language, state, reason, 1 AS number, charged, is_old FROM news
        UNION ALL SELECT campaign_id, channel, language, was, was_because, -1, -charged, false FROM moved
    ) AS changes GROUP BY 1, 2, 3, 4, 5, 6, 7
), applied AS (
    UPDATE receipt r SET applied_at = now(),
        matched = coalesce(r.delivery_id IN (SELECT id FROM held), false)
    FROM picked p WHERE r.id = p.id
    RETURNING r.id
)
SELECT NULL, NULL, count(*) FROM applied
UNION ALL SELECT DISTINCT campaign_id, coalesce(reason, ''), 0 FROM news WHERE state = 'failed' AND NOT is_old
""")

# Receipts that knew nothing of ours, or of ours what was not there yet.
_REMATCH = sql("""
WITH lonely AS MATERIALIZED (
    SELECT id, provider_ref FROM receipt
    WHERE agency_id = :agency AND matched IS FALSE AND received_at > now() - interval '4 days'
        AND (delivery_id IS NULL OR campaign_id = :campaign)
), found AS (
    SELECT l.id, d.id AS delivery_id, d.attempt FROM lonely l
    JOIN delivery d ON d.campaign_id = :campaign AND d.agency_id = :agency AND d.provider_ref = l.provider_ref
        -- While another attempt is under way the reference may be that of the one before.
        AND d.state NOT IN ('queued', 'sending')
)
UPDATE receipt r SET campaign_id = :campaign, delivery_id = f.delivery_id, attempt = f.attempt, applied_at = NULL,
    matched = NULL
FROM found f WHERE r.id = f.id
""")


class Applied(NamedTuple):
    """How many receipts were taken, and campaign -> why messages failed that were sent since it was last resumed."""

    taken: int
    failed: dict[int, set[str]]


def apply(session: Session, agency_id: int, *, limit: int) -> Applied:
    """Apply up to `limit` waiting receipts, those that wait longest; never commits."""
    campaigns, last = session.execute(_WAITING, {"agency": agency_id, "size": limit}).one()
    allowed = [f"{old} {new}" for old in State for new in MOVES[old] if receipt_may_move(old, new)]
    given = {
        "agency": agency_id,
        "last": last,
        "refusal": Failure.REFUSED_BY_PERSON,
        "ranked": [State.SENT, State.FAILED, State.DELIVERED],
        "allowed": allowed,
    }
    taken, failed = 0, dict[int, set[str]]()
    for campaign_id in campaigns:
        for failed_in, reason, number in session.execute(_APPLY, given | {"campaign": campaign_id}):
            taken += number
            if reason is not None:
                failed.setdefault(failed_in, set()).add(reason)
    return Applied(taken, failed)


def rematch(session: Session, agency_id: int, campaign_id: int) -> int:
    """Give kept receipts that nobody could match another chance with this campaign's deliveries; how many match now.

    They wait again to be applied. Looks through all of the campaign's deliveries if there is such a receipt at all.
    Never commits.
    """
    result = session.execute(_REMATCH, {"agency": agency_id, "campaign": campaign_id})
    return result.rowcount  # type: ignore[attr-defined, no-any-return]


def keep_all(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert reports with these columns, all of them or, where the same one is there already, the others."""
    if rows:
        session.execute(insert(Receipt).on_conflict_do_nothing(), list(rows))
