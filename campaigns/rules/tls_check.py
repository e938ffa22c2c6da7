"""What is to be said of the line to the mail server that takes our mails: TLS is required outside this machine."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from campaigns.rules.mail_findings import Finding, Topic, advice, ok, unclear, wrong

_TLS: Final = Topic.TLS
_SOON: Final = 21  # days: renewal by robots happens a month before, so something is wrong with it by then
_WORN: Final = frozenset({"TLSv1", "TLSv1.1", "SSLv3"})


class Fault(StrEnum):
    """Why there is no conversation."""

    NO_ADDRESS = "no_address"
    REFUSED = "refused"
    SILENT = "silent"
    NO_SMTP = "no_smtp"  # something else answers, or it hangs up
    NOT_NOW = "not_now"  # it greets with a refusal
    NO_TLS = "no_tls"  # STARTTLS is not offered
    HANDSHAKE = "handshake"


class Doubt(StrEnum):
    """Why a certificate does not convince."""

    EXPIRED = "expired"
    NOT_YET = "not_yet"
    OTHER_NAME = "other_name"
    SELF_SIGNED = "self_signed"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Line:
    """What was seen on a connection to a mail server."""

    fault: Fault | None = None
    said: str = ""  # the server's words, or the library's
    is_private: bool = False
    version: str = ""
    doubt: Doubt | None = None
    names: tuple[str, ...] = ()
    expires_at: datetime | None = None


def check(line: Line, host: str, port: int, *, is_here: bool, now: datetime) -> list[Finding]:
    """`is_here`: the server runs on this machine, so that nobody can listen in between."""
    where = f"{host}:{port}"
    if line.fault in (Fault.SILENT, Fault.NOT_NOW):
        return [unclear(_TLS, f"tls_{line.fault}", where=where, said=line.said)]
    if line.fault:
        return [wrong(_TLS, f"tls_{line.fault}", where=where, said=line.said)]
    if is_here:
        return [ok(_TLS, "tls_here", where=where)]
    if not line.is_private:
        return [wrong(_TLS, "tls_off", where=where)]
    days = (line.expires_at - now).days if line.expires_at else 0
    if line.doubt:
        names = ", ".join(line.names) or "-"
        return [wrong(_TLS, f"tls_{line.doubt}", where=where, host=host, names=names, days=-days, said=line.said)]
    findings = [ok(_TLS, "tls_found", where=where, version=line.version, days=days)]
    if days < _SOON:
        findings.append(advice(_TLS, "tls_ends_soon", where=where, days=days))
    if line.version in _WORN:
        findings.append(advice(_TLS, "tls_old", where=where, version=line.version))
    return findings


@dataclass(frozen=True, slots=True)
class Taking:
    """What the receiver of bounces said to a return path of ours and to one that nobody signed."""

    fault: Fault | None = None
    said: str = ""
    ours: int = 0  # reply codes at RCPT
    rubbish: int = 0


def check_taking(taking: Taking, host: str, port: int) -> list[Finding]:
    """Whether bounces reach us, and only ours."""
    topic, where = Topic.RETURN_PATH, f"{host}:{port}"
    if taking.fault:
        say = unclear if taking.fault in (Fault.SILENT, Fault.REFUSED, Fault.NOT_NOW) else wrong
        return [say(topic, f"probe_{taking.fault}", where=where, said=taking.said)]
    if 400 <= taking.ours < 500 or 400 <= taking.rubbish < 500:
        return [unclear(topic, "probe_not_now", where=where, said=taking.said)]
    if taking.ours >= 500:
        return [wrong(topic, "probe_not_taken", where=where, said=taking.said)]
    if taking.rubbish < 400:
        return [wrong(topic, "probe_all_taken", where=where)]
    return [ok(topic, "probe_taken", where=where)]
