"""What staff read about a campaign: states, times and why it stands still as plain words, with advice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from babel.dates import get_day_names
from flask_babel import format_date, get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.agencies import Agency
from campaigns.authoring import Campaign
from campaigns.errors import Problem
from campaigns.planning import NOBODY_LEFT
from campaigns.reports import Figures, Holding
from campaigns.rules import hours as hour_rules
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.outcomes import Failure
from campaigns.scheduling import EXPIRED, LATE
from campaigns.starting import CHANGED
from outreach.admin import message_words
from outreach.admin.estimates import Parts
from outreach.i18n import number, place_of, when, zone
from outreach.sentences import sentence

S = CampaignState

# State -> its word and the tone it is shown in (macro `state`).
STATES: Final = {
    S.DRAFT: (_l("Draft"), "off"),
    S.PLANNING: (_l("Being planned"), "waiting"),
    S.SUBMITTED: (_l("Waiting for approval"), "waiting"),
    S.APPROVED: (_l("Approved"), "waiting"),
    S.SCHEDULED: (_l("Scheduled"), "waiting"),
    S.RUNNING: (_l("Being sent"), ""),
    S.PAUSED: (_l("Paused"), "waiting"),
    S.STOPPING: (_l("Being stopped"), "danger"),
    S.FINISHED: (_l("Finished"), "done"),
    S.STOPPED: (_l("Stopped"), "danger"),
    S.CANCELLED: (_l("Cancelled"), "off"),
}

# What the list can be narrowed to, in its order.
SHOWN: Final = {
    "open": (_l("In work"), (S.DRAFT, S.PLANNING)),
    "approval": (_l("To approve"), (S.SUBMITTED,)),
    "approved": (_l("To be sent"), (S.APPROVED, S.SCHEDULED)),
    "sending": (_l("Being sent"), (S.RUNNING, S.PAUSED, S.STOPPING)),
    "ended": (_l("Ended"), (S.FINISHED, S.STOPPED, S.CANCELLED)),
}

# Why a campaign is paused, where that says nothing about single messages; any other reason a person wrote.
PAUSES: Final = {
    "changed_since_approval": _l(
        "It is no longer what was approved: a text, the sender, the hours or the agency's name changed. "
        "It cannot go on. Stop it, copy it and have the copy approved."
    ),
    "brake_failed": _l(
        "It paused itself, because too many of its last 500 messages failed. Look at why, and set that right first. "
        "If it goes on, the counting begins anew."
    ),
    "brake_filtered": _l(
        "It paused itself, because too many of its last 500 messages were taken for spam. Ask the provider why, and "
        "look for links and words of urgency in the texts. If it goes on, the counting begins anew."
    ),
}


def returned(text: str) -> str:
    """Why a campaign is a draft again: what a person wrote, or one of our own codes as a sentence."""
    if text == NOBODY_LEFT:
        return _("Nobody is left to write to: everyone falls out for the reasons below.")
    if text == CHANGED:
        return _("Something changed after it was submitted, so it needs to be submitted and approved again.")
    return text


def lacks(found: Sequence[Problem]) -> list[str]:
    """What keeps a campaign from being submitted."""
    return [sentence(problem) for problem in found]


def paused(text: str) -> str:
    """Why a campaign is paused: what a person wrote, or what a worker found."""
    if text in PAUSES:
        return str(PAUSES[text])
    if text not in list(Failure):
        return text
    what, advice = message_words.failure(text)
    return _("%(what)s, so it paused itself. %(advice)s Then let it go on.", what=what, advice=advice)


def full(moment: datetime) -> str:
    """A moment that people plan for: with its weekday, in the agency's time."""
    local = moment.astimezone(zone())
    day = format_date(local.date(), "full")
    return _("%(day)s, %(time)s (%(city)s time)", day=day, time=f"{local:%H:%M}", city=place_of(zone()))


