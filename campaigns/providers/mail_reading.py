"""Reads mails that strangers send: any bytes give headers and texts, nothing raises, nothing is read for ever."""

import email
import encodings
import html
import pkgutil
import re
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parseaddr
from encodings.aliases import aliases
from typing import TYPE_CHECKING, Any, Final

LONGEST: Final = 1_000_000  # bytes read of one mail; bounces return at most a mail of ours
_MOST_PARTS: Final = 100
_LONGEST_TEXT: Final = 100_000
_LONGEST_HEADER: Final = 10_000
_DEEPEST: Final = 50  # opening multiparts beyond it are no mail, and would exhaust the parser's stack
_BOUNDARIES: Final = re.compile(rb"content-type:\s*(?:multipart|message)/", re.IGNORECASE)
_DAMAGED: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_TAGS: Final = re.compile(r"<[^<>]{0,2000}>")
_UNSEEN: Final = re.compile(r"<(script|style|head)\b", re.IGNORECASE)
_LINE_ENDS: Final = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d)\b[^>]{0,200}>", re.IGNORECASE)

if TYPE_CHECKING:
    Mail = Message[str, str]
else:
    Mail = Message  # a class without parameters before Python 3.13

# Charsets by the names Python knows them by. Asking it for others fills a cache that never shrinks. Of its own codecs
# those for the names of hosts take minutes for a long text, and one raises whatever it is asked to do with errors.
_CHARSETS: Final = {found.name for found in pkgutil.iter_modules(encodings.__path__)} | set(aliases)
_NO_CHARSETS: Final = {"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape"}


class _Message(Mail):
    """The library's, without the charsets that are not for mail: it decodes by what stands here in many places."""

    def get_param(self, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True) -> Any:
        found = super().get_param(param, failobj, header, unquote)
        if param != "charset" or found is failobj:
            return found
        name = found[2] if isinstance(found, tuple) else found
        return name if _is_charset(name) else failobj


class _Policy(Compat32):
    """The library's, with an end to each header: it takes minutes to split one that is as long as a mail may be."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


_POLICY: Final = _Policy(message_factory=_Message)


def read(raw: bytes) -> Mail:
    """The mail, as far as it can be read; an empty one where it cannot."""
    raw = raw[:LONGEST]
    if len(_BOUNDARIES.findall(raw)) > _DEEPEST:
        raw = raw.partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]  # the headers alone
    try:
        return email.message_from_bytes(raw, policy=_POLICY)
    except _DAMAGED:
        return _Message(policy=_POLICY)


def header(mail: Mail, name: str) -> str:
    """The header's text on one line; empty without it."""
    try:
        value = mail.get(name)
        text = "" if value is None else str(value)[:_LONGEST_HEADER]
        if "=?" in text:
            text = "".join(_decoded_word(*word) for word in decode_header(text))
    except (*_DAMAGED, email.errors.MessageError):
        return ""
    return " ".join(text.split())


def headers(mail: Mail, *names: str) -> Iterator[str]:
    """Every value of these headers, as written."""
    for name in names:
        for value in mail.get_all(name, [])[:20]:
            yield str(value)[:_LONGEST_HEADER]


def sender(mail: Mail) -> str:
    """The address in From, in lower case; empty where there is none."""
    try:
        return parseaddr(header(mail, "From"))[1].lower()
    except _DAMAGED:
        return ""


def parts(mail: Mail) -> Iterator[Mail]:
    """The mail and the parts in it, outermost first, at most a hundred."""
    waiting, seen = [mail], 0
    while waiting and seen < _MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        yield part
        payload = part.get_payload()
        if isinstance(payload, list):
            waiting += [inner for inner in payload if isinstance(inner, Message)]


def text(part: Mail) -> str:
    """The words of a part that is no container, decoded as well as may be; HTML without its tags."""
    try:
        if part.is_multipart():
            return ""
        payload = part.get_payload(decode=True)
        words = _decoded(payload if isinstance(payload, bytes) else b"", part.get_content_charset() or "utf-8")
    except _DAMAGED:
        return ""
    words = words.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")[:_LONGEST_TEXT]
    if part.get_content_type() == "text/html":
        return html.unescape(_TAGS.sub(" ", _LINE_ENDS.sub("\n", _seen(words))))
    return words


def words(mail: Mail) -> str:
    """What the mail says: its first plain text, else its first HTML; not what is attached or returned."""
    found = ""
    for part in parts(mail):
        kind = part.get_content_type()
        if kind == "message/rfc822" or part.get_content_disposition() == "attachment":
            break
        if kind == "text/plain" and (said := text(part)).strip():
            return said
        if kind == "text/html" and not found:
            found = text(part)
    return found


def _seen(page: str) -> str:
    """HTML without what no reader sees; one pass, whatever is opened and never closed."""
    kept, at, lower = "", 0, page.lower()
    while found := _UNSEEN.search(page, at):
        kept += page[at : found.start()]
        end = lower.find(f"</{found[1].lower()}", found.end())
        if end < 0:
            return kept
        at = end + 2
        kept += "<"  # the rest of the closing tag goes with the other tags
    return kept + page[at:]


def is_long(mail: Mail, lines: int) -> bool:
    """Whether it has more lines or parts than these."""
    count = 0
    for part in mail.walk():
        payload = part.get_payload()
        count += 1 + (payload.count("\n") if isinstance(payload, str) else 0)
        if count > lines:
            return True
    return False


def _decoded_word(word: bytes | str, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    # What stands between encoded words comes back in the library's own encoding.
    return word.decode("raw_unicode_escape", "replace") if charset is None else _decoded(word, charset)


def _is_charset(name: str) -> bool:
    known = encodings.normalize_encoding(name.lower())
    return known in _CHARSETS and known not in _NO_CHARSETS


def _decoded(payload: bytes, charset: str) -> str:
    if not _is_charset(charset):
        return payload.decode("utf-8", "replace")
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")
