"""What is answered to each command of SMTP: who may be written to, and that a mail is safe before it says so."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from campaigns.mail_inbound import Mailroom, Taken
from outreach.database import GONE
from outreach.errors import trace

log = structlog.get_logger(__name__)
Value = TypeVar("Value")

# Each recipient is a mail of its own for us: reports have one, people write to few. The others come again.
MOST_RECIPIENTS: Final = 20
# Servers wait ten minutes after the final dot (RFC 5321, 4.5.3.2.6); whoever is told 451 comes again.
PATIENCE_SECONDS: Final = 60.0
_AT_ONCE: Final = 8
_MOST_WAITING: Final = 64

_TAKEN: Final = "250 2.6.0 Taken"
_LATER: Final = "451 4.3.0 Not possible right now, try again later"
_NOBODY: Final = "550 5.1.1 Nobody has this address here"
_TOO_MANY: Final = "452 4.5.3 Too many recipients, send to the others again"


class Desk:
    """The handler aiosmtpd calls. The work is done in threads, so that no mail keeps the others from being taken."""

    def __init__(self, room: Mailroom, *, patience: float = PATIENCE_SECONDS) -> None:
        self._room, self._patience = room, patience
        self._threads = ThreadPoolExecutor(_AT_ONCE, "mailin")
        self._waiting = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """250 only for who is known; 451 while the database cannot say."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return _TOO_MANY
        known = await self._do(lambda: self._room.knows(address))
        if known is None:
            return _LATER
        if not known:
            return _NOBODY
        if address.lower() not in envelope.rcpt_tos:
            envelope.rcpt_tos.append(address.lower())
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """250 when everything it asks is committed, for every recipient; else 451, and the same mail comes again."""
        raw, recipients = cast("bytes", envelope.content), list(envelope.rcpt_tos)
        taken = await self._do(lambda: [self._room.take(recipient, raw) for recipient in recipients])
        if taken is None:
            return _LATER
        for one in taken:
            _tell(one)
        return _TAKEN

    async def handle_exception(self, error: Exception) -> str:
        """What nobody foresaw is told by kind and place; the sender may try again."""
        log.error("mail conversation broke", **trace(error))
        return _LATER

    def close(self) -> None:
        """Wait for the mails that are being taken in."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _do(self, work: Callable[[], Value]) -> Value | None:
        """The work's result; None when it could not be done now. What takes too long goes on; twice does no harm."""
        if self._waiting >= _MOST_WAITING:
            log.warning("too many mails at once")
            return None
        self._waiting += 1
        doing = asyncio.get_running_loop().run_in_executor(self._threads, work)
        doing.add_done_callback(self._done)
        try:
            # Not wait_for(), which may swallow that the sender hung up (before Python 3.12).
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(doing)
        except TimeoutError:
            log.warning("mail not taken", kind="too slow")
        except GONE as error:
            log.warning("mail not taken", kind=type(error).__name__)
        except Exception as error:  # whatever it is: the mail is not lost, its sender keeps it
            log.error("mail not taken", **trace(error))
        return None

    def _done(self, doing: "asyncio.Future[Value]") -> None:
        self._waiting -= 1
        if not doing.cancelled():
            doing.exception()  # told above already, or nobody waits for it any more


def _tell(taken: Taken) -> None:
    log.info("mail taken", kind=str(taken.kind), agency=taken.agency_id, changed=taken.changed)
