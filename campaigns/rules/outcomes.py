"""Why a message failed, in the product's own words; each has a sentence and advice in the ways in."""

from enum import StrEnum


class Failure(StrEnum):
    """A reason of failure that a person can read. Vendors' codes are mapped to these in providers/."""

    NUMBER_INVALID = "number_invalid"
    NUMBER_UNKNOWN = "number_unknown"  # inactive or never given out
    LANDLINE = "landline"
    REFUSED_BY_PERSON = "refused_by_person"  # the provider holds an opt-out of theirs
    ADDRESS_UNKNOWN = "address_unknown"  # no such mailbox or domain, or closed for good
    ADDRESS_INVALID = "address_invalid"  # no mailbox can be written like this
    MAILBOX_FULL = "mailbox_full"
    MAIL_REFUSED = "mail_refused"  # for our reputation or the content: not the address's fault
    UNREACHABLE = "unreachable"  # off, roaming, no signal
    BLOCKED = "blocked"
    FILTERED = "filtered"  # taken for spam
    TOO_LATE = "too_late"  # the validity period ended first
    CARRIER = "carrier"  # the carrier gave no reason
    QUEUE_FULL = "queue_full"
    REGION_CLOSED = "region_closed"
    NO_ROUTE = "no_route"  # this sender cannot reach this number
    TRIAL_ACCOUNT = "trial_account"
    TEXT_REFUSED = "text_refused"
    SENDER_REFUSED = "sender_refused"
    CREDENTIALS = "credentials"
    ACCOUNT = "account"  # suspended or over its limit
    NO_PRIVACY = "no_privacy"  # the line to the mail server cannot be encrypted, or not to whom it should be
    NEVER_TAKEN = "never_taken"  # the provider was asked more than once, and never had it
    UNREADABLE = "unreadable"  # what we keep about the person does not open
    OTHER = "other"


# These say nothing about the person: everyone after them would fail too, so the campaign pauses.
CONCERNS_SENDER = frozenset(
    {Failure.SENDER_REFUSED, Failure.CREDENTIALS, Failure.ACCOUNT, Failure.TRIAL_ACCOUNT, Failure.NO_PRIVACY}
)
# Nobody will ever be reached there: no more mails to this address.
NO_MAILBOX = frozenset({Failure.ADDRESS_UNKNOWN, Failure.ADDRESS_INVALID})
