"""The post office: decides what each stage of a mail meets, keeps what was accepted, and lets come back what must."""

from collections import Counter, deque
from dataclasses import dataclass, field

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mail import notices
from simulator.mail.faults import (
    GREYLISTED,
    MAGIC_GREYLIST_SECONDS,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_MAILS,
    MailFault,
    MailFaults,
    Outcome,
    magic,
)
from simulator.mail.mailboxes import Mail, Mailboxes
from simulator.mail.outbox import Outbox

_REFUSALS_KEPT = 10_000
_LATER_SECONDS = 2.0  # between the notice of a delay and the final failure


@dataclass(slots=True)
class Transaction:
    """One mail while it is being handed over."""

    sender: str
    began_at: float
    recipients: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that went wrong on purpose: the latest are listed by `GET /control/mails/events`."""

    at: float
    stage: str
    kind: str
    sender: str
    recipients: tuple[str, ...]
    answer: str | None


class PostOffice:
    """Everything the mail side knows. Used from one event loop."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self.clock = clock
        self._faults = faults
        self.boxes = Mailboxes()
        self.counters: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.events: deque[Event] = deque(maxlen=_REFUSALS_KEPT)
        self.outbox = Outbox(clock, self.counters)
        self.open = 0
        self.most_open = 0
        self.address = ""  # where mail is taken, host:port
        self.certificate = ""  # of STARTTLS, as PEM
        self._greylist: dict[tuple[str, str], float] = {}

    @property
    def faults(self) -> MailFaults:
        """Return the mail faults as they stand."""
        return self._faults.mail

    def reset(self) -> None:
        """Forget mails and counters; the receiver of notices stays, and so do open connections."""
        version = self.boxes.version
        self.boxes = Mailboxes()
        self.boxes.version = version + 1
        self.counters.clear()
        self.refused.clear()
        self.events.clear()
        self.outbox.clear()
        self._greylist.clear()
        self.most_open = self.open

    def connect(self) -> None:
        """One connection more is open."""
        self.counters["connections"] += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)

    def disconnect(self) -> None:
        """One connection less is open."""
        self.open -= 1

    def at_connect(self) -> MailFault | None:
        """Return what a new connection, already counted, meets."""
        limit = self.faults.connections_limit
        found = TOO_MANY_CONNECTIONS if limit is not None and self.open > limit else self._event("connect", "", ())
        return self._met("connect", found, "", ())

    def at_command(self, stage: str) -> MailFault | None:
        """Return what EHLO, STARTTLS or AUTH meets."""
        return self._met(stage, self._event(stage, "", ()), "", ())

    def at_mail(self, sender: str, taken: int) -> MailFault | None:
        """Return what a MAIL command meets on a connection that gave `taken` mails before."""
        limit = self.faults.mails_per_connection
        found = TOO_MANY_MAILS if limit is not None and taken >= limit else self._event("mail", sender, ())
        return self._met("mail", found, sender, ())

    def at_recipient(self, sender: str, recipient: str) -> MailFault | None:
        """Return what a RCPT command meets: an event, the address's own wish, or greylisting."""
        recipients = (recipient,)
        found = self._event("rcpt", "", recipients)
        asked = magic(recipient)
        if found is None and asked is not None and asked.fault is not None and asked.fault.at == "rcpt":
            found = asked.fault
        if found is None and self._greylisted(sender, recipient, asked is not None and asked.greylisted):
            found = GREYLISTED
        return self._met("rcpt", found, sender, recipients)

    def at_data(self, mail: Transaction) -> MailFault | None:
        """Return what the DATA command meets."""
        recipients = tuple(mail.recipients)
        return self._met("data", self._event("data", "", recipients), mail.sender, recipients)

    def at_end(self, mail: Transaction) -> MailFault | None:
        """Return what the end of a mail's data meets; some of it happens after the mail was kept."""
        recipients = tuple(mail.recipients)
        found = self._event("end", "", recipients)
        if found is None:
            asked = (magic(recipient) for recipient in recipients)
            wishes = (each.fault for each in asked if each is not None and each.fault is not None)
            found = next((fault for fault in wishes if fault.at == "end"), None)
        return self._met("end", found, mail.sender, recipients)

    def keep(self, transaction: Transaction, raw: bytes, *, tls: bool = False) -> Mail:
        """Accept a mail: into the mailboxes, and what must come back is on its way. The caller sets the answer."""
        now = self.clock.now()
        recipients = tuple(transaction.recipients)
        outcomes = [self.faults.outcome(to, self.boxes.count(to)) for to in recipients]
        sender, number = transaction.sender, self.boxes.next_id()
        mail = Mail(number, sender, recipients, raw, transaction.began_at, now, tls, outcomes=(*map(str, outcomes),))
        self.boxes.add(mail)
        self.counters["mails"] += 1
        for recipient, outcome in zip(recipients, outcomes, strict=True):
            if outcome.kind != "delivered":
                delay = self.faults.between(self.faults.notice_delay)
                self.clock.call_in(delay, self._come_back, mail, recipient, outcome)
        return mail

    def _event(self, stage: str, sender: str, recipients: tuple[str, ...]) -> MailFault | None:
        if not self.faults.events:
            return None
        meant = {sender.lower(), *(to.lower() for to in recipients)}
        return self.faults.next_event(stage, meant.__contains__)

    def _met(self, stage: str, fault: MailFault | None, sender: str, recipients: tuple[str, ...]) -> MailFault | None:
        if fault is not None:
            answer = fault.line() if fault.kind == "refuse" else None
            self.refused[f"{stage} {fault.code}" if answer else f"{stage} {fault.kind}"] += 1
            self.events.append(Event(self.clock.now(), stage, fault.kind, sender, recipients, answer))
        return fault

    def _greylisted(self, sender: str, recipient: str, by_name: bool) -> bool:
        wait = self.faults.greylist
        if wait is None:
            if not by_name:
                return False
            wait = MAGIC_GREYLIST_SECONDS
        now, pair = self.clock.now(), (sender.lower(), recipient.lower())
        if pair not in self._greylist:
            self._greylist[pair] = now
            return True
        return now < self._greylist[pair] + wait

    def _come_back(self, mail: Mail, recipient: str, outcome: Outcome) -> None:
        now = self.clock.now()
        if outcome.kind == "complaint":
            to = self.outbox.complaints_to or mail.sender
            if to:
                self.outbox.post(notices.complaint(mail, recipient, to, now))
            return
        if not mail.sender:
            return  # nothing answers the null return path
        match outcome.kind:
            case "bounce":
                self.outbox.post(notices.bounce(mail, recipient, "failed", outcome.status or "5.0.0", now))
            case "delayed":
                self.outbox.post(notices.bounce(mail, recipient, "delayed", "4.4.1", now))
            case "gives_up":
                self.outbox.post(notices.bounce(mail, recipient, "delayed", "4.4.1", now))
                later = Outcome("bounce", outcome.status)
                self.clock.call_in(_LATER_SECONDS, self._come_back, mail, recipient, later)
            case "confirmed":
                self.outbox.post(notices.bounce(mail, recipient, "delivered", "2.0.0", now))
            case "vacation":
                self.outbox.post(notices.vacation(mail, recipient, now))
