"""Staff: who signs in. Passwords are hashed by the way in (argon2), never here."""

import secrets
from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import Session

from campaigns import audit
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules import names
from campaigns.rules.policy import Role
from campaigns.store import staff as store
from campaigns.store.staff import Staff


def add(session: Session, agency_id: int, *, email: str, name: str, role: str, password_hash: str | None) -> Staff:
    """A new member of staff; without a password they choose one by an invitation.

    Raises Invalid, or Conflict if somebody signs in with this address already.
    """
    address = _address(email)
    if role not in list(Role):
        raise Invalid("role", "role_unknown", role=role[:30])
    if store.by_email(session, address):
        raise Conflict("email_taken", email=address)
    person = Staff(
        agency_id=agency_id,
        email=address,
        name=names.read_name(name),
        role=role,
        password=password_hash,
        fs_uniquifier=secrets.token_hex(16),
    )
    session.add(person)
    session.flush()
    audit.record(session, agency_id, audit.Did.STAFF_ADDED, f"staff:{person.id}", by=None, role=role)
    return person


def reset(session: Session, email: str, *, password_hash: str) -> Staff:
    """Set a new password and end every sign-in of this person. Raises NotFound. Writes no audit row by itself."""
    person = by_email(session, email)
    person.password = password_hash
    person.fs_uniquifier = secrets.token_hex(16)
    person.active = True
    return person


def by_email(session: Session, email: str) -> Staff:
    """The member of staff who signs in with this address; raises NotFound."""
    person = store.by_email(session, email.strip().lower())
    if person is None:
        raise NotFound("staff_unknown", email=email[:80])
    return person


def invited(session: Session, uniquifier: str) -> Staff | None:
    """Whose invitation this is; None once they have a password, or may not come in any more."""
    person = store.by_uniquifier(session, uniquifier)
    return person if person is not None and person.active and person.password is None else None


def invite(session: Session, email: str) -> Staff:
    """Whom an invitation may be mailed to, with an audit row. Raises NotFound, or Conflict if they have a password."""
    person = by_email(session, email)
    if person.password is not None:
        raise Conflict("staff_has_password", email=person.email)
    audit.record(session, person.agency_id, audit.Did.STAFF_INVITED, f"staff:{person.id}", by=None)
    return person


def of_agency(session: Session, agency_id: int) -> Sequence[Staff]:
    """Everyone of the agency, by name."""
    return store.of_agency(session, agency_id)


def _address(email: str) -> str:
    try:
        return validate_email(email.strip().lower(), check_deliverability=False).normalized
    except EmailNotValidError:
        raise Invalid("email", "email_shape") from None
