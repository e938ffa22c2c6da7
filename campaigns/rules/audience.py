"""Whom a campaign reaches on which channel, and why not: the decisions that planning makes in SQL, and counting here.

A test proves that both decide alike.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from campaigns.rules.channels import Channel, Channels
from campaigns.rules.languages import choose_text
from campaigns.rules.lifecycle import Reason

# Why there is no such channel to somebody at all.
LACKS: Mapping[Channel, Reason] = {Channel.SMS: Reason.NO_MOBILE, Channel.EMAIL: Reason.NO_EMAIL}


class Languages(NamedTuple):
    """In which languages there is a text, and which of them stands in for others."""

    available: Collection[str]
    fallback: str


@dataclass(frozen=True)
class Texts:
    """In which languages a campaign says something, channel by channel, and which of them stands in for others."""

    available: Mapping[Channel, Collection[str]]
    fallback: str = "es"

    def of(self, channel: Channel) -> Languages:
        """Those of one channel."""
        return Languages(self.available.get(channel, ()), self.fallback)


class Way(NamedTuple):
    """One channel to one person: `why` it is closed (None: it is open), and the language of the text they would get."""

    why: str | None
    language: str | None

    @property
    def is_open(self) -> bool:
        """Whether a message can go this way."""
        return self.why is None and self.language is not None

    @property
    def obstacle(self) -> str:
        """The first thing that would have to be put right where it is not open."""
        return self.why or Reason.NO_TEXT


class Share(NamedTuple):
    """What one person gets: the languages of SMS and mail, whether the mail waits for what becomes of the SMS, and why
    they get nothing at all.
    """

    sms: str | None = None
    email: str | None = None
    waits: bool = False
    why: str | None = None


def share(channels: Channels, sms: Way, email: Way) -> Share:
    """What a campaign of these channels sends to a person it can reach in these ways.

    With SMS_THEN_EMAIL whoever has a mobile is somebody for SMS: where that may not be sent, no mail takes its place.
    Who gets nothing is told why by the channel they have: by SMS if they have a mobile or neither, else by mail.
    """
    by_sms = Channel.SMS in channels.each and sms.is_open
    by_mail = Channel.EMAIL in channels.each and email.is_open
    if channels is Channels.SMS_THEN_EMAIL and not by_sms and sms.why != Reason.NO_MOBILE:
        by_mail = False
    if by_sms or by_mail:
        waits = channels is Channels.SMS_THEN_EMAIL and by_sms and by_mail
        return Share(sms.language if by_sms else None, email.language if by_mail else None, waits)
    return Share(why=(email if _tells_by_mail(channels, sms, email) else sms).obstacle)


def _tells_by_mail(channels: Channels, sms: Way, email: Way) -> bool:
    if len(channels.each) == 1:
        return channels is Channels.EMAIL
    return sms.why == Reason.NO_MOBILE and email.why != Reason.NO_EMAIL


class Group(NamedTuple):
    """So many people who can be reached, or not, in the same ways, and read the same."""

    sms: str | None  # why they cannot be written to by SMS, None if they can
    email: str | None
    language: str
    accepts_fallback: bool
    people: int


@dataclass(frozen=True)
class Forecast:
    """What a campaign would send to those a rule picks: people by the language of the text, and by reason who gets
    nothing. An address that several share counts for each of them here; planning writes to it once.
    """

    sms: Mapping[str, int] = field(default_factory=dict)
    email: Mapping[str, int] = field(default_factory=dict)  # at once
    after_sms: Mapping[str, int] = field(default_factory=dict)  # only if the SMS fails for good
    left_out: Mapping[str, int] = field(default_factory=dict)
    people: int = 0  # who get anything


@dataclass(frozen=True)
class Count:
    """Whom a rule picks. On each channel they are the sum of those we may write to and of those we may not, by why."""

    groups: tuple[Group, ...] = ()

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(group.people for group in self.groups)

    @property
    def reachable_sms(self) -> int:
        """How many we may write to by SMS."""
        return self.reachable(Channel.SMS)

    @property
    def reachable_email(self) -> int:
        """How many we may write to by mail."""
        return self.reachable(Channel.EMAIL)

    @property
    def reachable_either(self) -> int:
        """How many we may write to in one way or the other."""
        return sum(group.people for group in self.groups if group.sms is None or group.email is None)

    def reachable(self, channel: Channel) -> int:
        """How many we may write to on this channel."""
        return sum(self.languages(channel).values())

    def languages(self, channel: Channel) -> dict[str, int]:
        """What those read whom we may write to on this channel, the most read first."""
        return _added((group.language, group.people) for group in self.groups if _why(group, channel) is None)

    def left_out(self, channel: Channel) -> dict[str, int]:
        """Why we may not write to the others on this channel: reason -> how many."""
        return _added((why, group.people) for group in self.groups if (why := _why(group, channel)) is not None)

    def forecast(self, channels: Channels, texts: Texts) -> Forecast:
        """What a campaign of these channels with texts in these languages would send to them."""
        shares = [(_share(group, channels, texts), group.people) for group in self.groups]

        def told(of: Callable[[Share], str | None]) -> Iterator[tuple[str, int]]:
            return ((key, people) for one, people in shares if (key := of(one)) is not None)

        return Forecast(
            sms=_added(told(lambda one: one.sms)),
            email=_added(told(lambda one: None if one.waits else one.email)),
            after_sms=_added(told(lambda one: one.email if one.waits else None)),
            left_out=_added(told(lambda one: one.why)),
            people=sum(people for one, people in shares if one.why is None),
        )


def _why(group: Group, channel: Channel) -> str | None:
    return group.sms if channel == Channel.SMS else group.email


def _share(group: Group, channels: Channels, texts: Texts) -> Share:
    def way(channel: Channel) -> Way:
        available, fallback = texts.of(channel)
        language = choose_text(group.language, available, group.accepts_fallback, fallback)
        return Way(_why(group, channel), language)

    return share(channels, way(Channel.SMS), way(Channel.EMAIL))


def _added(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, number in pairs:
        found[key] = found.get(key, 0) + number
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
