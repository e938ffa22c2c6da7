"""What staff read about an audience: how many can be written to in which way, and what a campaign would send them."""

from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from campaigns.rules import small_counts
from campaigns.rules.audience import Count, Forecast
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import Reason
from campaigns.rules.small_counts import Audience, Hidden, Outlook, Reach, Shown
from outreach.auth import may
from outreach.i18n import number


@dataclass(frozen=True)
class ReachOf:
    """How many people can be written to on a channel, as a sentence goes on from the number, why others cannot, and
    what those read who can: (language's code, how many), None where that is not shown.
    """

    people: Shown
    sentence: str
    left_out: list[str]
    languages: list[tuple[str, Shown]] | None


def shown(count: Count) -> Audience:
    """The count as far as this reader may see it: numbers under ten need a right."""
    return small_counts.audience(count, shows_small=may("count:small"))


def outlook(count: Count, forecast: Forecast) -> Outlook:
    """What a campaign would send, as far as this reader may see it."""
    return small_counts.outlook(count, forecast, shows_small=may("count:small"))


def figure(number_of: Shown) -> str:
    """A number of people, or the words in its place."""
    match number_of:
        case Hidden.FEW:
            return _("fewer than 10")
        case Hidden.MANY:
            return _("10 or more")
        case Hidden.UNTOLD:
            return _("not shown")
    return number(number_of)


def counted(number_of: Shown) -> int:
    """The number that chooses between one and many words."""
    return number_of if isinstance(number_of, int) else small_counts.SMALL


def reaches(count: Audience, order: Channels | None = None) -> list[ReachOf]:
    """Whom a rule picks, on the channels of a campaign; without one by SMS and, where anybody has an address, by mail.

    Reasons without anybody are left out.
    """
    found = {channel: _reach(channel, reach) for channel, reach in count.reaches.items()}
    no_mail = count.reaches[Channel.EMAIL].left_out.get(Reason.NO_EMAIL, 0)
    has_mail = isinstance(no_mail, Hidden) or no_mail != count.total
    return [found[channel] for channel in (order or (Channels.BOTH if has_mail else Channels.SMS)).each]


def _reach(channel: Channel, reach: Reach) -> ReachOf:
    people = counted(reach.people)
    if channel is Channel.SMS:
        sentence = ngettext("person can be written to now by SMS", "people can be written to now by SMS", people)
    else:
        sentence = ngettext("person can be written to now by e-mail", "people can be written to now by e-mail", people)
    languages = None if reach.languages is None else list(reach.languages.items())
    return ReachOf(
        reach.people, sentence, [_told(why, number_of) for why, number_of in reach.left_out.items()], languages
    )


def _told(why: str, number_of: Shown) -> str:
    shown, people = figure(number_of), counted(number_of)
    match why:
        case Reason.OPTED_OUT:
            return ngettext(
                "%(shown)s asked for no more messages", "%(shown)s asked for no more messages", people, shown=shown
            )
        case Reason.NO_GROUND:
            return ngettext(
                "%(shown)s has no legal ground on record",
                "%(shown)s have no legal ground on record",
                people,
                shown=shown,
            )
        case Reason.NO_MOBILE:
            return ngettext("%(shown)s has no mobile", "%(shown)s have no mobile", people, shown=shown)
        case Reason.NO_EMAIL:
            return ngettext("%(shown)s has no e-mail address", "%(shown)s have no e-mail address", people, shown=shown)
        case _:  # BOUNCED
            return ngettext(
                "%(shown)s has an address from which mails came back",
                "%(shown)s have an address from which mails came back",
                people,
                shown=shown,
            )


def shares(forecast: Forecast, order: Channels) -> list[str]:
    """What a campaign of two channels would send, a sentence for each kind of message."""
    sms, at_once, later = (sum(one.values()) for one in (forecast.sms, forecast.email, forecast.after_sms))
    told = [ngettext("%(shown)s by SMS", "%(shown)s by SMS", sms, shown=number(sms))]
    if order is Channels.BOTH:
        return [*told, ngettext("%(shown)s by e-mail", "%(shown)s by e-mail", at_once, shown=number(at_once))]
    if at_once:
        told.append(
            ngettext(
                "%(shown)s by e-mail at once, having no mobile",
                "%(shown)s by e-mail at once, having no mobile",
                at_once,
                shown=number(at_once),
            )
        )
    if later:
        told.append(
            ngettext(
                "%(shown)s of the first also by e-mail, but only if the SMS cannot be delivered",
                "%(shown)s of the first also by e-mail, but only if the SMS cannot be delivered",
                later,
                shown=number(later),
            )
        )
    return told
