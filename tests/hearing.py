"""Fixtures for tests of what comes back: receipts for a campaign's messages, and campaigns with conditions."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import CursorResult, text

from campaigns import approval, authoring, planning, receipts
from campaigns.providers.contract import Reported
from campaigns.receipts import Ids
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from tests import crowd, drafts
from tests.carrier import phone

PLAIN = {"es": "No pague. Llame al 111."}  # one part for everybody


@pytest.fixture
def do(sessions, agency) -> Callable[..., CursorResult[Any]]:
    """Runs one statement as the app's role."""

    def execute(statement: str, **values: object) -> CursorResult[Any]:
        with sessions(agency.id).begin() as session:
            return session.execute(text(statement), values)

    return execute


@pytest.fixture
def stands(do) -> Callable[[int], tuple[str, str | None]]:
    """A campaign's state, and why it is paused."""
    return lambda campaign_id: tuple(do("SELECT state, pause_reason FROM campaign WHERE id = :c", c=campaign_id).one())


@pytest.fixture
def hear(sessions, agency, sender, do) -> Callable[..., None]:
    """The provider reports on so many messages of a campaign that nothing was heard of yet, and that is applied."""

    def receive(campaign_id: int, number: int, state: State, reason: Failure | None = None) -> None:
        rows = do(
            "SELECT id, attempt, provider_ref FROM delivery WHERE campaign_id = :c AND state = 'sent' ORDER BY id"
            " LIMIT :number",
            c=campaign_id,
            number=number,
        ).all()
        assert len(rows) == number
        with sessions(agency.id).begin() as session:
            for row in rows:
                reported = Reported(row.provider_ref, state, reason)
                receipts.keep(session, sender, reported, Ids(campaign_id, row.id, row.attempt))
        receipts.apply(sessions, agency.id)

    return receive


@pytest.fixture
def starts(sessions, vault, agency, ada, bruno, sender) -> Callable[..., int]:
    """Starts a campaign for so many people (or these numbers) under conditions a draft may have; its id."""

    def begin(people: int | Sequence[str], *, texts: dict[str, str] | None = None, **conditions: object) -> int:
        now = datetime.now(UTC)
        numbers = [phone(number) for number in range(people)] if isinstance(people, int) else people
        with sessions(agency.id).begin() as session:
            for number in numbers:
                crowd.person(session, vault, agency, number)
            made = drafts.draft(session, agency, ada, sender)
            chosen = texts or PLAIN
            wanted = authoring.Draft(made.name, made.segment_id, sender.id, texts=chosen, **conditions)
            authoring.change(session, agency.id, made.id, wanted, by=ada.id, now=now)
            authoring.submit(session, agency.id, made.id, by=ada.id, now=now)
        planning.plan(sessions, agency.id, made.id, now=now)
        with sessions(agency.id).begin() as session:
            approval.approve(session, agency.id, made.id, by=bruno.id, now=now)
            approval.start(session, agency.id, made.id, by=bruno.id, now=now)
        return made.id

    return begin
