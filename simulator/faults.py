"""What goes wrong, on purpose: the settings of `POST /control/faults` and the dice that apply them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import NamedTuple

from simulator.mail.faults import MailFaults

CREATE_KINDS = (
    "too_many",
    "too_many_bare",
    "error_before",
    "error_after",
    "unavailable",
    "bad_gateway",
    "bad_gateway_after",
    "reset_before",
    "reset_after",
    "hang_before",
    "hang_after",
    "problem",
    "refused",
)
AFTER = frozenset({"error_after", "hang_after", "reset_after", "bad_gateway_after"})
UNANSWERED = frozenset({"reset_before", "reset_after", "hang_before", "hang_after"})
SHARES = ("duplicate", "early", "drop", "late")


class Outcome(NamedTuple):
    """How a message ends: `delivered`, `sent` (no receipt ever comes), `undelivered` or `failed`, with its code."""

    status: str
    error_code: int | None = None


class Refusal(NamedTuple):
    """What a create answers instead of accepting."""

    status: int
    code: int
    message: str

    def body(self) -> dict[str, object]:
        """Return it in the API's older form of an error."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


DELIVERED = Outcome("delivered")
_HANDSET = {3: 30003, 4: 30004, 5: 30005, 6: 30006, 7: 30007, 8: 30008}

# The last digits of +51 900 000 0xx choose what happens; all other numbers go by `outcomes` and `mix`.
MAGIC_OUTCOMES: dict[str, Outcome] = {
    **{f"+519000000{digits:02}": Outcome("undelivered", code) for digits, code in _HANDSET.items()},
    "+51900000001": Outcome("failed", 30001),
    "+51900000002": Outcome("failed", 30002),
    "+51900000036": Outcome("failed", 30036),
    "+51900000099": Outcome("sent"),
}
MAGIC_FIRST_TIME = {"+51900000033": Outcome("undelivered", 30003)}  # later messages to it arrive
MAGIC_REFUSALS: dict[str, Refusal] = {
    "+51900000010": Refusal(400, 21610, "Attempt to send to unsubscribed recipient"),
    "+51900000011": Refusal(400, 21211, "Invalid 'To' Phone Number: +5190000XXXX"),
    "+51900000012": Refusal(400, 21612, "Message cannot be sent with the current combination of 'To' and 'From'"),
    "+51900000014": Refusal(400, 21614, "'To' number is not a valid mobile number"),
    "+51900000040": Refusal(400, 21408, "Permission to send an SMS has not been enabled for the region"),
}


@dataclass(slots=True)
class CreateFault:
    """One kind of fault of the create call, by chance or for the next `count` calls, for everybody or one number."""

    kind: str
    probability: float = 1.0
    count: int | None = None
    to: str | None = None
    retry_after: int = 1
    code: int | None = None  # of `refused` alone, as is the status
    status: int = 400


@dataclass(slots=True)
class Faults:
    """All switches, as they stand. Delays are seconds; shares are between 0 and 1."""

    create: list[CreateFault] = field(default_factory=list)
    latency: tuple[float, float] = (0.0, 0.0)
    status_delay: tuple[float, float] = (0.05, 0.15)
    drain_rate: float | None = None
    queue_limit_parts: int | None = None
    concurrency_limit: int | None = None
    reads_fail: bool = False  # fetch and list answer 503
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    mix: dict[Outcome, float] = field(default_factory=dict)
    duplicate: float = 0.0
    early: float = 0.0
    drop: float = 0.0
    shuffle: float = 0.0  # up to how many seconds a callback is held back
    late: float = 0.0
    late_by: tuple[float, float] = (5.0, 15.0)  # how long a late callback is held back
    retry: tuple[float, float] = (1.0, 1.0)  # how long after a failure a callback is tried again
    seed: str = "1"
    first_seed: str = "1"  # the one of the start, to which a reset returns
    create_dice: random.Random = field(default_factory=random.Random)
    callback_dice: random.Random = field(default_factory=random.Random)
    delay_dice: random.Random = field(default_factory=random.Random)
    mail: MailFaults = field(default_factory=MailFaults)

    def __post_init__(self) -> None:
        self.sow(self.seed)

    def sow(self, seed: str) -> None:
        """Begin anew with the dice. Each purpose has its own, so that a delay more or less changes no other throw."""
        self.seed = seed
        for purpose in ("create", "callback", "delay"):
            getattr(self, purpose + "_dice").seed(f"{seed} {purpose}")
        self.mail.sow(seed)

    def reset(self) -> None:
        """Everything works again, with the dice of the start."""
        fresh = Faults(seed=self.first_seed, first_seed=self.first_seed)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    @property
    def spare_creates(self) -> bool:
        """Is there no fault that changes what a create is answered, but for the latency?"""
        return not self.create and self.concurrency_limit is None and not self.early

    def early_now(self) -> bool:
        """Do this message's callbacks come before the answer to its create?"""
        return _thrown(self.create_dice, self.early)

    def happens(self, share: float) -> bool:
        """Does this happen to a callback?"""
        return _thrown(self.callback_dice, share)

    def latency_now(self) -> float:
        """Return how long this answer takes."""
        return self.between(self.latency)

    def between(self, limits: tuple[float, float]) -> float:
        """Return a delay within limits."""
        low, high = limits
        return low if low == high else self.delay_dice.uniform(low, high)

    def next_create(self, to: str) -> CreateFault | None:
        """Return the fault this create call meets, if any, and use it up."""
        for fault in self.create:
            if (
                (fault.to is None or fault.to == to)
                and fault.count != 0
                and _thrown(self.create_dice, fault.probability)
            ):
                if fault.count is not None:
                    fault.count -= 1
                return replace(fault)
        return None

    def outcome(self, to: str, earlier: int) -> Outcome:
        """Return how the message to `to` ends, when `earlier` ones went there before.

        What the mix gives depends on the seed, the number and its earlier messages alone: in whatever order a campaign
        is sent, the same people are not reached.
        """
        scripted = self.outcomes.get(to)
        if scripted:
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        if to in MAGIC_OUTCOMES:
            return MAGIC_OUTCOMES[to]
        if to in MAGIC_FIRST_TIME and earlier == 0:
            return MAGIC_FIRST_TIME[to]
        if self.mix:
            rolled = int.from_bytes(blake2b(f"{self.seed} {to} {earlier}".encode(), digest_size=6).digest()) / 2**48
            for outcome, share in self.mix.items():
                rolled -= share
                if rolled < 0:
                    return outcome
        return DELIVERED


def _thrown(dice: random.Random, share: float) -> bool:
    return share > 0 and (share >= 1 or dice.random() < share)


def read_outcome(given: object) -> Outcome:
    """Read `"delivered"`, `"undelivered:30003"` or `{"status": .., "error_code": ..}`. Raises ValueError."""
    if isinstance(given, Mapping):
        status, code = given.get("status"), given.get("error_code")
    else:
        status, _, digits = str(given).partition(":")
        code = int(digits) if digits.isdigit() else None
    status = {"unconfirmed": "sent"}.get(str(status), str(status))
    if status not in ("delivered", "sent", "undelivered", "failed"):
        raise ValueError(f"outcome {given!r}: write delivered, sent, undelivered:CODE or failed:CODE")
    if status in ("undelivered", "failed") and not isinstance(code, int):
        raise ValueError(f"outcome {given!r}: give its code, for example {status}:30003")
    return Outcome(status, code if status in ("undelivered", "failed") else None)
