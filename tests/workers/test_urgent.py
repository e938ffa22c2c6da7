"""An urgent campaign's job hears the nudge of its own lane, so that the next one says something new."""

from campaigns import wakeup
from campaigns.wakeup import Work
from outreach import embedded
from workers import urgent


def test_an_urgent_nudge_is_heard_when_its_job_begins(tools, valkey, agency, running, monkeypatch):
    campaign_id = running(1)
    for name, value in {**embedded.environment(tools.settings), "TWILIO_URL": tools.settings.twilio_url}.items():
        monkeypatch.setenv(name, value)
    wakeup.send(valkey, agency.id, campaign_id, urgent=True)
    urgent.send(agency.id, campaign_id)
    assert wakeup.nudge(valkey, Work.URGENT, agency.id, campaign_id)
