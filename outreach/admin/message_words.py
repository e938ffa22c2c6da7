"""What staff read about messages: where each stands, why some did not go or did not arrive, and what to do about it.

A mail server says less than a carrier: it takes a mail, and is heard of again only where the mail comes back. So some
words depend on the channel.
"""

from collections.abc import Sequence
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from campaigns.reports import PLANNED, Funnel, Missed
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import Failure
from outreach.i18n import number

CHANNELS: Final = {Channel.SMS: _l("SMS"), Channel.EMAIL: _l("E-mail")}
WAYS: Final = {
    Channels.SMS: _l("SMS"),
    Channels.EMAIL: _l("E-mail"),
    Channels.BOTH: _l("SMS and e-mail"),
    Channels.SMS_THEN_EMAIL: _l("SMS, or else e-mail"),
}

# Why nothing was sent to people of the segment, or not on one of the channels.
REASONS: Final = {
    Reason.OPTED_OUT: _l("Asked for no more messages"),
    Reason.NO_TEXT: _l("There is no text in a language they accept"),
    Reason.CHANGED: _l("Their number changed, or they were deleted, in the meantime"),
    Reason.EXPIRED: _l("The time until which it could be sent was over"),
    Reason.STOPPED: _l("The campaign was stopped before their turn"),
    Reason.NO_GROUND: _l("No legal ground on record"),
    Reason.NO_MOBILE: _l("No mobile"),
    Reason.NO_EMAIL: _l("No e-mail address"),
    Reason.BOUNCED: _l("Earlier mails to their address came back; it needs to be corrected under People"),
    Reason.SHARED: _l("Somebody else has the same number or address, and it is written to once"),
    Reason.AFTER_SMS: _l("Waits: it goes only if the SMS cannot be delivered"),
    Reason.NOT_NEEDED: _l("Not needed, because the SMS went through"),
    Reason.LATELY: _l("They were written to often enough lately"),
    Reason.BUDGET: _l("The SMS that the campaign, or your agency this month, may send were used up"),
}
_REASONS_OF_MAILS: Final = {
    Reason.CHANGED: _l("Their address changed, or they were deleted, in the meantime"),
    Reason.BUDGET: _l("Their SMS did not go, because those that may be sent were used up"),
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
    PLANNED: _l("Planned"),
    "again": _l("Second attempts"),
    "opted_out": _l("Asked to stop"),
}
_DELIVERIES_OF_MAILS: Final = {
    State.SENDING: _l("Being handed to the mail server"),
    State.UNKNOWN: _l("The mail server did not answer; it is not sent again"),
    State.SENT: _l("The mail server took it"),
    State.UNCONFIRMED: _l("Taken by the mail server; it did not come back"),
    State.SKIPPED: _l("Not sent by e-mail"),
}

