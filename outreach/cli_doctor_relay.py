"""`outreach doctor relay`: whether letters to staff can go out."""

import click

from campaigns import staff_letters, staff_mail
from campaigns.providers.contract import NotSent, Refused, Unclear
from campaigns.settings import MailRelay
from campaigns.staff_letters import Words
from outreach.cli import settings

_ANSWER_SECONDS = 10.0


@click.command("relay")
@click.argument("to")
@click.option("--language", default="es", show_default=True, help="The letter's language.")
def relay_command(to: str, language: str) -> None:
    """Mail a letter to the address TO, as invitations and notices to staff go out; exit code 1 if it was not taken."""
    chosen = settings()
    if chosen.mail_relay is None:
        raise ValueError("Staff get no mails: set OUTREACH_MAIL_URL and OUTREACH_MAIL_FROM (docs/install.md)")
    where = _where(chosen.mail_relay)
    try:
        staff_mail.send_now(chosen, staff_letters.trial(Words(language), to), seconds=_ANSWER_SECONDS)
    except Refused as refusal:
        raise RuntimeError(f"{where} refuses the letter ({refusal.reason})") from None
    except NotSent:
        raise RuntimeError(f"{where} took nothing: it does not answer or is busy") from None
    except Unclear:
        raise RuntimeError(f"{where} did not answer in the end: the letter may arrive, or not") from None
    click.echo(f"{where} took the letter to {to}. Look whether it arrives.")


def _where(relay: MailRelay) -> str:
    secured = {"starttls": "STARTTLS", "tls": "TLS", "none": "not encrypted, on this machine"}[relay.security]
    return f"{relay.host} port {relay.port} ({secured})"
