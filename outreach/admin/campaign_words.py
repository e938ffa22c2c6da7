"""What staff read about a campaign: states, times, reasons and failures as plain words, with advice."""

from collections.abc import Mapping, Sequence
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
from campaigns.reports import Holding
from campaigns.rules import hours as hour_rules
from campaigns.rules.lifecycle import CampaignState, Reason, State
from campaigns.rules.outcomes import Failure
from campaigns.scheduling import EXPIRED, LATE
from campaigns.starting import CHANGED
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

# Why nothing was sent to people of the segment.
REASONS: Final = {
    Reason.OPTED_OUT: _l("Asked for no more messages"),
    Reason.NO_TEXT: _l("There is no text in a language they accept"),
    Reason.CHANGED: _l("Their number changed, or they were deleted, in the meantime"),
    Reason.EXPIRED: _l("The time until which it could be sent was over"),
    Reason.STOPPED: _l("The campaign was stopped before their turn"),
    Reason.NO_GROUND: _l("No legal ground on record"),
    Reason.NO_MOBILE: _l("No mobile"),
    Reason.BUDGET: _l("The SMS that the campaign, or your agency this month, may send were used up"),
}

# Where a delivery stands, as the figures of a campaign count them.
DELIVERIES: Final = {
    State.QUEUED: _l("Waiting"),
    State.SENDING: _l("Being handed to the provider"),
    State.UNKNOWN: _l("The provider may or may not have it"),
    State.SENT: _l("Sent, not yet confirmed"),
    State.DELIVERED: _l("Delivered"),
    State.FAILED: _l("Failed"),
    State.UNCONFIRMED: _l("Sent, never confirmed"),
    State.SKIPPED: _l("Not written to"),
    "planned": _l("Planned"),
    "again": _l("Second attempts"),
    "opted_out": _l("Asked to stop"),
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

# Why messages failed: what happened, and what to do about it.
FAILURES: Final = {
    Failure.NUMBER_INVALID: (_l("The number cannot exist"), _l("Correct it under People.")),
    Failure.NUMBER_UNKNOWN: (_l("The number is not in use"), _l("Ask the person for their present number.")),
    Failure.LANDLINE: (_l("The number is a landline"), _l("Ask for a mobile.")),
    Failure.REFUSED_BY_PERSON: (_l("The person refused at the provider"), _l("They will not be written to again.")),
    Failure.ADDRESS_UNKNOWN: (_l("The mailbox does not exist"), _l("Ask the person for their present address.")),
    Failure.ADDRESS_INVALID: (_l("The e-mail address cannot exist"), _l("Correct it under People.")),
    Failure.MAILBOX_FULL: (_l("The mailbox was full"), _l("A later campaign may reach it.")),
    Failure.MAIL_REFUSED: (
        _l("The person's mail server refused mail from you"),
        _l("The address may be right. Ask whoever runs your mail to check your domain's standing."),
    ),
    Failure.UNREACHABLE: (_l("The phone was off or had no signal"), _l("A later campaign may reach it.")),
    Failure.BLOCKED: (_l("The carrier blocked the message"), _l("Ask the provider why.")),
    Failure.FILTERED: (_l("The carrier took it for spam"), _l("Avoid links and words of urgency; ask the provider.")),
    Failure.TOO_LATE: (_l("It could not be delivered in time"), _l("Send earlier in the day.")),
    Failure.CARRIER: (_l("The carrier gave no reason"), _l("If many fail like this, ask the provider.")),
    Failure.QUEUE_FULL: (_l("The provider's queue was full"), _l("Lower the sender's pace.")),
    Failure.REGION_CLOSED: (_l("The provider may not send to this country"), _l("Allow the country at the provider.")),
    Failure.NO_ROUTE: (_l("This sender cannot reach this number"), _l("Ask the provider for another kind of sender.")),
    Failure.TRIAL_ACCOUNT: (_l("The account is a trial"), _l("Upgrade the account at the provider.")),
    Failure.TEXT_REFUSED: (_l("The provider refused the text"), _l("Shorten the text or ask the provider.")),
    Failure.SENDER_REFUSED: (_l("The provider refused the sender"), _l("Check the sender under Settings.")),
    Failure.CREDENTIALS: (_l("The provider refused the sign-in"), _l("Check account and token under Settings.")),
    Failure.NO_PRIVACY: (_l("The line to the mail server is not encrypted"), _l("Test the sender under Settings.")),
    Failure.ACCOUNT: (_l("The provider's account is closed or over its limit"), _l("Ask the provider.")),
    Failure.NEVER_TAKEN: (_l("The provider never received it"), _l("A copy of the campaign can reach these people.")),
    Failure.UNREADABLE: (_l("What is kept about the person cannot be read"), _l("Tell whoever runs the system.")),
    Failure.OTHER: (_l("The provider gave a reason we do not know"), _l("If many fail like this, ask the provider.")),
}  # fmt: skip


def reason(code: str) -> str:
    """Why somebody was not written to."""
    return str(REASONS[Reason(code)]) if code in list(Reason) else code


def missed(found: Mapping[str, int]) -> str:
    """That an ended campaign did not reach everybody, and why; empty where it did."""
    told = []
    if people := found.get(Reason.BUDGET):
        told.append(
            ngettext(
                "%(shown)s person got nothing: no SMS were left in the budget.",
                "%(shown)s people got nothing: no SMS were left in the budget.",
                people,
                shown=number(people),
            )
        )
    if people := found.get(Reason.EXPIRED):
        told.append(
            ngettext(
                "%(shown)s person got nothing: the time for sending was over.",
                "%(shown)s people got nothing: the time for sending was over.",
                people,
                shown=number(people),
            )
        )
    return " ".join(told)


def failure(code: str) -> tuple[str, str]:
    """Why a message failed, and what to do about it."""
    what, advice = FAILURES[Failure(code) if code in list(Failure) else Failure.OTHER]
    return str(what), str(advice)


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
    what, advice = failure(text)
    return _("%(what)s, so it paused itself. %(advice)s Then let it go on.", what=what, advice=advice)


def full(moment: datetime) -> str:
    """A moment that people plan for: with its weekday, in the agency's time."""
    local = moment.astimezone(zone())
    day = format_date(local.date(), "full")
    return _("%(day)s, %(time)s (%(city)s time)", day=day, time=f"{local:%H:%M}", city=place_of(zone()))


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
