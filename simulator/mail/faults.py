"""What goes wrong with mail, on purpose: settings, the dice that apply them, and addresses that choose their fate."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

STAGES = ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "end")
KINDS = ("refuse", "drop", "hang", "drop_after", "hang_after")
AFTER = frozenset({"drop_after", "hang_after"})  # the mail is kept first; they happen at the end alone
ENDINGS = ("delivered", "bounce", "delayed", "gives_up", "complaint", "vacation", "confirmed")
WITH_STATUS = frozenset({"bounce", "gives_up"})


class Outcome(NamedTuple):
    """What comes back for an accepted mail; `status` is the enhanced code of a bounce."""

    kind: str
    status: str | None = None

    def __str__(self) -> str:
        return self.kind if self.status is None else f"{self.kind}:{self.status}"


@dataclass(slots=True)
class MailFault:
    """One thing that happens at one stage of a mail: by chance, for the next `count` times, for one address.

    `to` is compared with the recipient at `rcpt` and later, with the envelope sender at `mail`.
    """

    kind: str
    at: str = "end"
    code: int = 451
    enhanced: str = "4.3.0"
    text: str = "Try again later"
    probability: float = 1.0
    count: int | None = None
    to: str | None = None

    def line(self) -> str:
        """Return the answer as it is written on the wire."""
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


DELIVERED = Outcome("delivered")
GREYLISTED = MailFault("refuse", "rcpt", 451, "4.7.1", "Greylisted, please try again later")
TOO_MANY_CONNECTIONS = MailFault("refuse", "connect", 421, "4.7.0", "Too many connections from your host")
TOO_MANY_MAILS = MailFault("refuse", "mail", 421, "4.7.0", "Too many messages on this connection")
MAGIC_GREYLIST_SECONDS = 1.0

# The local part alone, or followed by + or - and anything.
_MAGIC = re.compile(
    r"(?:bounce-(?P<bounce>[0-9]{3})|(?P<word>full|policy|later|late|vacation|spam|confirmed|greylist|hang-before|hang"
    r"|drop-before|drop)|refuse-(?P<end>data-)?(?P<code>[45][0-9]{2})(?:-(?P<enhanced>[45]\.[0-9]{1,3}\.[0-9]{1,3}))?)"
    r"(?:[+-].*)?"
)
_MAGIC_OUTCOMES = {
    "full": Outcome("bounce", "5.2.2"),
    "policy": Outcome("bounce", "5.7.1"),
    "later": Outcome("delayed"),
    "late": Outcome("gives_up", "5.4.7"),
    "vacation": Outcome("vacation"),
    "spam": Outcome("complaint"),
    "confirmed": Outcome("confirmed"),
}
_MAGIC_FAULTS = {
    "hang": MailFault("hang_after"),
    "hang-before": MailFault("hang"),
    "drop": MailFault("drop_after"),
    "drop-before": MailFault("drop"),
}
_ENHANCED = {
    421: "4.3.2", 450: "4.2.1", 451: "4.3.0", 452: "4.2.2", 550: "5.1.1", 551: "5.1.6", 552: "5.2.2", 553: "5.1.3",
    554: "5.7.1", 556: "5.1.10",
}  # fmt: skip
_TEXTS = {
    "4.2.1": "Mailbox busy", "4.2.2": "Mailbox full", "4.3.2": "Service shutting down", "5.1.1": "User unknown",
    "5.1.3": "Bad address syntax", "5.1.6": "Mailbox has moved", "5.1.10": "Recipient address has null MX",
    "5.2.1": "Mailbox disabled", "5.2.2": "Mailbox full", "5.4.7": "Delivery time expired",
    "5.7.1": "Message rejected by policy",
}  # fmt: skip


class Magic(NamedTuple):
    """What an address asks for by its name."""

    outcome: Outcome | None = None
    fault: MailFault | None = None
    greylisted: bool = False


def text_of(enhanced: str) -> str:
    """Return what servers usually write beside an enhanced code."""
    return _TEXTS.get(enhanced, "Delivery failed" if enhanced.startswith("5") else "Try again later")


def default_enhanced(code: int) -> str:
    """Return the enhanced code that usually goes with a reply code."""
    return _ENHANCED.get(code, f"{code // 100}.0.0")


def magic(address: str) -> Magic | None:
    """Return what an address asks for by its name, None for an ordinary one."""
    found = _MAGIC.fullmatch(address.rpartition("@")[0].lower())
    if found is None:
        return None
    if digits := found["bounce"]:
        return Magic(Outcome("bounce", ".".join(digits)))
    if word := found["word"]:
        return Magic(_MAGIC_OUTCOMES.get(word), _MAGIC_FAULTS.get(word), word == "greylist")
    code = int(found["code"])
    enhanced = found["enhanced"] or default_enhanced(code)
    return Magic(fault=MailFault("refuse", "end" if found["end"] else "rcpt", code, enhanced, text_of(enhanced)))


@dataclass(slots=True)
class MailFaults:
    """All switches of the mail side, as they stand. Delays are seconds; shares are between 0 and 1."""

    events: list[MailFault] = field(default_factory=list)
    latency: tuple[float, float] = (0.0, 0.0)  # of the answer to a whole mail
    command_latency: tuple[float, float] = (0.0, 0.0)  # of the answers to EHLO, MAIL, RCPT and DATA
    greylist: float | None = None  # how long a stranger must wait before the second try
    connections_limit: int | None = None
    mails_per_connection: int | None = None
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    mix: dict[Outcome, float] = field(default_factory=dict)
    notice_delay: tuple[float, float] = (0.2, 0.8)
    dice: random.Random = field(default_factory=random.Random)
    delay_dice: random.Random = field(default_factory=random.Random)
    seed: str = ""

    def sow(self, seed: str) -> None:
        """Begin anew with the dice; a delay more or less changes no other throw."""
        self.seed = seed
        self.dice.seed(f"{seed} mail")
        self.delay_dice.seed(f"{seed} mail delay")

    @property
    def spare_commands(self) -> bool:
        """Is there no fault but the latency of a whole mail's answer?"""
        return (
            not self.events
            and self.greylist is None
            and self.connections_limit is None
            and self.mails_per_connection is None
            and self.command_latency[1] == 0
        )

    def between(self, limits: tuple[float, float]) -> float:
        """Return a delay within limits."""
        low, high = limits
        return low if low == high else self.delay_dice.uniform(low, high)

    def next_event(self, stage: str, fits: Callable[[str], bool]) -> MailFault | None:
        """Return what happens at this stage, if anything, and use it up; `fits` tells whether an address is meant."""
        for event in self.events:
            if event.at != stage or event.count == 0 or not (event.to is None or fits(event.to.lower())):
                continue
            if event.probability < 1 and (event.probability <= 0 or self.dice.random() >= event.probability):
                continue
            if event.count is not None:
                event.count -= 1
            return event
        return None

    def outcome(self, to: str, earlier: int) -> Outcome:
        """Return what comes back for the mail to `to`, when `earlier` ones went there before.

        What the mix gives depends on the seed, the address and its earlier mails alone: in whatever order a campaign
        is sent, the same people's mail bounces.
        """
        scripted = self.outcomes.get(to.lower())
        if scripted:
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        asked = magic(to)
        if asked is not None and asked.outcome is not None:
            return asked.outcome
        if self.mix:
            mark = f"{self.seed} {to.lower()} {earlier}".encode()
            rolled = int.from_bytes(blake2b(mark, digest_size=6).digest()) / 2**48
            for outcome, share in self.mix.items():
                rolled -= share
                if rolled < 0:
                    return outcome
        return DELIVERED
