"""Two people who take the same name or number at the same moment: one gets it, the other a sentence."""

import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import text

from campaigns import agencies, segments
from campaigns.errors import Invalid
from campaigns.rules.segments import EVERYONE
from tests.cast import SIMULATOR_ACCOUNT

FORM = agencies.SenderForm(name="Avisos", address="+5117000008", account=SIMULATOR_ACCOUNT, token="t")


@pytest.fixture
def save(vault, agency, ada, sender, sessions):
    """Ways to take a name or number, each in somebody's session; the segment and the sender to change are there."""
    with sessions(agency.id).begin() as session:
        old = segments.save(session, agency.id, name="Otro", rule=EVERYONE, by=ada.id).id

    def segment(session, segment_id):
        segments.save(session, agency.id, name="Norte", rule=EVERYONE, by=ada.id, segment_id=segment_id)

    def number(session, sender_id):
        form = replace(FORM, parts_per_second=5)
        agencies.save_sender(session, vault, agency.id, form, sender_id=sender_id, by=ada.id)

    return {
        "new segment": lambda session: segment(session, None),
        "old segment": lambda session: segment(session, old),
        "new sender": lambda session: number(session, None),
        "old sender": lambda session: number(session, sender.id),
    }


@pytest.mark.parametrize(("first", "second"), [("new segment", "old segment"), ("new sender", "old sender")])
@pytest.mark.parametrize("turned", [False, True])
def test_the_second_gets_a_sentence_and_a_session_of_use(sessions, agency, save, first, second, turned):
    if turned:
        first, second = second, first
    told = []

    def come_second():
        with sessions(agency.id)() as session:
            with pytest.raises(Invalid) as refused:
                save[second](session)
            told.append((refused.value.code, len(segments.listed(session, agency.id))))

    with sessions(agency.id)() as session:
        save[first](session)
        thread = threading.Thread(target=come_second)
        thread.start()
        with sessions(None)() as watching:
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = :name")
            name = watching.scalar(text("SELECT current_database()"))
            for _ in range(200):
                if watching.scalar(waits, {"name": name}):
                    break
                watching.rollback()
                time.sleep(0.02)
        session.commit()
    thread.join(10)
    assert [code for code, _ in told] == ["segment_name_taken" if "segment" in first else "sender_taken"]
