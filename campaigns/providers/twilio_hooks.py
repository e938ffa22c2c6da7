"""What Twilio posts to us: signature, status callbacks and inbound texts (DOMAIN 1.3, 1.5, 1.6, 1.7)."""

import hmac
from collections.abc import Mapping
from typing import Final

from twilio.request_validator import RequestValidator

from campaigns.providers.contract import Received, Reported
from campaigns.providers.twilio_codes import STATUS, failure
from campaigns.rules.lifecycle import State

SIGNATURE_HEADER: Final = "X-Twilio-Signature"
_LONGEST: Final = 64

# What a long code answers by itself when nobody changed it: single words, English only.
_ANSWERED: Final = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "stop"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "start"),
    **dict.fromkeys(("HELP", "INFO"), "help"),
}


def is_genuine(secret: str, url: str, form: Mapping[str, str], signature: str | None) -> bool:
    """Whether the holder of `secret` signed exactly this URL and form. A missing signature is not genuine."""
    if not signature or not signature.isascii():
        return False
    validator = RequestValidator(secret)
    if hmac.compare_digest(validator.compute_signature(url, form), signature):
        return True
    return bool(validator.validate(url, form, signature))  # more than twice the work: also with and without a port


def read_report(form: Mapping[str, str]) -> Reported | None:
    """A status callback in our words; None if it lacks the message's id or its status."""
    ref, status = form.get("MessageSid", ""), form.get("MessageStatus", "")
    if not _plain(ref) or not _plain(status):
        return None
    state = STATUS.get(status)
    return Reported(ref, state, failure(form.get("ErrorCode")) if state is State.FAILED else None)


def read_text(form: Mapping[str, str], *, provider_answers: bool) -> Received | None:
    """An inbound text; None if it lacks its id or addresses. `provider_answers`: the default stop words are theirs."""
    ref, address, to = form.get("MessageSid", ""), form.get("From", ""), form.get("To", "")
    if not _plain(ref) or not _plain(address) or not _plain(to):
        return None
    # PostgreSQL stores no NUL; nothing else of what people write is changed.
    body = form.get("Body", "").replace("\x00", "")
    answered = form.get("OptOutType", "").lower() or None
    if answered is None and provider_answers:
        answered = _ANSWERED.get(body.strip().upper())
    return Received(ref, address, to, body[:1600], answered if answered in {"stop", "start", "help"} else None)


def account_of(form: Mapping[str, str]) -> str:
    """The account the form says it comes from."""
    return form.get("AccountSid", "")


def answer(text: str | None) -> str:
    """The body that makes Twilio answer with `text`, or with nothing."""
    from twilio.twiml.messaging_response import MessagingResponse  # half a second at import, needed for answers only

    response = MessagingResponse()
    if text:
        response.message(text)
    return str(response)


def _plain(value: str) -> bool:
    return 0 < len(value) <= _LONGEST and value.isprintable()
