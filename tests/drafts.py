"""Campaigns for tests, brought to a state by the verbs that staff use."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from campaigns import approval, authoring, planning, segments
from campaigns.rules.segments import EVERYONE, Rule
from campaigns.store.agencies import Agency, Sender
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import AgencySessions
from campaigns.store.staff import Staff

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TEXTS = {"es": "{{nombre}}, no pague. Llame al {{linea_111}}.", "qu": "Ama qullqita quychu. Waqyay {{linea_111}}."}


def draft(
    session: Session, agency: Agency, by: Staff, sender: Sender, *, rule: Rule = EVERYONE, texts: dict | None = None
) -> Campaign:
    """A draft with a segment, a sender and texts; calling it again makes another one."""
    campaign = authoring.create(session, agency.id, name="Aviso a transportistas", by=by.id)
    segment = segments.save(session, agency.id, name=f"Segmento {campaign.id}", rule=rule, by=by.id)
    wanted = authoring.Draft(
        name=campaign.name, segment_id=segment.id, sender_id=sender.id, texts=TEXTS if texts is None else texts
    )
    return authoring.change(session, agency.id, campaign.id, wanted, by=by.id, now=NOW)


def submitted(
    sessions: AgencySessions,
    agency: Agency,
    by: Staff,
    sender: Sender,
    *,
    rule: Rule = EVERYONE,
    texts: dict | None = None,
) -> int:
    """The id of a campaign that was planned and waits for approval (or is back in draft with nobody left)."""
    with sessions(agency.id).begin() as session:
        campaign_id = draft(session, agency, by, sender, rule=rule, texts=texts).id
        authoring.submit(session, agency.id, campaign_id, by=by.id, now=NOW)
    planning.plan(sessions, agency.id, campaign_id, now=NOW)
    return campaign_id


def running(
    sessions: AgencySessions,
    agency: Agency,
    by: Staff,
    approver: Staff,
    sender: Sender,
    *,
    rule: Rule = EVERYONE,
    texts: dict | None = None,
) -> int:
    """The id of a campaign that was approved and started."""
    campaign_id = submitted(sessions, agency, by, sender, rule=rule, texts=texts)
    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, campaign_id, by=approver.id, now=NOW)
        approval.start(session, agency.id, campaign_id, by=approver.id, now=NOW)
    return campaign_id
