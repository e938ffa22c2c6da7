"""`outreach doctor`: what an operator can have checked."""

import json
import sys

import click

from campaigns import recount
from campaigns.recount import Difference, Proof
from outreach.cli import installation
from outreach.cli_doctor_mail import mail_command
from outreach.cli_doctor_relay import relay_command


@click.group("doctor")
def doctor_group() -> None:
    """Check what this installation says about itself."""


@doctor_group.command("figures")
@click.option("--agency", "slug", help="Only this agency, by its short name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
def figures_command(slug: str | None, as_json: bool) -> None:
    """Prove the figures of every campaign against a full count of its deliveries; exit code 1 if any differ."""
    checked, wrong = 0, list[Proof]()
    with installation() as (_, connections):
        for proof in recount.prove(connections.sessions, slug):
            checked += 1
            if not proof.is_true:
                wrong.append(proof)
                if not as_json:
                    click.echo(_sentence(proof))
    click.echo(_as_json(checked, wrong) if as_json else _summary(checked, len(wrong)))
    sys.exit(1 if wrong else 0)


def _sentence(proof: Proof) -> str:
    said = "; ".join(_words(difference) for difference in proof.differences)
    return f"Agency {proof.agency}, campaign {proof.campaign_id}: the figures differ from a full count: {said}."


def _words(difference: Difference) -> str:
    reason = f" ({difference.reason})" if difference.reason else ""
    where = f"{difference.state}{reason}, {difference.channel}, {difference.language}"
    return f"{where}: {difference.number:+d} messages, {difference.parts:+d} parts"


def _summary(checked: int, wrong: int) -> str:
    if not checked:
        return "There is no campaign."
    if not wrong:
        return f"The figures of all {checked} campaigns are true."
    return f"The figures of {wrong} of {checked} campaigns are wrong."


def _as_json(checked: int, wrong: list[Proof]) -> str:
    found = [
        {
            "agency": proof.agency,
            "campaign": proof.campaign_id,
            "differences": [difference._asdict() for difference in proof.differences],
        }
        for proof in wrong
    ]
    return json.dumps({"campaigns": checked, "wrong": found})


doctor_group.add_command(mail_command)
doctor_group.add_command(relay_command)
COMMANDS = (doctor_group,)
