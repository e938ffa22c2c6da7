"""What its reader does with a mail: unsubscribes as a mail program does, answers, reports it, or lets it bounce."""

import re
from collections.abc import Coroutine
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp

from simulator.mail import notices
from simulator.mail.mailboxes import Act, Mail
from simulator.mail.office import PostOffice
from simulator.mail.outbox import Unanswered

Work = Coroutine[None, None, str]  # of an act: what was answered; raises CannotDo
ENCODINGS = ("multipart", "urlencoded")
_BODY = {"List-Unsubscribe": "One-Click"}
_URI = re.compile(r"<([^<>]+)>")
_PATIENCE = aiohttp.ClientTimeout(total=10)


class CannotDo(Exception):
    """The mail does not allow it, or nobody takes it; the sentence says why."""


def unsubscribe_address(mail: Mail, *schemes: str) -> str | None:
    """Return the first address of List-Unsubscribe with one of these schemes."""
    found = (each.strip() for each in _URI.findall(mail.header("List-Unsubscribe")))
    return next((each for each in found if each.partition(":")[0].lower() in schemes), None)


def is_one_click(mail: Mail) -> bool:
    """Does the mail offer RFC 8058?"""
    wanted = mail.header("List-Unsubscribe-Post").replace(" ", "") == "List-Unsubscribe=One-Click"
    return wanted and unsubscribe_address(mail, "https", "http") is not None


async def unsubscribe(office: PostOffice, mail: Mail, encoding: str = "multipart") -> str:
    """POST what RFC 8058 says and return the HTTP status. No cookies, no redirect followed. Raises CannotDo."""
    address = unsubscribe_address(mail, "https", "http")
    if address is None:
        raise CannotDo("the mail has no http or https address in List-Unsubscribe")
    if not is_one_click(mail):
        raise CannotDo("the mail does not say List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    form = aiohttp.FormData(_BODY, default_to_multipart=encoding == "multipart")
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(address, data=form, allow_redirects=False) as answer,
        ):
            return _did(office, mail, "unsubscribe", str(answer.status))
    except (OSError, aiohttp.ClientError, ValueError) as error:
        _did(office, mail, "unsubscribe", "no answer")
        raise CannotDo(f"{address} does not answer: {error}") from error


async def unsubscribe_by_mail(office: PostOffice, mail: Mail, recipient: str) -> str:
    """Write to the mailto address of List-Unsubscribe and return the receiver's answer. Raises CannotDo."""
    address = unsubscribe_address(mail, "mailto")
    if address is None:
        raise CannotDo("the mail has no mailto address in List-Unsubscribe")
    split = urlsplit(address)
    subject = parse_qs(split.query).get("subject", [""])[0]
    made = notices.unsubscribing(mail, recipient, unquote(split.path), subject, office.clock.now())
    return await _send(office, mail, "unsubscribe_mail", made)


async def reply(office: PostOffice, mail: Mail, recipient: str, body: str) -> str:
    """Answer the mail and return the receiver's answer. Raises CannotDo."""
    made = notices.reply(mail, recipient, body, office.clock.now())
    if made is None:
        raise CannotDo("the mail names nobody to answer to")
    return await _send(office, mail, "reply", made)


async def complain(office: PostOffice, mail: Mail, recipient: str) -> str:
    """Report the mail as spam and return the receiver's answer. Raises CannotDo."""
    to = office.outbox.complaints_to or mail.sender
    if not to:
        raise CannotDo("the mail has no return path, and no address for complaints is given")
    return await _send(office, mail, "spam", notices.complaint(mail, recipient, to, office.clock.now()))


async def bounce(office: PostOffice, mail: Mail, recipient: str, status: str = "5.1.1") -> str:
    """Send a bounce to the return path and return the receiver's answer; 4.x.x is a delay. Raises CannotDo."""
    if not mail.sender:
        raise CannotDo("the mail has the null return path: nothing may come back")
    action = {"2": "delivered", "4": "delayed"}.get(status[0], "failed")
    made = notices.bounce(mail, recipient, action, status, office.clock.now())
    return await _send(office, mail, "bounce", made)


async def vacation(office: PostOffice, mail: Mail, recipient: str) -> str:
    """Send an out-of-office answer to the return path and return the receiver's answer. Raises CannotDo."""
    if not mail.sender:
        raise CannotDo("the mail has the null return path: nothing may come back")
    return await _send(office, mail, "vacation", notices.vacation(mail, recipient, office.clock.now()))


async def _send(office: PostOffice, mail: Mail, kind: str, made: notices.Outgoing) -> str:
    try:
        answer = await office.outbox.send(made)
    except Unanswered as error:
        _did(office, mail, kind, "no answer")
        raise CannotDo(str(error)) from error
    return _did(office, mail, kind, answer)


def _did(office: PostOffice, mail: Mail, kind: str, result: str) -> str:
    mail.acts.append(Act(office.clock.now(), kind, result))
    office.boxes.changed()
    return result
