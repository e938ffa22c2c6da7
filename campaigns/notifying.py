"""Mails staff their news: each notice in one mail, which may arrive twice and is not lost.

A notice often asks for something: a pause that nobody reads of leaves people unwarned, while the same mail twice
costs a glance. So a notice is marked only after the relay took it, and the mail that goes again after a crash is the
same one: the same notices under the same Message-ID.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

import structlog
from sqlalchemy.orm import Session, sessionmaker

from campaigns import staff_letters, staff_mail
from campaigns.notices import News
from campaigns.providers.contract import NotSent, Refused, Unclear
from campaigns.providers.relay import Relay
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.outcomes import CONCERNS_SENDER
from campaigns.settings import Settings
from campaigns.staff_letters import Words
from campaigns.store import notice_mail as store
from campaigns.store.engine import AgencySessions
from campaigns.store.notice_mail import ToMail

log = structlog.get_logger(__name__)

_ANSWER_SECONDS: Final = 5.0
_JOB_SECONDS: Final = 10.0  # receipts wait behind it; the clock calls the next one
_LEASE: Final = timedelta(seconds=120)  # whom a worker died over is mailed again after this
_PAUSES: Final = (60, 300, 900, 3600)  # seconds after the first, second ... vain try; the last for all others
_MISSES: Final = 2  # in a row: it is not the addresses

# Why a notice is not mailed: kept for whoever looks into the table.
OLD, NOT_SET_UP, INACTIVE, SEEN = "old", "not_set_up", "inactive", "seen"


class _End(Enum):
    DONE = auto()
    DROPPED = auto()  # never to be mailed
    MISSED = auto()  # not taken now
    SHUT = auto()  # the relay takes nothing from us


async def mail(
    sessions: AgencySessions, settings: Settings, agency_id: int, *, now: datetime, stop: asyncio.Event | None = None
) -> int:
    """Mail what the agency's staff have not been told yet; how many mails the relay took.

    Commits around every mail; may be called again, and by several at a time. Without a relay nothing waits for one.
    What the relay does not take is tried again by the clock, more and more rarely, for a day; what it refuses for
    good is not.
    """
    factory = sessions(agency_id)
    with factory.begin() as session:
        if settings.mail_relay is None:
            store.close_all(session, agency_id, why=NOT_SET_UP)
            return 0
        store.close_old(session, agency_id, now=now, why=OLD)
    relay = Relay(settings, seconds=_ANSWER_SECONDS)
    taken = misses = 0
    end_at = time.monotonic() + _JOB_SECONDS
    try:
        while time.monotonic() < end_at:
            with factory.begin() as session:
                group = store.claim(session, agency_id, now=now, until=now + _LEASE)
            if not group or (stop is not None and stop.is_set()):
                break
            end = await _mail_one(factory, settings, relay, group, now)
            taken += end is _End.DONE
            misses = misses + 1 if end is _End.MISSED else 0
            if end is _End.SHUT or misses == _MISSES:
                with factory.begin() as session:
                    store.all_later(session, agency_id, now=now, after=now + timedelta(seconds=_PAUSES[0]))
                break
    finally:
        await relay.close()
    return taken


async def _mail_one(
    factory: sessionmaker[Session], settings: Settings, relay: Relay, group: Sequence[ToMail], now: datetime
) -> _End:
    """Mail what one person still has to be told, and keep what became of it."""
    agency_id, ids = group[0].notice.agency_id, [one.notice.id for one in group]
    wanted = [one for one in group if _is_news(one)]
    if not wanted:
        with factory.begin() as session:
            store.never(session, agency_id, ids, SEEN if group[0].reader.active else INACTIVE)
        return _End.DROPPED
    try:
        await relay.hand_over(staff_mail.compose(settings, _letter(settings, wanted), at=now))
    except Refused as refusal:
        if refusal.reason not in CONCERNS_SENDER:
            log.warning("the relay refuses an address", agency=agency_id, staff=group[0].reader.id)
            with factory.begin() as session:
                store.never(session, agency_id, ids, str(refusal.reason))
            return _End.DROPPED
        log.warning("the relay refuses us", agency=agency_id, reason=refusal.reason)
        _put_off(factory, group, now)
        return _End.SHUT
    except (NotSent, Unclear) as error:
        # Whether the relay took it or not, the same mail again does no harm.
        log.warning("a notice was not mailed", agency=agency_id, why=type(error).__name__)
        _put_off(factory, group, now, at_least=getattr(error, "after", 0.0))
        return _End.MISSED
    with factory.begin() as session:
        store.mailed(session, agency_id, ids, now)
    return _End.DONE


def _put_off(factory: sessionmaker[Session], group: Sequence[ToMail], now: datetime, at_least: float = 0.0) -> None:
    tries = max(one.notice.mail_tries for one in group)
    pause = max(at_least, _PAUSES[min(tries, len(_PAUSES)) - 1])
    with factory.begin() as session:
        ids = [one.notice.id for one in group]
        store.later(session, group[0].notice.agency_id, ids, now + timedelta(seconds=pause))


def _is_news(one: ToMail) -> bool:
    """Whether it is still to be told: to somebody who works here, has not read it, and can still do what it asks."""
    if not one.reader.active:
        return False
    if one.notice.what == News.TO_APPROVE:
        return one.campaign_state == CampaignState.SUBMITTED
    return one.notice.seen_at is None


def _letter(settings: Settings, group: Sequence[ToMail]) -> staff_mail.StaffLetter:
    reader, group_id = group[0].reader, group[0].notice.mail_group
    happened = [(News(one.notice.what), one.about, settings.base_url + _page(one)) for one in group]
    words = Words(reader.interface_language or settings.interface_languages[0])
    return staff_letters.news(words, reader.email, group[0].agency_name, happened, name=f"notice-{group_id}")


def _page(one: ToMail) -> str:
    """Where it is read about."""
    if one.notice.campaign_id is not None:
        return f"/campaigns/{one.notice.campaign_id}"
    return f"/people/reveals?staff={one.notice.about_staff_id}"
