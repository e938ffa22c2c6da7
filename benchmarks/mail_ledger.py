"""Judges a campaign of mails by the played server's mailboxes: who got two, who none without anybody knowing."""

from sqlalchemy import text

from benchmarks.ledger import Verdict
from benchmarks.stage import Carrier, Stage
from campaigns.links import Signer
from campaigns.store import figures, premises

_OPEN = frozenset({"queued", "sending"})
_ENDED_BY_REASON = frozenset({"failed", "skipped"})


def judge(stage: Stage, outside: Carrier, campaign_id: int) -> Verdict:
    """Compare what the server took with what the database says, for one campaign of which nothing is on its way.

    A mail server cannot be asked: `unknown` is the honest end of a mail whose answer was lost.
    """
    taken = _taken(stage, outside, campaign_id)
    with stage.connections.sessions(stage.agency.id)() as session:
        premises.begin_consistent(session)
        rows = session.execute(
            text("SELECT id, state, reason, attempt FROM delivery WHERE campaign_id = :c ORDER BY id"),
            {"c": campaign_id},
        ).all()
        told: dict[str, int] = {}
        for figure in figures.sums(session, stage.agency.id, campaign_id):
            told[figure.state] = told.get(figure.state, 0) + figure.number
    verdict = Verdict(len(rows), len(taken))
    counted: dict[str, int] = {}
    for row in rows:
        counted[row.state] = counted.get(row.state, 0) + 1
        mails = taken.get(row.id, 0)
        what = f"delivery {row.id}: {row.state} {row.reason or ''} attempt {row.attempt} mails {mails}"
        if mails > 1:
            verdict.add("duplicates", what)
        if row.state in _OPEN:
            verdict.add("unsettled", what)
        ended = (row.state in _ENDED_BY_REASON and row.reason) or row.state == "unknown"
        if not mails and not ended:
            verdict.add("lost", what)
        if mails and row.state in _ENDED_BY_REASON:
            verdict.add("contradictions", what)
    for state in told.keys() | counted.keys():
        if told.get(state, 0) != counted.get(state, 0):
            verdict.add("figures_differ", f"{state}: {told.get(state, 0)} told, {counted.get(state, 0)} counted")
    return verdict


def _taken(stage: Stage, outside: Carrier, campaign_id: int) -> dict[int, int]:
    """Delivery -> mails the server kept, also those whose answer was lost."""
    signer = Signer(stage.settings.secret_key)
    found: dict[int, int] = {}
    for mails in outside.control("mails")["mailboxes"].values():
        for mail in mails:
            sent = signer.read_message_id(mail["message_id"].strip("<>").partition("@")[0])
            if sent is not None and sent.campaign_id == campaign_id:
                found[sent.delivery_id] = found.get(sent.delivery_id, 0) + 1
    return found