# Where one message of a person stands, and the tone it is shown in (macro `state`).
MESSAGES: Final = {
    State.QUEUED: (_l("Waits to be sent"), "waiting"),
    State.SENDING: (_l("Being handed over"), "waiting"),
    State.UNKNOWN: (_l("Not known yet whether it was taken"), "waiting"),
    State.SENT: (_l("Handed to the provider"), ""),
    State.DELIVERED: (_l("Was delivered"), "done"),
    State.FAILED: (_l("Could not be delivered"), "danger"),
    State.UNCONFIRMED: (_l("Handed over, never confirmed"), "off"),
    State.SKIPPED: (_l("Not sent"), "off"),
}
_MAILS: Final = {
    State.UNKNOWN: (_l("The mail server did not answer; it is not sent again"), "waiting"),
    State.SENT: (_l("The mail server took it"), ""),
    State.UNCONFIRMED: (_l("Taken by the mail server; it did not come back"), "off"),
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
_FAILURES_OF_MAILS: Final = {
    Failure.UNREACHABLE: (_l("Their mail server could not be reached"), _l("A later campaign may reach it.")),
    Failure.TOO_LATE: (_l("Their mail server took no mail for too long"), _l("A later campaign may reach it.")),
    Failure.TEXT_REFUSED: (_l("The mail server refused the text"), _l("Shorten the text; avoid words of urgency.")),
    Failure.SENDER_REFUSED: (_l("The mail server refused the sender"), _l("Check the sender under Settings.")),
    Failure.CREDENTIALS: (_l("The mail server refused the sign-in"), _l("Test the sender under Settings.")),
    Failure.OTHER: (_l("It came back for a reason we do not know"), _l("If many do, ask whoever runs your mail.")),
}  # fmt: skip


def way(channels: str) -> str:
    """The channels of a campaign in a word or two."""
    return str(WAYS[Channels(channels)])


def delivery(state: str, channel: str) -> str:
    """Where a message stands; `state` may be one of the figures that are counted beside the states."""
    told = {**DELIVERIES, **(_DELIVERIES_OF_MAILS if channel == Channel.EMAIL else {})}
    return str(told.get(state, state))


def message(state: str, channel: str) -> tuple[str, str]:
    """Where one message of a person stands, and the tone of it."""
    told, tone = {**MESSAGES, **(_MAILS if channel == Channel.EMAIL else {})}[State(state)]
    return str(told), tone


def reason(code: str, channel: str = Channel.SMS) -> str:
    """Why somebody was not written to on a channel, or not at all."""
    told = {**REASONS, **(_REASONS_OF_MAILS if channel == Channel.EMAIL else {})}
    return str(told[Reason(code)]) if code in list(Reason) else code


def failure(code: str, channel: str = Channel.SMS) -> tuple[str, str]:
    """Why a message failed, and what to do about it."""
    told = {**FAILURES, **(_FAILURES_OF_MAILS if channel == Channel.EMAIL else {})}
    what, advice = told[Failure(code) if code in list(Failure) else Failure.OTHER]
    return str(what), str(advice)


def because(state: str, code: str | None, channel: str) -> str:
    """Why a message stands where it does; empty where there is nothing to say."""
    if not code:
        return ""
    if state == State.SKIPPED or code == Reason.AFTER_SMS:
        return reason(code, channel)
    return failure(code, channel)[0]


def so_far(channel: str, funnel: Funnel, is_only: bool) -> str:
    """How a channel of a campaign under way goes, in a line; the only one is not named where it is SMS."""
    values = {
        "sent": number(funnel.handed),
        "delivered": number(funnel.delivered),
        "failed": number(funnel.failed),
        "skipped": number(funnel.skipped),
    }
    if channel == Channel.EMAIL:
        return _("E-mail: %(sent)s sent, %(failed)s of them failed, %(skipped)s not sent", **values)
    if is_only:
        return _("%(delivered)s delivered, %(failed)s failed, %(skipped)s not sent", **values)
    return _("SMS: %(delivered)s delivered, %(failed)s failed, %(skipped)s not sent", **values)


def missed(found: Sequence[Missed]) -> str:
    """That an ended campaign did not reach everybody, and why; empty where it did."""
    return " ".join(_missed(one) for one in found)


def _missed(one: Missed) -> str:
    values = {"num": one.number, "shown": number(one.number)}
    if not one.is_only:
        return _unsent(one, values)
    if one.reason == Reason.BUDGET:
        return ngettext(
            "%(shown)s person got nothing: no SMS were left in the budget.",
            "%(shown)s people got nothing: no SMS were left in the budget.",
            **values,
        )
    return ngettext(
        "%(shown)s person got nothing: the time for sending was over.",
        "%(shown)s people got nothing: the time for sending was over.",
        **values,
    )


def _unsent(one: Missed, values: dict[str, object]) -> str:
    match one.channel, one.reason:
        case Channel.EMAIL, Reason.BUDGET:
            return ngettext(
                "%(shown)s e-mail was not sent, because no SMS were left in the budget.",
                "%(shown)s e-mails were not sent, because no SMS were left in the budget.",
                **values,
            )
        case Channel.EMAIL, _:
            return ngettext(
                "%(shown)s e-mail was not sent: the time for sending was over.",
                "%(shown)s e-mails were not sent: the time for sending was over.",
                **values,
            )
        case _, Reason.BUDGET:
            return ngettext(
                "%(shown)s SMS was not sent: none were left in the budget.",
                "%(shown)s SMS were not sent: none were left in the budget.",
                **values,
            )
    return ngettext(
        "%(shown)s SMS was not sent: the time for sending was over.",
        "%(shown)s SMS were not sent: the time for sending was over.",
        **values,
    )
