"""What the mailbox pages show: rows of mailboxes, of one mailbox's mails, and figures."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.mail.mailboxes import Mail
from simulator.mail.notices import decoded
from simulator.mail.office import PostOffice
from simulator.view import Page, cut, lima_time

ROWS_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the visitor looks for."""

    q: str
    to: str
    page: int

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Wanted":
        """Read the query of an address; what makes no sense counts as not given."""
        page = query.get("page", "")
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1
        q, to = (query.get(name, "").strip().lower()[:254] for name in ("q", "to"))
        return cls(q, to, max(1, number))


@dataclass(frozen=True, slots=True)
class BoxRow:
    """One mailbox."""

    address: str
    count: int
    repeated: int
    subject: str
    time: str


@dataclass(frozen=True, slots=True)
class MailRow:
    """One mail of a mailbox."""

    id: int
    subject: str
    sender: str
    outcome: str
    lost: bool
    time: str


def boxes_page(office: PostOffice, wanted: Wanted) -> Page[BoxRow]:
    """Return the mailboxes that fit, the latest mail first."""
    boxes = office.boxes.by_address
    if wanted.q:
        fitting = [(address, box) for address, box in reversed(boxes.items()) if wanted.q in address]
        page = cut(fitting, len(fitting), wanted.page, ROWS_A_PAGE)
    else:
        page = cut(reversed(boxes.items()), len(boxes), wanted.page, ROWS_A_PAGE)
    repeated = office.boxes.repeated
    rows = [
        BoxRow(address, len(box), repeated.get(address, 0), _subject(box[-1]), lima_time(box[-1].received_at))
        for address, box in page.rows
    ]
    return Page(rows, page.number, page.count)


def box_page(office: PostOffice, wanted: Wanted) -> Page[MailRow]:
    """Return the mails of one mailbox, the latest first."""
    box = office.boxes.by_address.get(wanted.to, [])
    page = cut(reversed(box), len(box), wanted.page, ROWS_A_PAGE)
    rows = [
        MailRow(
            mail.id,
            _subject(mail),
            decoded(mail.header("From")) or mail.sender,
            mail.outcome_for(wanted.to),
            mail.answer is None,
            lima_time(mail.received_at),
        )
        for mail in page.rows
    ]
    return Page(rows, page.number, page.count)


def figures(office: PostOffice) -> dict[str, int]:
    """Return the figures above the mailboxes."""
    return {
        "mails": office.counters["mails"],
        "mailboxes": len(office.boxes.by_address),
        "repeated": sum(office.boxes.repeated.values()),
        "notices": office.outbox.waiting(),
    }


def _subject(mail: Mail) -> str:
    return decoded(mail.header("Subject"))
