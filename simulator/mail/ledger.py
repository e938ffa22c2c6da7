"""The mail ledger: what a judge needs to know of every mail, in JSON written by hand: it may be a million lines."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote

from simulator.ledger import moment
from simulator.mail.mailboxes import Mail
from simulator.mail.notices import decoded

_BOXES_AT_ONCE = 500
_IDS = re.compile(rb"^x-(?:[a-z0-9]+-)*?(delivery|campaign|attempt)(?:-id)?:[ \t]*(\S+)", re.I | re.M)


def chunks(boxes: Iterable[tuple[str, list[Mail]]], *, headers: bool) -> Iterator[bytes]:
    """Return the ledger of these mailboxes in pieces, `{"mailboxes": {address: [entries]}}` when put together."""
    yield b'{"mailboxes": {'
    rows: list[str] = []
    before = ""
    for address, mails in boxes:
        rows.append(f"{quote(address)}: [{', '.join(entry(mail, address, headers=headers) for mail in mails)}]")
        if len(rows) == _BOXES_AT_ONCE:
            yield (before + ", ".join(rows)).encode()
            before = ", "
            rows.clear()
    if rows:
        yield (before + ", ".join(rows)).encode()
    yield b"}}"


def entry(mail: Mail, address: str, *, headers: bool) -> str:
    """Return one accepted mail as JSON, also one whose answer was lost (`answer` is null then)."""
    ids = {found[1].lower(): found[2].decode("utf-8", "replace") for found in _IDS.finditer(mail.head())}
    local = mail.message_id.strip("<>").partition("@")[0]
    rest = ""
    if headers:
        acts = [{"at": moment(act.at), "act": act.kind, "result": act.result} for act in mail.acts]
        rest = f', "headers": {json.dumps(mail.headers())}, "acts": {json.dumps(acts)}'
    return (
        f'{{"id": {mail.id}, "message_id": {quote(mail.message_id)}, "from": {quote(mail.sender)},'
        f' "began_at": "{moment(mail.began_at)}", "received_at": "{moment(mail.received_at)}",'
        f' "size": {len(mail.raw)}, "subject": {_subject(mail.header("Subject"))},'
        f' "delivery": {quote(ids.get(b"delivery", local))}, "campaign": {_text(ids.get(b"campaign"))},'
        f' "attempt": {_text(ids.get(b"attempt"))}, "answer": {_text(mail.answer)},'
        f' "outcome": {quote(mail.outcome_for(address))}, "tls": {"true" if mail.tls else "false"}{rest}}}'
    )


@lru_cache(maxsize=1000)
def _subject(raw: str) -> str:
    return quote(decoded(raw))


def _text(given: str | None) -> str:
    return "null" if given is None else quote(given)
