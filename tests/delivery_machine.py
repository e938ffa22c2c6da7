"""The delivery state machine: hypothesis plays worker, provider, person and clock on the store's own statements."""

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import text

from campaigns import consent
from campaigns.rules.lifecycle import FINAL, MOVES, Reason, State
from campaigns.rules.outcomes import Failure
from campaigns.store import figures, receipts, recount, results, sweeps, windows
from campaigns.store.results import Result
from tests.machine import WORLD, Hand, Message, Model, Row, Told

PEOPLE, MOST, AGES = 2, 3, 72 * 3600.0
MAY_PASS = {Failure.UNREACHABLE, Failure.QUEUE_FULL, Failure.TOO_LATE}
READ = "SELECT id, state, reason, attempt, charged, again, provider_ref FROM delivery WHERE campaign_id = :campaign"
FAILURES = [
    Failure.UNREACHABLE,
    Failure.UNREACHABLE,
    Failure.UNREACHABLE,
    Failure.TOO_LATE,
    Failure.CARRIER,
    Failure.NUMBER_UNKNOWN,
    Failure.REFUSED_BY_PERSON,
]


class Deliveries(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world, self.model = WORLD[-1], Model()
        self.world.begin_anew()
        with self.begin() as session:
            for number in range(PEOPLE):
                index = f"person {number}".encode()
                delivery_id = session.scalar(
                    text(
                        "INSERT INTO delivery (campaign_id, agency_id, channel, address_index, language, occasion)"
                        " VALUES (:campaign, :agency, 'sms', :index, 'es', 1) RETURNING id"
                    ),
                    {"campaign": self.campaign_id, "agency": self.agency_id, "index": index},
                )
                figures.add_queued(session, self.agency_id, self.campaign_id, "sms", "es")
                self.model.ids.append(delivery_id)
                self.model.parts[delivery_id] = 1 + number
                self.model.indexes[delivery_id] = index
        self.was = self.read()

    @property
    def agency_id(self):
        return self.world.agency.id

    @property
    def campaign_id(self):
        return self.world.campaign_id

    def begin(self):
        return self.world.sessions(self.agency_id).begin()

    def read(self, session=None):
        if session is None:
            with self.begin() as own:
                return self.read(own)
        rows = session.execute(text(READ), {"campaign": self.campaign_id}).all()
        return {row[0]: Row(State(row[1]), *row[2:]) for row in rows}

    def do(self, statement, **values):
        with self.begin() as session:
            session.execute(text(statement), {"campaign": self.campaign_id, "ids": self.model.ids, **values})

    def messages_of(self, delivery_id):
        return [message for message in self.model.messages if message.delivery == delivery_id]

    def one_of(self, things):
        return self.draw(st.sampled_from(things))

    # One rule with odds of its own: hypothesis would leave out some of many rules, and then little happens.
    @rule(data=st.data())
    def something_happens(self, data):
        self.draw = data.draw
        possible = {
            self.open_a_window: 4,
            self.hand_over: 6 if self.model.hands else 0,
            self.write_down: 4 if self.model.landing else 0,
            self.write_down_once_more: 1 if self.model.landed else 0,
            self.lapse: 1,
            self.ask: 1,
            self.give_up_on_a_worker: 2,
            self.follow_up: 1,
            self.try_again: 2,
            self.skip: 1,
            self.grow_old: 1,
            self.tidy_up: 1,
            self.refuse: 1,
            self.come_to_an_end: 4 if self.under_way() else 0,
            self.fail_and_be_tried_again: 4 if self.under_way() else 0,
            self.post: 6 if self.posts() else 0,
        }
        happens = self.one_of([step for step, odds in possible.items() for _ in range(odds)])
        note(happens.__name__)
        happens()

    def under_way(self):
        return [message for message in self.model.messages if not message.is_over]

    # What a worker does.

    def open_a_window(self, size=PEOPLE):
        with self.begin() as session:
            opened = windows.open_window(session, self.world.gate, size=size)
        for one in opened:
            assert (one.reason == Reason.OPTED_OUT) == (one.id in self.model.refused)
            if one.reason is None:
                self.model.hands.append(Hand(one.id, one.attempt))

    def hand_over(self):
        hand = self.one_of(self.model.hands)
        how = self.one_of(["taken", "taken", "answer lost", "not taken", "refused", "later", "no text"])
        self.over(hand, how, dies=self.one_of([False, False, True]))

    def over(self, hand, how, *, dies=False):
        self.model.hands.remove(hand)
        ours, parts = (hand.delivery, hand.attempt), self.model.parts[hand.delivery]
        ref = self.take(hand) if how in {"taken", "answer lost"} else None
        result = {
            "taken": Result(*ours, State.SENT, ref=ref, parts=parts),
            "answer lost": Result(*ours, State.UNKNOWN, parts=parts, after=0.0),
            "not taken": Result(*ours, State.UNKNOWN, parts=parts, after=0.0),
            "refused": Result(*ours, State.FAILED, Failure.NUMBER_INVALID),
            "later": Result(*ours, State.QUEUED, after=0.0),
            "unbegun": Result(*ours, State.QUEUED),
            "no text": Result(*ours, State.SKIPPED, Reason.NO_TEXT),
        }[how]
        if not dies:
            self.model.landing.append((result, False))

    def take(self, hand):
        """The provider takes a message: the moment that P1 is about."""
        earlier = self.messages_of(hand.delivery)
        assert all(one.state is State.FAILED and one.reason in MAY_PASS for one in earlier), "a second message"
        assert len(earlier) < 2, "a third message"
        ref = f"SM{len(self.model.messages)}"
        self.model.messages.append(Message(hand.delivery, hand.attempt, ref))
        return ref

    def write_down(self):
        self.land([one for one in self.model.landing if self.one_of([True, True, False])])

    def land(self, some):
        if not some:
            return
        with self.begin() as session:
            batch = [result for result, _ in some]
            results.close_window(session, self.agency_id, self.campaign_id, batch, most=MOST)
            sweeps.note_absences(session, self.campaign_id, [result.id for result, absent in some if absent])
        for one in some:
            self.model.landing.remove(one)
            self.model.landed.append(one[0])

    def write_down_once_more(self):
        """The first commit was answered by a broken connection."""
        self.write_again(self.one_of(self.model.landed))

    def write_again(self, again=None):
        with self.begin() as session:
            batch = [again or self.model.landed[-1]]
            results.close_window(session, self.agency_id, self.campaign_id, batch, most=MOST)

    # What the sweep does.

    def lapse(self):
        """Leases end of all that no worker has in hand: no call outlives its lease (DESIGN 4)."""
        self.lapse_all([hand.delivery for hand in self.model.hands])

    def lapse_all(self, held=()):
        self.do(
            "UPDATE delivery SET leased_until = now() - interval '1 s'"
            " WHERE campaign_id = :campaign AND id = ANY(:ids) AND state = 'sending' AND NOT id = ANY(:held)",
            held=list(held),
        )
        with self.begin() as session:
            sweeps.lapse(session, self.agency_id, self.campaign_id, grace=0.0, mail_grace=0.0, size=100)

    def ask(self, can_be_asked=True):
        """About all unknowns; the answers are written down later, or never."""
        self.do(
            "UPDATE delivery SET leased_until = now() - interval '1 s'"
            " WHERE campaign_id = :campaign AND id = ANY(:ids) AND state = 'unknown'"
        )
        with self.begin() as session:
            doubtful = sweeps.take_doubtful(session, self.agency_id, self.campaign_id, "sms", size=100, hold=60.0)
        for one in doubtful:
            ours, parts = (one.id, one.attempt), self.model.parts[one.id]
            found = [message for message in self.messages_of(one.id) if message.ref not in one.known]
            if not can_be_asked:
                self.model.landing.append((Result(*ours, State.UNKNOWN, after=0.0), False))
            elif found:
                newest = found[-1]
                answer = Result(*ours, newest.state, newest.reason, newest.ref, parts)
                self.model.landing.append((answer, False))
            elif one.absences >= 3:
                self.model.landing.append((Result(*ours, State.FAILED, Failure.NEVER_TAKEN), True))
            else:
                self.model.landing.append((Result(*ours, State.QUEUED), True))

    def give_up_on_a_worker(self):
        """Its leases end and the provider is asked, while what it has to say about them is still on its way."""
        late = list(self.model.landing)
        self.lapse()
        self.ask(can_be_asked=True)
        self.land([one for one in self.model.landing if one not in late])

    def follow_up(self):
        """Ask about what was handed over and never heard of again."""
        self.do("UPDATE delivery SET handed_at = handed_at - interval '2 h' WHERE campaign_id = :campaign")
        with self.begin() as session:
            _, silent = sweeps.silent(session, self.agency_id, self.campaign_id, "sms", after=0, seconds=3600, size=100)
            by_ref = {message.ref: message for message in self.model.messages}
            rows = [
                {
                    **self.row(
                        by_ref[one.provider_ref], by_ref[one.provider_ref].state, by_ref[one.provider_ref].reason
                    ),
                    "delivery_id": one.id,
                    "attempt": one.attempt,
                }
                for one in silent
                if one.provider_ref in by_ref and by_ref[one.provider_ref].state is not State.SENT
            ]
            receipts.keep_all(session, rows)

    def try_again(self):
        with self.begin() as session:
            sweeps.try_again(session, self.agency_id, self.campaign_id, wait=0.0, size=100)

    def skip(self):
        reason = self.one_of([Reason.STOPPED, Reason.EXPIRED, Reason.BUDGET])
        with self.begin() as session:
            sweeps.skip_queued(session, self.agency_id, self.campaign_id, reason, size=100)

    def grow_old(self):
        waiting = {key for key, row in self.read().items() if row.state is State.UNKNOWN}
        self.model.aged |= waiting
        self.do("UPDATE delivery SET handed_at = handed_at - interval '73 h' WHERE campaign_id = :campaign")
        with self.begin() as session:
            sweeps.age(session, self.agency_id, self.campaign_id, seconds=AGES, size=100)

    # What people and the provider do.

    def refuse(self):
        delivery_id = self.one_of(self.model.ids)
        self.model.refused.add(delivery_id)
        with self.begin() as session:
            indexes = [self.model.indexes[delivery_id]]
            consent.stop(session, self.agency_id, "sms", indexes, source=consent.Source.WORD, rule="ALTO")

    def come_to_an_end(self):
        """The carrier is done with a message; what it says about it is posted later, or lost."""
        message = self.one_of(self.under_way())
        state = self.one_of([State.DELIVERED, State.FAILED, State.FAILED, State.SENT])
        reason = self.one_of(FAILURES) if state is State.FAILED else None
        self.end(message, state, reason, by_chance=True)

    def end(self, message, state, reason=None, *, by_chance=False):
        message.state, message.reason, message.is_over = state, reason, True
        for told in dict.fromkeys([State.SENT, state]):
            has_ids = not by_chance or self.one_of([True, True, False])
            is_lost = by_chance and self.one_of([False, False, True])
            self.model.told.append(Told(message, told, reason if told is state else None, has_ids, is_lost))

    def fail_and_be_tried_again(self):
        message = self.one_of(self.under_way())
        self.end(message, State.FAILED, self.one_of(FAILURES))
        self.keep(self.model.told[-1])
        self.apply(100)
        self.check()
        self.try_again()

    def post(self):
        """Some receipts come, in any order and any number of times, and some of them are applied."""
        for _ in range(self.one_of([1, 2, 4])):
            self.keep(self.one_of(self.posts()))
        if limit := self.one_of([0, 1, 100, 100]):
            self.apply(limit)

    def posts(self):
        return [told for told in self.model.told if not told.is_lost]

    def keep(self, told):
        row = self.row(told.message, told.state, told.reason)
        if not told.has_ids:
            row |= {"campaign_id": None, "delivery_id": None, "attempt": None}
        with self.begin() as session:
            receipts.keep(session, **row)

    def row(self, message, state, reason=None):
        return {
            "agency_id": self.agency_id,
            "sender_id": self.world.sender.id,
            "provider_ref": message.ref,
            "state": state,
            "reason": reason,
            "campaign_id": self.campaign_id,
            "delivery_id": message.delivery,
            "attempt": message.attempt,
        }

    def apply(self, limit):
        before = self.read()
        with self.begin() as session:
            receipts.apply(session, self.agency_id, limit=limit)
        for key, row in self.read().items():
            assert row.state is before[key].state or row.state is not State.QUEUED, "a receipt queued it"

    def tidy_up(self):
        """Receipts that nobody could match are tried again, and figures are compacted."""
        with self.begin() as session:
            figures.compact(session, self.agency_id, self.campaign_id, keep=self.one_of([0, 1, 3]))
        self.rematch()

    def rematch(self):
        with self.begin() as session:
            receipts.rematch(session, self.agency_id, self.campaign_id)

    # What always holds.

    @invariant()
    def check(self):
        with self.begin() as session:
            now = self.read(session)
            assert recount.differences(session, self.agency_id, self.campaign_id) == []
        for key, row in now.items():
            self.only_forward(self.was[key], row)
            assert 0 <= row.charged <= MOST * row.attempt, row
            taken = sum(message.attempt <= row.attempt for message in self.messages_of(key))
            assert row.charged >= self.model.parts[key] * taken, ("charged too little: a budget would be passed", row)
        self.was = now

    def only_forward(self, was, row):
        assert row.state is was.state or row.state in MOVES[was.state], (was, row)
        assert was.state is not State.DELIVERED or row.state is State.DELIVERED
        assert row.attempt in {was.attempt, was.attempt + 1}
        assert was.again <= row.again <= 1

    def teardown(self):
        """However it stands, it ends, and as the provider says."""
        for _ in range(12):
            self.drain()
            if all(row.state in FINAL for row in self.was.values()):
                break
        assert {row.state for row in self.was.values()} <= FINAL
        for key, row in self.was.items():
            self.ends_truly(key, row)

    def drain(self):
        for hand in list(self.model.hands):
            self.over(hand, "taken")
        while self.model.landing:
            self.land(self.model.landing[:1])
            self.check()
        for message in self.model.messages:
            if not message.is_over:
                self.end(message, State.DELIVERED)
        for step in (self.lapse, lambda: self.ask(can_be_asked=True), lambda: self.land(list(self.model.landing))):
            step()
            self.check()
        for told in self.posts():
            self.keep(told)
        for step in (
            lambda: self.apply(100),
            self.rematch,
            lambda: self.apply(100),
            self.try_again,
            lambda: self.open_a_window(PEOPLE),
        ):
            step()
            self.check()
        if not self.model.hands and not any(row.state is State.QUEUED for row in self.was.values()):
            self.grow_old()
            self.check()

    def ends_truly(self, key, row):
        messages = self.messages_of(key)
        if not messages:
            assert row.state in {State.FAILED, State.SKIPPED} or key in self.model.aged, row
            return
        last = messages[-1]
        # A receipt without our ids finds its delivery by the reference, if we ever got to know that.
        of_last = [told for told in self.posts() if told.message is last]
        heard = {told.state for told in of_last if told.has_ids or row.ref == last.ref}
        if last.state in heard and last.state is not State.SENT and row.state is not State.SKIPPED:
            assert row.state is last.state, (row, last)
        if row.state is State.SKIPPED:
            assert all(message.state is State.FAILED for message in messages), (row, messages)
        # What died, or was late, before it wrote down what a message cost stays charged with the most it can have cost.
        written = {(result.id, result.attempt) for result in self.model.landed if result.parts}
        if not row.again and key not in self.model.aged and {(key, message.attempt) for message in messages} <= written:
            assert row.charged == self.model.parts[key] * len(messages), (row, messages)
