"""The ledger: what a judge needs to know of every message, in JSON written by hand: it may be a million lines."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quote

from simulator.messages import OUTBOUND, Message, Phone

_PHONES_AT_ONCE = 500


def chunks(phones: Iterable[Phone], *, everything: bool) -> Iterator[bytes]:
    """Return the ledger of these phones in pieces, `{"phones": {number: [entries]}}` when put together.

    Without `everything` it holds accepted creates alone, also those whose answer was lost, and leaves out phones
    without any.
    """
    yield b'{"phones": {'
    rows: list[str] = []
    before = ""
    for phone in phones:
        entries = [entry(m) for m in phone.messages if everything or m.direction == OUTBOUND]
        if entries:
            rows.append(f"{quote(phone.number)}: [{', '.join(entries)}]")
        if len(rows) == _PHONES_AT_ONCE:
            yield (before + ", ".join(rows)).encode()
            before = ", "
            rows.clear()
    if rows:
        yield (before + ", ".join(rows)).encode()
    yield b"}}"


def entry(message: Message) -> str:
    """Return one message as JSON: its text also after it was redacted or deleted in the API."""
    ids = message.ids()
    accepted_at, began_at = moment(message.created_at), moment(message.began_at or message.created_at)
    return (
        f'{{"sid": "{message.sid}", "body": {quote(message.body)}, "from": {_text(message.sender)},'
        f' "accepted_at": "{accepted_at}", "began_at": "{began_at}",'
        f' "delivery": {_text(ids.get("d"))}, "campaign": {_text(ids.get("c"))}, "attempt": {_text(ids.get("n"))},'
        f' "status": "{message.status}", "error_code": {json.dumps(message.error_code)},'
        f' "direction": "{message.direction}"}}'
    )


def moment(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _text(given: str | None) -> str:
    return "null" if given is None else quote(given)
