"""What comes back by mail: bounces (RFC 3464), complaints (RFC 5965), automatic answers (RFC 3834) and replies."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, getaddresses, make_msgid

from simulator.mail.faults import text_of
from simulator.mail.mailboxes import Mail

HOST = "mx.simulated.example"
_ACTIONS = {
    "failed": ("Undelivered Mail Returned to Sender", "could not be delivered"),
    "delayed": ("Delayed Mail (still being retried)", "could not be delivered yet; it will be tried again"),
    "delivered": ("Successful Mail Delivery Report", "was successfully delivered"),
}
_LINE_END = re.compile(r"\r?\n")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail to the product; an empty sender is the null return path."""

    sender: str
    to: str
    raw: bytes


def bounce(mail: Mail, recipient: str, action: str, status: str, now: float) -> Outgoing:
    """Return a delivery status notification to the envelope sender; `action` is failed, delayed or delivered."""
    subject, sentence = _ACTIONS[action]
    reply = "250" if action == "delivered" else f"{status[0]}50"
    diagnostic = f"{reply} {status} {'Ok' if action == 'delivered' else text_of(status)}"
    report = [
        f"Reporting-MTA: dns; {HOST}",
        f"Arrival-Date: {_date(mail.received_at)}",
        "",
        f"Final-Recipient: rfc822; {recipient}",
        f"Original-Recipient: rfc822; {recipient}",
        f"Action: {action}",
        f"Status: {status}",
        f"Remote-MTA: dns; {HOST}",
        f"Diagnostic-Code: smtp; {diagnostic}",
        *([f"Will-Retry-Until: {_date(now + 86_400)}"] if action == "delayed" else []),
    ]
    text = [
        f"This is the mail system at host {HOST}.",
        "",
        f"Your message {sentence}.",
        "",
        f"<{recipient}>: host {HOST} said: {diagnostic}",
    ]
    headers = [
        f"From: MAILER-DAEMON@{HOST} (Mail Delivery System)",
        f"Subject: {subject}",
        f"To: {mail.sender}",
        "Auto-Submitted: auto-replied",
    ]
    raw = _report("delivery-status", headers, [text, report], mail.raw, now)
    return Outgoing("", mail.sender, raw)


def complaint(mail: Mail, recipient: str, to: str, now: float) -> Outgoing:
    """Return an abuse report in the Abuse Reporting Format."""
    report = [
        "Feedback-Type: abuse",
        "User-Agent: Simulator/1.0",
        "Version: 1",
        f"Original-Mail-From: <{mail.sender}>",
        f"Original-Rcpt-To: <{recipient}>",
        f"Arrival-Date: {_date(mail.received_at)}",
        f"Reporting-MTA: dns; {HOST}",
        "Source-IP: 127.0.0.1",
    ]
    text = ["This is an email abuse report for an email message received from IP 127.0.0.1", f"on {_date(now)}."]
    headers = [f"From: <feedback@{HOST}>", f"Subject: FW: {mail.header('Subject')}", f"To: <{to}>"]
    raw = _report("feedback-report", headers, [text, report], mail.raw, now)
    return Outgoing(f"feedback@{HOST}", to, raw)


def vacation(mail: Mail, recipient: str, now: float) -> Outgoing:
    """Return an out-of-office answer to the return path."""
    answer = _answer(mail, recipient, mail.sender, now)
    _set_subject(answer, "Fuera de la oficina: ", mail)
    answer["Auto-Submitted"] = "auto-replied"
    answer["X-Auto-Response-Suppress"] = "All"
    answer.set_content("Estoy fuera de la oficina hasta el lunes. Responderé a mi regreso.\n", cte="quoted-printable")
    return Outgoing("", mail.sender, answer.as_bytes())


def reply(mail: Mail, recipient: str, body: str, now: float) -> Outgoing | None:
    """Return a person's answer to Reply-To, else From; None when the mail names neither."""
    to = reply_address(mail)
    if not to:
        return None
    answer = _answer(mail, recipient, to, now)
    _set_subject(answer, "Re: ", mail)
    answer.set_content(_LINE_END.sub("\n", body).rstrip("\n") + "\n", cte="quoted-printable")
    return Outgoing(recipient, to, answer.as_bytes())


def unsubscribing(mail: Mail, recipient: str, to: str, subject: str, now: float) -> Outgoing:
    """Return the mail that a mail program sends to a mailto address of List-Unsubscribe."""
    message = _answer(mail, recipient, to, now)
    message["Subject"] = _one_line(subject) or "unsubscribe"
    message.set_content("unsubscribe\n")
    return Outgoing(recipient, to, message.as_bytes())


def reply_address(mail: Mail) -> str:
    """Return where an answer goes; empty when the mail does not say."""
    for name in ("Reply-To", "From"):
        for _, address in getaddresses([mail.header(name)]):
            if "@" in address:
                return address
    return ""


def decoded(value: str) -> str:
    """Return a header's value as a reader sees it: encoded words are read."""
    try:
        return str(make_header(decode_header(value))) if "=?" in value else value
    except (LookupError, ValueError):
        return value


def _answer(mail: Mail, recipient: str, to: str, now: float) -> EmailMessage:
    answer = EmailMessage(policy=SMTP if (recipient + to).isascii() else SMTPUTF8)
    answer["From"] = recipient
    answer["To"] = to
    answer["Date"] = _date(now)
    answer["Message-ID"] = make_msgid(domain=HOST)
    if mail.message_id:
        answer["In-Reply-To"] = _one_line(mail.message_id)
        answer["References"] = _one_line(mail.message_id)
    return answer


def _set_subject(answer: EmailMessage, prefix: str, mail: Mail) -> None:
    answer["Subject"] = prefix + _one_line(decoded(mail.header("Subject")))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:900]


def _date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _report(kind: str, headers: list[str], parts: list[list[str]], original: bytes, now: float) -> bytes:
    """Return a multipart/report; `parts` are the text for people and the fields for programs."""
    boundary = f"{make_msgid(domain='b').partition('@')[0][1:]}/{HOST}"
    text, report = ("\r\n".join(lines) + "\r\n" for lines in parts)
    top = [
        *headers,
        f"Date: {_date(now)}",
        f"Message-ID: {make_msgid(domain=HOST)}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"',
        *([] if original.isascii() and text.isascii() and report.isascii() else ["Content-Transfer-Encoding: 8bit"]),
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        f"--{boundary}",
        f"Content-Type: message/{kind}",
        "",
        report,
        f"--{boundary}",
        "Content-Type: message/rfc822",
        *([] if original.isascii() else ["Content-Transfer-Encoding: 8bit"]),
        "",
        "",
    ]
    return "\r\n".join(top).encode() + original + f"\r\n--{boundary}--\r\n".encode()
