"""Whether a create call is accepted: the checks in the order the carrier makes them, with its codes."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from simulator import parts
from simulator.accounts import Account, Sender
from simulator.carrier import Carrier
from simulator.faults import MAGIC_REFUSALS, Refusal
from simulator.messages import Message

_CLUTTER = str.maketrans("", "", " ().-\u00a0")
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_PERU_MOBILE = re.compile(r"\+519[0-9]{8}")
_PERU_LANDLINE = re.compile(r"\+51[1-8][0-9]{7}")
_CALLBACK = re.compile(
    r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?([/?#][!-~]*)?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?(/[!-~]*)?"
)
_SCHEDULE_SECONDS = (300, 35 * 86_400)


class Refused(Exception):
    """The create call gets this answer."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.refusal = Refusal(status, code, message)


def read_create(carrier: Carrier, account: Account, form: Mapping[str, str]) -> Message:
    """Return the message that a create call describes, not yet recorded. Raises Refused."""
    to, body = form.get("To", ""), form.get("Body", "")
    service, wanted_from = form.get("MessagingServiceSid"), form.get("From")
    if not to.strip():
        raise Refused(21604, "A 'To' phone number is required.")
    if not service and not wanted_from:
        raise Refused(21603, "A 'From' phone number is required.")
    if not body and not form.get("MediaUrl") and not form.get("ContentSid"):
        raise Refused(21602, "Message body is required.")
    if len(body) > 1600:
        raise Refused(21617, "The concatenated message body exceeds the 1600 character limit.")
    number = read_recipient(to)
    sender = _find_sender(carrier, account, wanted_from, service)
    if sender is not None and sender.number == number:
        raise Refused(21266, "'To' and 'From' number cannot be the same.")
    message = Message(
        account, number, sender.number if sender else None, body, parts.count(body), carrier.clock.now(),
        service=service or None, callback=_read_callback(form), validity=_read_validity(form),
        send_at=_read_schedule(form, carrier.clock.now()),
    )  # fmt: skip
    _check_way(carrier, message, sender)
    return message


def read_recipient(to: str) -> str:
    """Return a number as +digits. Raises Refused for what no SMS can reach."""
    number = to.translate(_CLUTTER)
    if len(number) == 11 and number.startswith("519"):
        number = "+" + number
    if not _E164.fullmatch(number):
        raise Refused(21211, f"Invalid 'To' Phone Number: {to[:6]}XXXX")
    if number.startswith("+51") and not _PERU_MOBILE.fullmatch(number):
        if _PERU_LANDLINE.fullmatch(number):
            raise Refused(21614, "'To' number is not a valid mobile number")
        raise Refused(21211, f"Invalid 'To' Phone Number: {number[:6]}XXXX")
    if number in MAGIC_REFUSALS:
        refusal = MAGIC_REFUSALS[number]
        raise Refused(refusal.code, refusal.message, refusal.status)
    return number


def _find_sender(carrier: Carrier, account: Account, wanted: str | None, service: str | None) -> Sender | None:
    if service and service not in account.services:
        raise Refused(21701, "The Messaging Service does not exist.")
    if service and not account.services[service]:
        raise Refused(21703, "The Messaging Service does not have a phone number available to send a message.")
    if not wanted:
        return None
    number = wanted if wanted in account.senders else wanted.translate(_CLUTTER)
    if "+" + number in account.senders:
        number = "+" + number
    if number in account.senders:
        return account.senders[number]
    if carrier.accounts.sender(number) is not None:
        raise Refused(21660, f"Mismatch between the 'From' number {number} and the account {account.sid}")
    if _E164.fullmatch(number) or number.isdigit():
        raise Refused(21659, f"'From' {number} is not a Twilio phone number or Short Code country mismatch")
    if re.fullmatch(r"[A-Za-z0-9 ]{1,11}", wanted):
        raise Refused(21657, "Sender ID is not valid for this destination")
    raise Refused(21212, f"Invalid From Number (caller ID): {wanted[:20]}")


def _read_callback(form: Mapping[str, str]) -> str | None:
    callback = form.get("StatusCallback")
    if not callback:
        return None
    if len(callback) > 4000 or not _CALLBACK.fullmatch(callback):
        raise Refused(21609, f"The 'StatusCallback' URL {callback[:100]} is not a valid URL.")
    return callback


def _read_validity(form: Mapping[str, str]) -> int:
    given = form.get("ValidityPeriod", "36000")
    if not given.isdecimal() or not given.isascii() or not 1 <= int(given) <= 36_000:
        raise Refused(21623, "ValidityPeriod must be between 1 and 36000 seconds.")
    return int(given)


def _read_schedule(form: Mapping[str, str], now: float) -> float | None:
    if "ScheduleType" not in form and "SendAt" not in form:
        return None
    if form.get("ScheduleType") != "fixed":
        raise Refused(35110, "ScheduleType must be fixed.")
    if not form.get("MessagingServiceSid"):
        raise Refused(35118, "MessagingServiceSid is required to schedule a message.")
    if not form.get("SendAt"):
        raise Refused(35111, "SendAt is required to schedule a message.")
    try:
        send_at = datetime.fromisoformat(form["SendAt"])
    except ValueError:
        raise Refused(35114, "SendAt is not an ISO 8601 time.") from None
    ahead = (send_at if send_at.tzinfo else send_at.replace(tzinfo=UTC)).timestamp() - now
    if not _SCHEDULE_SECONDS[0] <= ahead <= _SCHEDULE_SECONDS[1]:
        raise Refused(35114, "SendAt must be between 300 seconds and 35 days in the future.")
    return now + ahead


def _check_way(carrier: Carrier, message: Message, sender: Sender | None) -> None:
    """A plain From is refused at once; with a messaging service the message fails later instead."""
    if sender is None or message.service is not None:
        return
    if carrier.optouts.blocked(sender.number, message.to):
        raise Refused(21610, "Attempt to send to unsubscribed recipient")
    if not carrier.has_room(sender, message.parts):
        raise Refused(21611, f"This 'From' number has exceeded the maximum number of queued messages: {sender.number}")
