"""What a campaign will cost before it has: who reads what, times the parts of each text for the sample person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import g

from campaigns import agencies, reference, reports, segments
from campaigns.authoring import Campaign, Preview
from campaigns.reports import Figures
from campaigns.rules.languages import choose_text
from campaigns.segments import Count

Looks = Mapping[str, Preview | str | None]  # text's language -> how a phone shows it, or what is wrong with it


@dataclass(frozen=True)
class Reading:
    """How many people read a language, and the language of the text they would get; None where there is none."""

    language: str
    people: int
    gets: str | None


@dataclass(frozen=True)
class Budget:
    """The parts a campaign is about to take, and the least of what it may: its own cap or what is left this month."""

    parts: int
    most: int
    is_month: bool

    @property
    def is_short(self) -> bool:
        """Whether some people will get nothing."""
        return self.parts > self.most


def audience(segment_id: int) -> Count:
    """Whom the segment picks now."""
    return segments.count(g.db, g.agency_id, segments.rule_of(segments.get(g.db, g.agency_id, segment_id)))


def readings(counted: Count, texts: list[str], fallback: str) -> list[Reading]:
    """Which text each language's readers would get, most readers first."""
    macro = {row.code: row.macro for row in reference.languages(g.db) if row.macro}
    return [
        Reading(code, number, choose_text(code, texts, True, fallback, macro))
        for code, number in sorted(counted.languages.items(), key=lambda pair: -pair[1])
    ]


def parts_of_draft(read: list[Reading], looks: Looks) -> int | None:
    """About how many parts a draft would take; None if a text that is read is not right yet."""
    each = _each(looks)
    if not {one.gets for one in read if one.gets} <= set(each):
        return None
    return sum(each[one.gets] * one.people for one in read if one.gets)


def parts_of_plan(found: Figures, looks: Looks) -> int | None:
    """About how many parts a planned campaign takes; None if a text does not parse."""
    each = _each(looks)
    if not set(found.languages) <= set(each):
        return None
    return sum(each[code] * funnel.planned for code, funnel in found.languages.items())


def budget(campaign: Campaign, parts: int | None, now: datetime) -> Budget | None:
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
    most, is_month = min(limits)
    return Budget(parts, most, is_month)


def _each(looks: Looks) -> dict[str, int]:
    return {code: look.size.parts for code, look in looks.items() if isinstance(look, Preview)}