def stopping(found: Figures) -> str:
    """What will not go out any more if the campaign is stopped now."""
    if len(found.channels) == 1:
        return ngettext(
            "%(num)s person who has not been written to will get nothing. A stopped campaign cannot go on.",
            "%(num)s people who have not been written to will get nothing. A stopped campaign cannot go on.",
            found.all.waiting,
        )
    return ngettext(
        "%(num)s message that has not been sent will not go out. A stopped campaign cannot go on.",
        "%(num)s messages that have not been sent will not go out. A stopped campaign cannot go on.",
        found.all.waiting + found.all.after_sms,
    )


def heard_by(until: datetime, found: Figures) -> str:
    """That everything was sent, and until when what becomes of it may be heard."""
    day = format_date(until.astimezone(zone()).date(), "full")
    sms, mails = ((one.all.awaited or one.all.unknown) if one else 0 for one in map(found.channels.get, Channel))
    if sms and mails:
        return _("All sent; waiting for the carrier's confirmations and for returned mails until %(day)s.", day=day)
    if mails:
        return _("All sent; waiting for returned mails until %(day)s.", day=day)
    return _("All sent; waiting for the carrier's confirmations until %(day)s.", day=day)


def about(parts: Parts) -> str:
    """How many SMS something takes, as nearly as can be said before."""
    if parts.least == parts.most:
        return number(parts.least)
    return _("%(least)s to %(most)s", least=number(parts.least), most=number(parts.most))


def unstarted(campaign: Campaign) -> str:
    """Why an approved campaign has not started: its time is still to come, or passed while nothing ran."""
    if campaign.starts_at is None:
        return ""
    starts = full(campaign.starts_at)
    if campaign.state == S.SCHEDULED:
        return _("Scheduled for %(moment)s. It starts by itself; nobody has to be here.", moment=starts)
    if campaign.state == S.APPROVED and campaign.pause_reason == EXPIRED:
        return _(
            "It was to start on %(moment)s, but the system was not running then, and by now the last moment at which "
            "it may be sent is over. Take it back and set other times.",
            moment=starts,
        )
    if campaign.state == S.APPROVED and campaign.pause_reason == LATE:
        return _(
            "It was to start on %(moment)s, but the system was not running then. It was not sent by itself, because it "
            "may no longer be right. Start it now, or take it back.",
            moment=starts,
        )
    return ""


def holding_at_start(found: Holding) -> str:
    """Why a campaign will send nothing at the time it is scheduled for."""
    if found.code == "outside_hours":
        moment = _moment(found.until)
        return _("At that time nothing is sent: it is outside the sending hours. It begins %(moment)s.", moment=moment)
    return holding(found)


def holding(found: Holding) -> str:
    """Why a running campaign sends nothing at the moment."""
    known = {
        "halted": _("All sending of your agency is stopped."),
        "expired": _("The time until which it may be sent is over."),
        "outside_hours": _("It is outside the sending hours. It goes on %(moment)s.", moment=_moment(found.until)),
        "never_open": _("The sending hours never begin. An administrator sets them under Settings."),
    }
    return known[found.code]


def hours(agency: Agency) -> str:
    """When the agency sends, in one line; days with the same hours are told together."""
    stored = hour_rules.parse(agency.hours)
    names = get_day_names("abbreviated", locale=get_locale())
    groups: list[tuple[tuple[int, int], list[str]]] = []
    for place, day in enumerate(hour_rules.DAYS):
        span = stored.days.get(day)
        if span is None:
            continue
        if groups and groups[-1][0] == span:
            groups[-1][1].append(names[place])
        else:
            groups.append((span, [names[place]]))
    told = [
        _("%(days)s %(opens)s to %(closes)s", days=_days(days), opens=_clock(opens), closes=_clock(closes))
        for (opens, closes), days in groups
    ]
    if stored.closed_on_holidays_of:
        told.append(_("not on holidays"))
    return "; ".join(told) or _("never")


def _days(names: list[str]) -> str:
    return _("every day") if len(names) == len(hour_rules.DAYS) else ", ".join(names)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _moment(moment: datetime | None) -> str:
    return when(moment)
