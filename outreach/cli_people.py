"""`outreach agency` and `outreach staff`: what must work before anyone can sign in."""

import secrets

import click
from sqlalchemy.orm import Session

from campaigns import agencies, audit, staff
from campaigns.rules import hours
from campaigns.rules.policy import Role
from campaigns.settings import Settings
from outreach.cli import installation
from outreach.database import Connections
from outreach.passwords import hash_password

_PASSWORD_BYTES = 12


@click.group("agency")
def agency_group() -> None:
    """Agencies of this installation."""


@agency_group.command("add")
@click.argument("slug")
@click.option("--name", required=True, help="As people know it; it stands first in every message.")
@click.option("--always-open", is_flag=True, help="Every day, all day: for trying things out.")
def add_agency(slug: str, name: str, always_open: bool) -> None:
    """Add an agency under the short name SLUG (small letters, digits and -)."""
    with installation() as (_, connections), connections.sessions(None).begin() as session:
        agencies.add(session, slug, name, hours=hours.always() if always_open else None)
    click.echo(f"Agency {slug} added.")


@click.group("staff")
def staff_group() -> None:
    """People who sign in."""


@staff_group.command("add")
@click.argument("email")
@click.option("--agency", "slug", required=True, help="The agency's short name.")
@click.option("--name", required=True)
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
@click.option("--password", help="Otherwise an invitation is mailed; without mail, one is made and printed.")
@click.option("--invite/--no-invite", default=None, help="Mail an invitation, or print a password, whatever is set up.")
def add_staff(email: str, slug: str, name: str, role: str, password: str | None, invite: bool | None) -> None:
    """Add a member of staff: mail an invitation, or print a password to hand over in person."""
    if invite and password:
        raise ValueError("--invite and --password: choose one, a password never goes by mail")
    with installation() as (live, connections):
        mails = invite if invite is not None else live.mail_relay is not None and not password
        if mails:
            _need_mail(live)
        made = None if mails else password or secrets.token_urlsafe(_PASSWORD_BYTES)
        with connections.sessions(None)() as session:
            agency_id = agencies.by_slug(session, slug).id
        with connections.sessions(agency_id).begin() as session:
            hashed = hash_password(made) if made else None
            staff.add(session, agency_id, email=email, name=name, role=role, password_hash=hashed)
        if made:
            click.echo(f"{email} may sign in with the password: {made}")
        else:
            _invite(live, connections, email)


@staff_group.command("invite")
@click.argument("email")
def invite_staff(email: str) -> None:
    """Mail the invitation once more to somebody who has no password yet."""
    with installation() as (live, connections):
        _need_mail(live)
        _invite(live, connections, email)


@staff_group.command("reset")
@click.argument("email")
@click.option("--password", help="Otherwise one is made and printed.")
def reset_staff(email: str, password: str | None) -> None:
    """Set a new password and end all sign-ins of this person."""
    password = password or secrets.token_urlsafe(_PASSWORD_BYTES)
    with installation() as (_, connections):
        with connections.sessions(None)() as session:
            agency_id = staff.by_email(session, email).agency_id
        with connections.sessions(agency_id).begin() as session:
            _reset(session, agency_id, email, hash_password(password))
    click.echo(f"{email} may sign in with the password: {password}")


def _need_mail(live: Settings) -> None:
    if live.mail_relay is None:
        raise ValueError("No mail can be sent: set OUTREACH_MAIL_URL and OUTREACH_MAIL_FROM (docs/install.md)")


def _invite(live: Settings, connections: Connections, email: str) -> None:
    from outreach import invitations  # brings the web application's parts along

    with connections.sessions(None)() as session:
        agency_id = staff.by_email(session, email).agency_id
    with connections.sessions(agency_id).begin() as session:
        person = staff.invite(session, email)
        agency = agencies.get(session, agency_id)
    try:
        invitations.send(live, person, agency.name)
    except RuntimeError as error:
        raise RuntimeError(
            f"{person.email} was added, but no mail went out: {error}. Later: outreach staff invite {person.email}"
        ) from None
    click.echo(f"An invitation went to {person.email}; its link works for three days.")


def _reset(session: Session, agency_id: int, email: str, hashed: str) -> None:
    person = staff.reset(session, email, password_hash=hashed)
    audit.record(session, agency_id, audit.Did.STAFF_RESET, f"staff:{person.id}", by=None)


COMMANDS = (agency_group, staff_group)
