"""What staff read about an audience: how many can be written to in which way, and what a campaign would send them."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import ngettext

from campaigns.rules.audience import Count, Forecast
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import Reason
from outreach.i18n import number


@dataclass(frozen=True)
class ReachOf:
    """How many people can be written to on a channel, as a sentence goes on from the number, and why others cannot."""

    people: int
    sentence: str
    left_out: list[str]


def reaches(count: Count, order: Channels | None = None) -> list[ReachOf]:
    """Whom a rule picks, on the channels of a campaign; without one by SMS and, where anybody has an address, by mail.

    Reasons without anybody are left out.
    """
    sms, mail = count.left_out(Channel.SMS), count.left_out(Channel.EMAIL)
    by_sms = ngettext("person can be written to now by SMS", "people can be written to now by SMS", count.reachable_sms)
    by_mail = ngettext(
        "person can be written to now by e-mail", "people can be written to now by e-mail", count.reachable_email
    )
    found = {
        Channel.SMS: ReachOf(count.reachable_sms, by_sms, _left_out(sms)),
        Channel.EMAIL: ReachOf(count.reachable_email, by_mail, _left_out(mail)),
    }
    has_mail = mail.get(Reason.NO_EMAIL, 0) < count.total
    return [found[channel] for channel in (order or (Channels.BOTH if has_mail else Channels.SMS)).each]


def _left_out(found: Mapping[str, int]) -> list[str]:
    return [_told(why, people) for why, people in found.items()]


def _told(why: str, people: int) -> str:
    shown = number(people)
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
