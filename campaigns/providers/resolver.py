"""Answers the questions of rules from DNS, within bounded time, over the resolver that was chosen."""

import asyncio
from typing import Final, TypeVar

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from campaigns.rules.lookups import Answer, Asking, Kind, NoAnswer, Question, Unanswered

T = TypeVar("T")

_TRY_SECONDS: Final = 1.5
_QUESTION_SECONDS: Final = 5.0
_MOST_AT_ONCE: Final = 8
_MOST_RECORDS: Final = 100


class Resolver:
    """One resolver for one check. Nothing is asked twice, and questions of several rules may be under way at once."""

    def __init__(self, address: str = "", seconds: float = _QUESTION_SECONDS) -> None:
        """`address`: `host`, `host:port` or `[host]:port`, checked by Settings; empty for the system's.

        Raises ValueError with a sentence where the system names none.
        """
        self._resolver = _system() if not address else dns.asyncresolver.Resolver(configure=False)
        if address:
            host, port = read_address(address)
            self._resolver.nameservers, self._resolver.port = [host], port
        self._resolver.timeout, self._resolver.lifetime = min(_TRY_SECONDS, seconds), seconds
        self._asked: dict[Question, asyncio.Task[Answer]] = {}
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)

    @property
    def name(self) -> str:
        """Who is asked, for a sentence."""
        return ", ".join(str(one) for one in self._resolver.nameservers)

    async def drive(self, asking: Asking[T]) -> T:
        """What a rule comes to. Raises Unanswered where it hangs on a question that nobody answered."""
        try:
            question = next(asking)
            while True:
                try:
                    answer = await self.ask(question)
                except Unanswered as unanswered:
                    question = asking.throw(unanswered)
                else:
                    question = asking.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    async def ask(self, question: Question) -> Answer:
        """The records, or that there are none; raises Unanswered."""
        if question not in self._asked:
            self._asked[question] = asyncio.create_task(self._ask(question))
        return await asyncio.shield(self._asked[question])

    async def close(self) -> None:
        """Give up what is still being asked. May be called twice."""
        asked, self._asked = list(self._asked.values()), {}
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    async def _ask(self, question: Question) -> Answer:
        try:
            name = dns.name.from_text(question.name + ".")
        except (dns.exception.DNSException, UnicodeError, ValueError):
            raise Unanswered(question, NoAnswer.NO_NAME) from None
        try:
            async with self._places:
                found = await self._resolver.resolve(name, str(question.kind), search=False)
        except dns.resolver.NXDOMAIN:
            return Answer(exists=False)
        except dns.resolver.NoAnswer:
            return Answer()
        except dns.exception.Timeout:
            raise Unanswered(question, NoAnswer.SILENT) from None
        except dns.resolver.NoNameservers as failed:
            raise Unanswered(question, _why(failed)) from None
        except (dns.exception.DNSException, OSError, EOFError):
            raise Unanswered(question, NoAnswer.GARBLED) from None
        return Answer(tuple(_text(question.kind, record) for record in list(found)[:_MOST_RECORDS]))


def read_address(address: str) -> tuple[str, int]:
    """`[::1]:5353`, `127.0.0.1:5353` or `9.9.9.9` as host and port."""
    if address.startswith("["):
        host, _, port = address[1:].partition("]")
        return host, int(port.removeprefix(":") or 53)
    if address.count(":") == 1:
        host, _, port = address.partition(":")
        return host, int(port)
    return address, 53


def _system() -> dns.asyncresolver.Resolver:
    try:
        return dns.asyncresolver.Resolver()
    except (dns.exception.DNSException, OSError):
        raise ValueError("This machine names no DNS server: set OUTREACH_RESOLVER, for example to 9.9.9.9") from None


def _why(failed: dns.resolver.NoNameservers) -> NoAnswer:
    errors = failed.kwargs.get("errors") or []
    said = {str(error[3]) for error in errors}
    if "SERVFAIL" in said:
        return NoAnswer.FAILED
    if "REFUSED" in said:
        return NoAnswer.REFUSED
    return NoAnswer.SILENT if any(isinstance(error[3], ConnectionError) for error in errors) else NoAnswer.GARBLED


def _text(kind: Kind, record: object) -> str:
    if isinstance(record, TXT):
        return b"".join(record.strings).decode("utf-8", "replace")
    return str(record).rstrip(".") if kind is not Kind.MX else str(record)
