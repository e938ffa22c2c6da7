"""Reads the mail part of `POST /control/faults`, checking every part, and shows it as it stands."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields

from simulator.checks import delay, mapping, share, whole
from simulator.mail.faults import (
    AFTER,
    ENDINGS,
    KINDS,
    STAGES,
    WITH_STATUS,
    MailFault,
    MailFaults,
    Outcome,
    default_enhanced,
    text_of,
)

_EVENT_KEYS = {each.name for each in fields(MailFault)}
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_PLAIN = re.compile(r"[ -~]{0,400}")


def read(given: object) -> dict[str, object]:
    """Return the attributes of MailFaults that change. Raises ValueError with a sentence."""
    changes: dict[str, object] = {}
    for name, value in mapping(given, "mail").items():
        if name not in _READERS:
            raise ValueError(f"mail: {name!r} is not known; known are {', '.join(_READERS)}")
        attribute, reader = _READERS[name]
        changes[attribute] = reader(value, name)
    return changes


def show(faults: MailFaults) -> dict[str, object]:
    """Return the mail faults in the form in which they are given."""
    return {
        "events": [{name: getattr(event, name) for name in event.__slots__} for event in faults.events],
        "latency_ms": [round(seconds * 1000) for seconds in faults.latency],
        "command_latency_ms": [round(seconds * 1000) for seconds in faults.command_latency],
        "greylist_s": faults.greylist,
        "connections_limit": faults.connections_limit,
        "mails_per_connection": faults.mails_per_connection,
        "outcomes": {to: [str(each) for each in outcomes] for to, outcomes in faults.outcomes.items()},
        "mix": {str(outcome): part for outcome, part in faults.mix.items()},
        "notice_delay_ms": [round(seconds * 1000) for seconds in faults.notice_delay],
    }


def read_outcome(given: object) -> Outcome:
    """Read `delivered`, `bounce:5.1.1`, `gives_up:5.4.7`, `delayed`, ... Raises ValueError."""
    kind, _, status = str(given).partition(":")
    if kind not in ENDINGS:
        raise ValueError(f"outcome {given!r}: write one of {', '.join(ENDINGS)}; a bounce with its code: bounce:5.1.1")
    if kind in WITH_STATUS and not (_ENHANCED.fullmatch(status) and status[0] == "5"):
        raise ValueError(f"outcome {given!r}: give its enhanced code, for example {kind}:5.1.1")
    return Outcome(kind, status if kind in WITH_STATUS else None)


def read_event(given: Mapping[str, object]) -> MailFault:
    """Read one event; what a refusal leaves open is filled with what servers usually say. Raises ValueError."""
    if unknown := set(given) - _EVENT_KEYS:
        raise ValueError(f"events: {sorted(unknown)[0]!r} is not known")
    kind, at = given.get("kind"), given.get("at") or "end"
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: write one of {', '.join(KINDS)}")
    if at not in STAGES or (kind in AFTER and at != "end"):
        raise ValueError(f"at={at!r}: write one of {', '.join(STAGES)}; what happens after a mail was kept is at end")
    code = whole(given.get("code"), "code")
    if code is None:
        code = 421 if at == "connect" else 451
    if not 400 <= code < 600:
        raise ValueError(f"code={code!r}: write a number from 400 to 599")
    enhanced = given.get("enhanced", default_enhanced(code))
    if enhanced and not (isinstance(enhanced, str) and _ENHANCED.fullmatch(enhanced)):
        raise ValueError(f"enhanced={enhanced!r}: write a code such as 5.1.1, or an empty text for none")
    text = given.get("text", text_of(str(enhanced)))
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise ValueError("text: write up to 400 plain letters in one line")
    to = given.get("to")
    if to is not None and not isinstance(to, str):
        raise ValueError(f"to={to!r}: write an address")
    chance, count = share(given.get("probability", 1.0), "probability"), whole(given.get("count"), "count")
    return MailFault(str(kind), str(at), code, str(enhanced or ""), text, chance, count, to)


def _events(given: object, name: str) -> list[MailFault]:
    if not isinstance(given, list):
        raise ValueError(f"{name}: write a list of objects, each with a kind")
    return [read_event(mapping(each, name)) for each in given]


def _outcomes(given: object, name: str) -> dict[str, list[Outcome]]:
    """One outcome per address, or a list: one for each mail to it, the last one for all that follow."""
    read_ = {}
    for to, wanted in mapping(given, name).items():
        steps = wanted if isinstance(wanted, list) else [wanted]
        if not steps:
            raise ValueError(f"outcomes of {to}: write at least one")
        read_[to.lower()] = [read_outcome(each) for each in steps]
    return read_


def _mix(given: object, name: str) -> dict[Outcome, float]:
    shares = {read_outcome(key): share(part, name) for key, part in mapping(given, name).items()}
    if sum(shares.values()) > 1.000001:
        raise ValueError("mix: the shares are more than 1; what they leave is delivered")
    return shares


def _seconds(given: object, name: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 86_400:
        raise ValueError(f"{name}={given!r}: write seconds, or null for no greylisting")
    return float(given)


_READERS: dict[str, tuple[str, Callable[[object, str], object]]] = {
    "events": ("events", _events),
    "latency_ms": ("latency", delay),
    "command_latency_ms": ("command_latency", delay),
    "greylist_s": ("greylist", _seconds),
    "connections_limit": ("connections_limit", whole),
    "mails_per_connection": ("mails_per_connection", whole),
    "outcomes": ("outcomes", _outcomes),
    "mix": ("mix", _mix),
    "notice_delay_ms": ("notice_delay", delay),
}
