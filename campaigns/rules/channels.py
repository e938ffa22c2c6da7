"""Channels: how a campaign reaches people, and in which order."""

from enum import StrEnum


class Channel(StrEnum):
    """One way to reach a person. Stored as written here."""

    SMS = "sms"
    EMAIL = "email"


class Channels(StrEnum):
    """The channels a campaign uses. Stored as written here.

    With SMS_THEN_EMAIL a mail goes to people without a mobile and to those whose SMS failed for good.
    """

    SMS = "sms"
    EMAIL = "email"
    BOTH = "both"
    SMS_THEN_EMAIL = "sms_then_email"

    @property
    def each(self) -> tuple[Channel, ...]:
        """The channels it is made of, SMS first."""
        if self in (Channels.SMS, Channels.EMAIL):
            return (Channel(self),)
        return (Channel.SMS, Channel.EMAIL)

    @property
    def at_once(self) -> "Channels":
        """The same channels, none of which waits for another."""
        return self if len(self.each) == 1 else Channels.BOTH
