"""Staff: people of an agency who sign in."""

from collections.abc import Sequence

from sqlalchemy import Boolean, ForeignKey, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.metadata import Id, Made, Ref, Table


class Staff(Table):
    """A person who signs in. Outside row-level security, because sign-in comes before the agency is known."""

    __tablename__ = "staff"
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"), index=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    password: Mapped[str | None]  # an argon2 hash
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)  # changed with the password: ends all sign-ins
    interface_language: Mapped[str | None]
    made_at: Mapped[Made]


def by_email(session: Session, email: str) -> Staff | None:
    """The staff member with this address (lower case), or None."""
    return session.scalar(select(Staff).where(Staff.email == email))


def by_uniquifier(session: Session, uniquifier: str) -> Staff | None:
    """The staff member with this mark of their sign-ins, or None."""
    return session.scalar(select(Staff).where(Staff.fs_uniquifier == uniquifier))


def of_agency(session: Session, agency_id: int) -> Sequence[Staff]:
    """Everyone of the agency, by name."""
    return session.scalars(select(Staff).where(Staff.agency_id == agency_id).order_by(Staff.name)).all()
