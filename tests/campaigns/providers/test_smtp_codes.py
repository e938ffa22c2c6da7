"""A mail server's replies, as servers write them, and what becomes of the message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.providers import smtp_codes
from campaigns.providers.contract import NotSent, Refused, Unclear
from campaigns.providers.smtp_codes import Stage, outcome
from campaigns.rules.outcomes import CONCERNS_SENDER, Failure

REFUSED = [
    (Stage.CONNECT, 554, "5.7.1 Service unavailable; client host blocked", Failure.SENDER_REFUSED),
    (Stage.CONNECT, 550, "5.7.0 STARTTLS required", Failure.SENDER_REFUSED),
    (Stage.AUTH, 535, "5.7.8 Username and Password not accepted", Failure.CREDENTIALS),
    (Stage.AUTH, 534, "5.7.9 Application-specific password required", Failure.CREDENTIALS),
    (Stage.AUTH, 504, "5.5.4 Unrecognized authentication type", Failure.CREDENTIALS),
    (Stage.MAIL, 530, "5.7.0 Authentication Required", Failure.CREDENTIALS),
    (Stage.MAIL, 553, "5.7.1 Sender address rejected: not owned by user", Failure.SENDER_REFUSED),
    (Stage.MAIL, 552, "5.3.4 Message size exceeds fixed limit", Failure.TEXT_REFUSED),
    (
        Stage.RCPT,
        550,
        "5.1.1 <rosa@empresa.example>: Recipient address rejected: User unknown",
        Failure.ADDRESS_UNKNOWN,
    ),
    (Stage.RCPT, 550, "5.1.10 Recipient not found", Failure.ADDRESS_UNKNOWN),
    (Stage.RCPT, 556, "5.1.10 Domain does not accept mail (nullMX)", Failure.ADDRESS_UNKNOWN),
    (Stage.RCPT, 550, "5.1.2 Bad destination system address", Failure.ADDRESS_UNKNOWN),
    (Stage.RCPT, 501, "5.1.3 Bad recipient address syntax", Failure.ADDRESS_INVALID),
    (Stage.RCPT, 550, "5.2.1 The email account that you tried to reach is disabled", Failure.ADDRESS_UNKNOWN),
    (Stage.RCPT, 552, "5.2.2 The email account that you tried to reach is over quota", Failure.MAILBOX_FULL),
    (Stage.RCPT, 550, "No such user here", Failure.ADDRESS_UNKNOWN),
    (Stage.RCPT, 553, "sorry, that is no mailbox name", Failure.ADDRESS_INVALID),
    (Stage.RCPT, 552, "mailbox full", Failure.MAILBOX_FULL),
    (Stage.RCPT, 550, "Blocked by our blacklist, see our policy", Failure.MAIL_REFUSED),
    (Stage.RCPT, 554, "5.7.1 Message rejected as spam", Failure.MAIL_REFUSED),
    (Stage.RCPT, 550, "5.7.26 Unauthenticated email is not accepted due to DMARC policy", Failure.MAIL_REFUSED),
    (Stage.RCPT, 550, "5.1.0 Address rejected: sender IP on a blocklist", Failure.MAIL_REFUSED),
    (Stage.RCPT, 550, "5.1.8 Sender's domain does not exist", Failure.SENDER_REFUSED),
    (Stage.RCPT, 554, "delivery error", Failure.MAIL_REFUSED),
    # About who sends, whatever the address: Exim says so without a code that names the cause.
    (Stage.RCPT, 550, "relay not permitted", Failure.MAIL_REFUSED),
    (Stage.RCPT, 550, "Administrative prohibition", Failure.MAIL_REFUSED),
    (Stage.RCPT, 550, "Verification failed for <avisos@comas.example> Sender verify failed", Failure.MAIL_REFUSED),
    (Stage.RCPT, 550, "Please turn on SMTP Authentication in your mail client", Failure.MAIL_REFUSED),
    (Stage.RCPT, 550, "Too many recipients in this hour", Failure.MAIL_REFUSED),
    (Stage.DATA, 554, "no valid recipients", Failure.MAIL_REFUSED),
    (Stage.DOT, 550, "High probability of spam", Failure.MAIL_REFUSED),
    (Stage.DOT, 554, "5.7.1 blocked", Failure.MAIL_REFUSED),
    (Stage.DOT, 550, "5.1.1 user unknown", Failure.ADDRESS_UNKNOWN),
    (Stage.DOT, 552, "too big", Failure.TEXT_REFUSED),
    (Stage.DOT, 550, "5.6.0 Message is malformed", Failure.TEXT_REFUSED),
    (Stage.DOT, 552, "5.2.2 over quota", Failure.MAILBOX_FULL),
]

LATER = [
    (Stage.CONNECT, None, "", smtp_codes.SOON),
    (Stage.RCPT, None, "", smtp_codes.CLOSING),
    (Stage.DATA, None, "", smtp_codes.CLOSING),
    (Stage.CONNECT, 421, "4.3.2 Service shutting down", smtp_codes.CLOSING),
    (Stage.DOT, 421, "4.4.2 timeout exceeded", smtp_codes.CLOSING),
    (Stage.AUTH, 454, "4.7.0 Temporary authentication failure", smtp_codes.SOON),
    (Stage.MAIL, 451, "4.3.0 local error in processing", smtp_codes.SOON),
    (Stage.DOT, 452, "4.3.1 Insufficient system storage", smtp_codes.CLOSING),
    (Stage.RCPT, 450, "4.2.0 <rosa@empresa.example>: Greylisted, see later", smtp_codes.BUSY),
    (Stage.RCPT, 451, "4.7.1 Greylisting in action, please come back later", smtp_codes.BUSY),
    (Stage.RCPT, 450, "4.7.1 Greylisted, try again in 120 seconds", 120.0),
    (Stage.RCPT, 451, "greylisted, retry after 5 minutes", 300.0),
    (Stage.RCPT, 450, "greylisted, try again in 9999 minutes", 3600.0),
    (Stage.RCPT, 452, "4.2.2 The email account is over quota", smtp_codes.FULL),
    (Stage.MAIL, 421, "4.7.0 too many connections", smtp_codes.CLOSING),
    (Stage.DOT, 451, "4.7.32 rate limited: From is not aligned", smtp_codes.RATE),
    (Stage.DOT, 451, "local error in processing", smtp_codes.BUSY),
    (Stage.MAIL, 250, "yes, but not what was asked", smtp_codes.SOON),
]


@pytest.mark.parametrize(("stage", "code", "text", "reason"), REFUSED)
def test_a_5yz_is_refused_with_its_reason(stage, code, text, reason):
    answer = outcome(stage, code, text)
    assert isinstance(answer, Refused)
    assert answer.reason is reason


@pytest.mark.parametrize(("stage", "code", "text", "after"), LATER)
def test_what_was_certainly_not_taken_may_go_later(stage, code, text, after):
    answer = outcome(stage, code, text)
    assert isinstance(answer, NotSent)
    assert answer.after == after


@pytest.mark.parametrize("code", [None, 0, 199, 354, 250, 700])
def test_only_silence_after_the_final_dot_is_unclear(code):
    assert isinstance(outcome(Stage.DOT, code), Unclear)


@given(st.sampled_from(Stage), st.none() | st.integers(-10, 1200), st.text(max_size=300))
def test_every_reply_has_an_outcome(stage, code, text):
    answer = outcome(stage, code, text)
    if isinstance(answer, NotSent):
        assert 0 < answer.after <= 3600
    if isinstance(answer, Unclear):
        assert stage is Stage.DOT


@given(st.integers(500, 599), st.text(max_size=80))
def test_a_persons_mailbox_never_stops_the_campaign_of_all(code, text):
    """Unless the server speaks of our own sender address (5.1.7, 5.1.8)."""
    reason = smtp_codes.permanent(Stage.RCPT, code, text)
    assert reason not in CONCERNS_SENDER or (smtp_codes.enhanced(text) or ())[1:] in {(1, 7), (1, 8)}


def test_addresses_in_numbers_are_no_enhanced_codes():
    assert smtp_codes.enhanced("host 5.1.1.7 said no") is None
    assert smtp_codes.enhanced("host mx[10.5.1.1] said: 550 5.7.1 no") == (5, 7, 1)
