"""`outreach doctor figures` says that true figures are true, and names those that are not."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from outreach.cli import main
from outreach.embedded import environment


@pytest.fixture
def doctor(settings, monkeypatch):
    """Runs the command as an operator would, on these servers."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        return CliRunner().invoke(main, ["doctor", "figures", *arguments])

    return run


@pytest.fixture
def tamper(settings):
    """Changes rows as the owner's role, past every rule."""
    owner = create_engine(settings.owner_url)

    def execute(statement, **values):
        with owner.begin() as connection:
            connection.execute(text(statement), values)

    yield execute
    owner.dispose()


def test_true_figures(doctor, running, send, other_agency):
    send(running(3))
    done = doctor()
    assert (done.exit_code, done.output) == (0, "The figures of all 3 campaigns are true.\n")  # two service campaigns


def test_a_delivery_that_was_changed_behind_our_back_is_named(doctor, running, send, tamper, other_agency):
    campaign_id = running(3)
    send(campaign_id)
    tamper("UPDATE delivery SET state = 'delivered' WHERE id = (SELECT min(id) FROM delivery)")
    done = doctor()
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f"Agency lima-norte, campaign {campaign_id}: the figures differ from a full count: delivered, sms, es:"
        " -1 messages, -1 parts; sent, sms, es: +1 messages, +1 parts.",
        "The figures of 1 of 3 campaigns are wrong.",
    ]
    assert doctor("--agency", "callao").exit_code == 0
    assert doctor("--agency", "lima-norte").exit_code == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE figure SET number = number + 1 WHERE id = (SELECT max(id) FROM figure)",
        "UPDATE figure SET parts = parts + 1 WHERE id = (SELECT max(id) FROM figure)",
        "UPDATE figure SET reason = 'landline' WHERE id = (SELECT max(id) FROM figure)",
        "DELETE FROM delivery WHERE id = (SELECT min(id) FROM delivery)",
        "UPDATE delivery SET charged = charged + 1 WHERE id = (SELECT min(id) FROM delivery)",
        "UPDATE delivery SET again = 1 WHERE id = (SELECT min(id) FROM delivery)",
    ],
)
def test_no_change_of_either_side_passes(change, doctor, running, send, tamper):
    campaign_id = running(2)
    send(campaign_id)
    tamper(change)
    done = doctor("--json")
    found = json.loads(done.output)
    assert done.exit_code == 1
    assert found["campaigns"] == 2
    assert [(one["agency"], one["campaign"]) for one in found["wrong"]] == [("lima-norte", campaign_id)]
    assert found["wrong"][0]["differences"]


def test_an_agency_nobody_knows_is_a_sentence(doctor, agency):
    done = doctor("--agency", "nobody")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "Traceback" not in done.output


def test_nothing_to_count(doctor, database):
    done = doctor("--json")
    assert (done.exit_code, json.loads(done.output)) == (0, {"campaigns": 0, "wrong": []})
    assert doctor().output == "There is no campaign.\n"
