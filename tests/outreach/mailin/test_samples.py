"""Every shape of mail that comes back, through the real receiver into the database."""

import csv
import re

import pytest
from sqlalchemy import text

from campaigns import receipts
from campaigns.links import Signer
from tests.returning import REPLIES, SAMPLES, _left, sample, snapshot

TABLE = list(csv.DictReader((SAMPLES / "expected.csv").read_text("utf-8").splitlines()))
# Only where it came to says that it was a program's; without our word it is somebody's mail, for staff to read.
TOLD_BY_ADDRESS = "vacation_to_return_path_without_signs"
NOT_OURS = {"postfix_forged_token", "unsubscribe_address_forged"}
DEAD = {"address_unknown", "address_invalid"}


def _stops(sessions, agency):
    with sessions(agency.id)() as session:
        return {
            bytes(row.address_index): (row.source, row.rule)
            for row in session.execute(text("SELECT address_index, source, rule FROM opt_out WHERE stopped"))
        }


def _states(do):
    rows = do("SELECT id, state, reason FROM delivery").all()
    return {row.id: (row.state, row.reason) for row in rows}


def _opted_out(do):
    return do("SELECT coalesce(sum(number), 0) FROM figure WHERE state = 'opted_out'").scalar_one()


def _expected_state(row):
    if row["kind"] in ("hard", "soft"):
        return "failed", row["reason"]
    return ("delivered", None) if row["kind"] == "delivered" else ("sent", None)


def _expected_stop(row):
    match row["kind"]:
        case "hard" if row["reason"] in DEAD:
            return "bounce"
        case "complaint" | "unsubscribe" as kind:
            return {"complaint": "complaint", "unsubscribe": "mail"}[kind]
    return None


def test_each_does_what_it_is_and_nothing_else(receiver, left, sessions, agency, do, other_agency):
    mails = dict(zip([row["mail"] for row in TABLE], left(len(TABLE)), strict=True))
    answers = {}
    for row in TABLE:
        raw, to = sample(row["mail"], mails[row["mail"]])
        answers[row["mail"]] = receiver.give(raw, to)
    assert {name for name, code in answers.items() if code != 250} == NOT_OURS
    assert {answers[name] for name in NOT_OURS} == {550}
    receipts.apply(sessions, agency.id)

    states, stops = _states(do), _stops(sessions, agency)
    for row in TABLE:
        mail, known = mails[row["mail"]], row["about"] == "yes"
        changes = known and row["mail"] not in NOT_OURS
        assert (row["mail"], states[mail.id]) == (row["mail"], _expected_state(row) if changes else ("sent", None))
        stop = _expected_stop(row) if row["mail"] not in NOT_OURS else None
        assert (row["mail"], stops.get(mail.index, (None,))[0]) == (row["mail"], stop)
    kinds = [_expected_stop(row) for row in TABLE if row["mail"] not in NOT_OURS]
    # A mail that came back is no refusal of the person's.
    assert _opted_out(do) == kinds.count("complaint") + kinds.count("mail")
    texts = do("SELECT kind, count(*) AS number FROM inbound WHERE channel = 'email' GROUP BY 1").all()
    humans = sum(row["kind"] == "human" and row["mail"] not in NOT_OURS for row in TABLE)
    assert {row.kind: row.number for row in texts} == {"other": humans, "stop": kinds.count("mail")}

    before = snapshot(sessions, agency.id)
    for row in TABLE:
        raw, to = sample(row["mail"], mails[row["mail"]])
        receiver.give(raw, to)
    receipts.apply(sessions, agency.id)
    assert snapshot(sessions, agency.id) == before
    assert not any(snapshot(sessions, other_agency.id).values())


def test_forged_ones_change_nothing(receiver, left, sessions, agency):
    real = left(1)[0]
    with sessions(agency.id)() as session:
        campaign_id = session.scalar(text("SELECT max(campaign_id) FROM delivery"))
    forger = Signer("somebody else's key")
    forged = _left(forger, agency.id, campaign_id, 0, real.id, real.index)
    before = snapshot(sessions, agency.id)
    for row in TABLE:
        if row["kind"] in ("human", "unsubscribe") or row["mail"] in {*NOT_OURS, TOLD_BY_ADDRESS}:
            continue
        raw, to = sample(row["mail"], forged)
        assert receiver.give(raw, to) in (250, 550)
        # The same to a box that takes every mail, and under a name that is somebody's of ours.
        raw = re.sub(rb"rosa@(empresa|correo)\.example", real.address.encode(), raw)
        assert receiver.give(raw, REPLIES) == 250
    receipts.apply(sessions, agency.id)
    assert snapshot(sessions, agency.id) == before


@pytest.mark.parametrize("word", ["STOP", "BAJA", "ALTO", "UNSUBSCRIBE"])
def test_no_answer_of_a_program_opts_anybody_out(word, receiver, left, sessions, agency):
    names = [row["mail"] for row in TABLE if row["kind"] == "auto_reply"]
    mails = dict(zip(names, left(len(names)), strict=True))
    before = snapshot(sessions, agency.id)
    for name, mail in mails.items():
        raw, to = sample(name, mail)
        head = raw.partition(b"\r\n\r\n")[0]
        says_so = re.search(rb"Auto-Submitted|Precedence|Automatic|multipart", head) or to.startswith("b-")
        if says_so and b"multipart" not in head:
            raw = head + b"\r\n\r\n" + word.encode() + b"\r\n"
        assert receiver.give(raw, to) == 250
    assert snapshot(sessions, agency.id) == before
