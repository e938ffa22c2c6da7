"""The carrier: takes accepted messages, lets them leave at each sender's pace, and walks them to their end."""

from collections import Counter
from collections.abc import Callable

from simulator.accounts import Accounts, Sender
from simulator.callbacks import Callbacks
from simulator.calls import Calls
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mail.office import PostOffice
from simulator.messages import FINAL, REPLY, Message, Messages
from simulator.optouts import OptOuts
from simulator.parts import count
from simulator.webhooks import Webhooks

_QUEUE_SECONDS = 36_000  # a sender's queue holds ten hours of its pace


class Carrier:
    """Everything the outside world knows. One per process, used from one event loop."""

    def __init__(self, seed: str = "1") -> None:
        self.counters: Counter[str] = Counter()
        self.calls = Calls()
        self.clock = Clock()
        self.faults = Faults(seed=seed, first_seed=seed)
        self.accounts = Accounts()
        self.messages = Messages()
        self.optouts = OptOuts()
        self.webhooks = Webhooks()
        self.post = PostOffice(self.clock, self.faults)
        self.callbacks = Callbacks(self.webhooks, self.clock, self.faults, self.counters)

    def reset(self) -> None:
        """Forget messages, mails, faults, opt-outs and counters, and return to the machine's time. Accounts stay."""
        self.clock.clear()
        self.callbacks.clear()
        self.optouts.clear()
        self.faults.reset()
        self.counters.clear()
        self.calls.reset()
        self.post.reset()
        version = self.messages.version
        self.messages = Messages()
        self.messages.version = version + 1  # or an open wall would take the empty state for the one it has
        for sender in self.accounts.senders():
            sender.queue.clear()
            sender.queued_parts, sender.free_at = 0, 0.0

    def has_room(self, sender: Sender, parts: int) -> bool:
        """May this sender take so many parts more, or would its queue overflow?"""
        limit = self.faults.queue_limit_parts
        if limit is None and self.faults.drain_rate is not None:
            limit = int(_QUEUE_SECONDS * self.faults.drain_rate)
        return limit is None or self.faults.drain_rate is None or sender.queued_parts + parts <= limit

    def accept(self, message: Message, *, at_once: bool = False) -> None:
        """Start a message that passed all checks on its way; `at_once` walks it to the end before returning."""
        phone = self.messages.phones.get(message.to)
        message.outcome = self.faults.outcome(message.to, phone.accepted_count if phone else 0)
        self.messages.add(message)
        self.counters["creates_accepted"] += 1
        message.expires_at = message.created_at + message.validity
        if message.send_at is not None:
            message.status = "scheduled"
            self.clock.call_at(message.send_at, self._release, message)
        elif message.service is not None:
            message.status = "accepted"
            if at_once:
                self._release(message, True)
            else:
                self.clock.call_in(self._delay(), self._release, message)
        elif at_once:
            self._depart(message, True)
        else:
            self._enqueue(message)

    def reply(self, sender: Sender, phone: str, text: str) -> None:
        """Write to a phone in answer to what it wrote."""
        message = Message(sender.account, phone, sender.number, text, count(text), self.clock.now(), direction=REPLY)
        message.outcome = self.faults.outcome(phone, 1)
        message.expires_at = message.created_at + message.validity
        self.messages.add(message)
        self._enqueue(message)

    def cancel(self, message: Message) -> bool:
        """Cancel a scheduled message; False if it is too late."""
        if message.status != "scheduled":
            return False
        self._move(message, "canceled")
        return True

    def pace_changed(self) -> None:
        """Let the queues go on at the pace that the faults now give."""
        rate = self.faults.drain_rate
        soonest = self.clock.now() + (1 / rate if rate else 0.0)  # nobody goes on waiting for the old pace
        for sender in self.accounts.senders():
            sender.free_at = min(sender.free_at, soonest)
            self._wake(sender)

    def _delay(self) -> float:
        return self.faults.between(self.faults.status_delay)

    def _move(self, message: Message, status: str, error_code: int | None = None) -> None:
        self.messages.move(message, status, self.clock.now(), error_code)
        self.callbacks.emit(message)

    def _release(self, message: Message, at_once: bool = False) -> None:
        """A messaging service picks the sender of a message whose time has come."""
        if message.status in FINAL or message.service is None:
            return
        pool = message.account.services[message.service]
        message.sender = message.sender or pool[int(message.to[-4:].strip("+") or 0) % len(pool)]
        message.expires_at = self.clock.now() + message.validity
        if self.optouts.blocked(message.service, message.to):
            self._move(message, "failed", 21610)
        elif not self.has_room(message.account.senders[message.sender], message.parts):
            self._move(message, "failed", 30001)
        else:
            self._move(message, "queued")
            if at_once:
                self._depart(message, True)
            else:
                self._enqueue(message)

    def _enqueue(self, message: Message) -> None:
        if self.faults.drain_rate is None:
            self.clock.call_in(self._delay(), self._depart, message)
            return
        sender = message.account.senders[message.sender or ""]
        sender.queue.append(message)
        sender.queued_parts += message.parts
        self.clock.call_at(message.expires_at, self._expire, message)
        if len(sender.queue) == 1:
            self._wake(sender)

    def _wake(self, sender: Sender) -> None:
        sender.turn += 1
        if sender.queue:
            self.clock.call_at(max(sender.free_at, self.clock.now()), self._drain, sender, sender.turn)

    def _drain(self, sender: Sender, turn: int) -> None:
        if turn != sender.turn:
            return
        now, rate = self.clock.now() + 0.001, self.faults.drain_rate
        while sender.queue and (rate is None or sender.free_at <= now):
            message = sender.queue.popleft()
            sender.queued_parts -= message.parts
            if message.status in FINAL:
                continue
            if rate is not None:
                sender.free_at = max(sender.free_at, now - 0.05) + message.parts / rate
            self._depart(message)
        self._wake(sender)

    def _expire(self, message: Message) -> None:
        if message.status == "queued":
            self._move(message, "failed", 30036)

    def _depart(self, message: Message, at_once: bool = False) -> None:
        if message.status in FINAL:
            return
        if self.clock.now() > message.expires_at:
            self._expire(message)
        elif message.outcome is not None and message.outcome.status == "failed":
            self._move(message, "failed", message.outcome.error_code)
        else:
            self._move(message, "sending")
            self._then(at_once, self._leave, message)

    def _leave(self, message: Message, at_once: bool = False) -> None:
        self._move(message, "sent")
        if message.outcome is not None and message.outcome.status != "sent":
            self._then(at_once, self._end, message)

    def _end(self, message: Message, _at_once: bool = False) -> None:
        if message.outcome is not None:
            self._move(message, message.outcome.status, message.outcome.error_code)

    def _then(self, at_once: bool, step: Callable[..., None], message: Message) -> None:
        if at_once:
            step(message, True)
        else:
            self.clock.call_in(self._delay(), step, message)
