"""What a person writes: recorded, checked for the carrier's own stop words, and posted to the product."""

import uuid
from dataclasses import dataclass, field

from simulator import optouts, twiml
from simulator.accounts import OptOut, Sender
from simulator.carrier import Carrier
from simulator.messages import INBOUND, Message
from simulator.parts import count
from simulator.webhooks import Failed, Target, read_target


@dataclass(slots=True)
class Received:
    """What became of an inbound message: the product's HTTP status and the texts that reached the phone."""

    sid: str
    status: int | None = None
    replies: list[str] = field(default_factory=list)
    problem: str | None = None


async def receive(carrier: Carrier, sender: Sender, phone: str, body: str, sid: str | None = None) -> Received:
    """Play a message from a phone to a sender and return what the product answered.

    A `sid` that was used before plays the webhook a second time without a second message on the phone.
    """
    account = sender.account
    message = carrier.messages.get(account, sid) if sid else None
    is_new = message is None
    if message is None:
        message = Message(account, sender.number, phone, body, count(body), carrier.clock.now(), INBOUND, "received")
        message.sid = sid or message.sid
        carrier.messages.add(message)
    carrier.counters["inbound"] += 1
    act = optouts.read(body, account.opt_out) if not sender.is_short_code else None
    own_answer = carrier.optouts.apply(act, sender, phone) if act and is_new else None
    if own_answer:
        _answer(carrier, sender, phone, own_answer, even_blocked=True)
    received = Received(message.sid)
    address = sender.inbound_url or account.inbound_url
    if not address:
        received.problem = f"{sender.number} has no inbound_url: give one with POST /control/accounts"
        return received
    form = form_of(message, act if account.opt_out is OptOut.ADVANCED else None)
    await _post(carrier, sender, phone, received, (read_target(address), form))
    return received


async def _post(
    carrier: Carrier, sender: Sender, phone: str, received: Received, request: tuple[Target, dict[str, str]]
) -> None:
    target, form = request
    token = str(uuid.uuid4())
    for left in range(target.patience.retries, -1, -1):
        try:
            answer = await carrier.webhooks.post(target, form, sender.account.secret(), token)
        except Failed as failure:
            if left and target.repeats(failure):
                continue
            received.problem = str(failure)
            carrier.counters["inbound_failed"] += 1
            return
        if not (left and target.repeats(answer)):
            break
    received.status = answer.status
    if answer.status >= 300:
        carrier.counters["inbound_refused"] += 1
        return
    try:
        texts = twiml.read(answer.content_type, answer.text)
    except twiml.NotTwiml as wrong:
        received.problem = str(wrong)
        return
    received.replies = [text for text in texts if _answer(carrier, sender, phone, text)]


def _answer(carrier: Carrier, sender: Sender, phone: str, text: str, *, even_blocked: bool = False) -> bool:
    if carrier.optouts.blocked(sender.number, phone) and not even_blocked:
        carrier.counters["replies_blocked"] += 1
        return False
    carrier.reply(sender, phone, text)
    return True


def form_of(message: Message, opt_out_type: str | None) -> dict[str, str]:
    """Return the form that an inbound message is posted as."""
    form = {
        "AccountSid": message.account.sid,
        "ApiVersion": "2010-04-01",
        "Body": message.body,
        "From": message.sender or "",
        "FromCity": "",
        "FromCountry": "PE" if (message.sender or "").startswith("+51") else "",
        "FromState": "",
        "FromZip": "",
        "MessageSid": message.sid,
        "NumMedia": "0",
        "NumSegments": str(message.parts),
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "To": message.to,
        "ToCity": "",
        "ToCountry": "PE",
        "ToState": "",
        "ToZip": "",
    }
    services = [sid for sid, pool in message.account.services.items() if message.to in pool]
    if services:
        form["MessagingServiceSid"] = services[0]
    if opt_out_type is not None:
        form["OptOutType"] = opt_out_type
    return form
