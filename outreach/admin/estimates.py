"""What a campaign will cost before it has: who reads what, times the parts of each text.

From the sample person's to those of somebody whose name has letters such as í, which halve the room of a message.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from flask import g

from campaigns import agencies, drafts, reference, reports, segments
from campaigns.authoring import Campaign
from campaigns.previews import Preview
from campaigns.reports import Figures
from campaigns.rules.audience import Forecast, Texts
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.languages import choose_text
from campaigns.rules.small_counts import Audience, Hidden, Shown
from campaigns.segments import Count

Looks = Mapping[str, Preview | str | None]  # text's language -> how a phone shows it, or what is wrong with it


@dataclass(frozen=True)
class Reading:
    """How many people read a language, and the language of the text they would get; None where there is none."""

    language: str
    people: int
    gets: str | None
    shown: Shown = Hidden.UNTOLD  # how many, for readers who may not see small numbers


@dataclass(frozen=True)
class Parts:
    """About how many parts, from `least` to `most`."""

    least: int
    most: int


# Times the parts of a text, how many people read it would follow from the parts in all.
_ROUNDED: Final = 100


@dataclass(frozen=True)
class Budget:
    """The parts a campaign is about to take, and how many it may: its own cap or what is left this month."""

    parts: Parts
    allowed: int
    is_month: bool

    @property
    def is_short(self) -> bool:
        """Whether some people may get nothing."""
        return self.parts.most > self.allowed


def forecast(counted: Count, campaign: Campaign, texts: Iterable[tuple[str, str]]) -> Forecast:
    """What a draft would send to those its segment picks now; `texts` are its (channel, language)s."""
    available: dict[Channel, list[str]] = {}
    for channel, language in texts:
        available.setdefault(Channel(channel), []).append(language)
    return counted.forecast(Channels(campaign.channels), Texts(available, campaign.fallback_language))


def planned(found: Figures) -> Forecast:
    """What a planned campaign sends, from its figures."""
    sms, mail = (found.channels[one].languages if one in found.channels else {} for one in Channel)
    return Forecast(
        sms={code: funnel.planned for code, funnel in sms.items()},
        email={code: left for code, funnel in mail.items() if (left := funnel.planned - funnel.after_sms)},
        after_sms={code: funnel.after_sms for code, funnel in mail.items() if funnel.after_sms},
        left_out=found.left_out,
        people=found.people,
    )


def audience(campaign: Campaign) -> Count | None:
    """Whom a draft's segments pick now; None where none was chosen."""
    rule = drafts.rule_of(g.db, g.agency_id, campaign)
    return None if rule is None else segments.count(g.db, g.agency_id, rule)


def readings(counted: Count, texts: list[str], fallback: str, channel: Channel = Channel.SMS) -> list[Reading]:
    """Which text each language's readers who can be written to on the channel would get, most readers first."""
    macro = {row.code: row.macro for row in reference.languages(g.db) if row.macro}
    return [
        Reading(code, number, choose_text(code, texts, True, fallback, macro))
        for code, number in counted.languages(channel).items()
    ]


def as_shown(read: list[Reading], found: Audience) -> list[Reading]:
    """Readers by SMS with their numbers as far as they may be shown; none where that is not told at all."""
    languages = found.reaches[Channel.SMS].languages
    return [] if languages is None else [replace(one, shown=languages[one.language]) for one in read]


def roughly(parts: Parts | None) -> Parts | None:
    """The parts in full hundreds, for whoever may not see how many people read what."""
    if parts is None:
        return None
    return Parts(-(-parts.least // _ROUNDED) * _ROUNDED, -(-parts.most // _ROUNDED) * _ROUNDED)


def parts_of_draft(read: list[Reading], looks: Looks) -> Parts | None:
    """About how many parts a draft would take; None if a text that is read is not right yet."""
    return _parts([(one.gets, one.people) for one in read if one.gets], looks)


def parts_of_forecast(found: Forecast, looks: Looks) -> Parts | None:
    """About how many parts the SMS of a draft of two channels would take; None if a text is not right yet."""
    return _parts(list(found.sms.items()), looks)


def parts_of_plan(found: Figures, looks: Looks) -> Parts | None:
    """About how many parts the SMS of a planned campaign take; None if there are none, or a text does not parse."""
    if Channel.SMS not in found.channels:
        return None
    return _parts([(code, funnel.planned) for code, funnel in found.channels[Channel.SMS].languages.items()], looks)


def budget(campaign: Campaign, parts: Parts | None, now: datetime) -> Budget | None:
    """The parts a campaign will take beside those it may; None where there is no limit, or no estimate."""
    agency = agencies.get(g.db, g.agency_id)
    limits = []
    if campaign.parts_cap is not None:
        limits.append((campaign.parts_cap, False))
    if agency.parts_per_month is not None:
        left = agency.parts_per_month - reports.parts_this_month(g.db, agency, now)
        limits.append((max(0, left), True))
    if parts is None or not limits:
        return None
    allowed, is_month = min(limits)
    return Budget(parts, allowed, is_month)


def _parts(people: list[tuple[str, int]], looks: Looks) -> Parts | None:
    right = {code: look for code, look in looks.items() if isinstance(look, Preview)}
    if not {language for language, _ in people} <= set(right):
        return None
    return Parts(
        sum(right[language].size.parts * number for language, number in people),
        sum(right[language].dear_parts * number for language, number in people),
    )
