"""The mail page's form of faults: what its fields show, and what `POST /control/faults` would have to be given."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace

from simulator.faultform import Field, Given, Group, Wrong, as_written, number_text, percent, span_text
from simulator.mail.faults import MailFault, MailFaults, Outcome
from simulator.mail.switches import read_outcome
from simulator.words import Words

_EVENTS = (
    *(("refuse", at) for at in ("connect", "mail", "rcpt", "data", "end")),
    *((kind, "end") for kind in ("drop", "drop_after", "hang", "hang_after")),
)
_OUTCOMES = (
    *("bounce:5.1.1", "bounce:5.2.2", "bounce:5.7.1", "gives_up:5.4.7"),
    *("delayed", "complaint", "vacation", "confirmed"),
)
_ANSWER = re.compile(r"([45][0-9]{2})(?: ([45]\.[0-9]{1,3}\.[0-9]{1,3}))?(?: ([ -~]{1,60}))?")
_USUAL_ANSWER = "451 4.3.0 Try again later"


def groups(faults: MailFaults, words: Words, given: Mapping[str, str] | None = None) -> list[Group]:
    """Return the form as things stand, or as it was `given` when it was wrong."""
    general = _general(faults)
    shares = {key: event.probability for key, event in general.items()}
    mix = dict.fromkeys(map(read_outcome, _OUTCOMES), 0.0) | faults.mix
    found = [
        Group(
            words("group_handover"),
            [
                *(
                    Field(f"event-{kind}-{at}", words(f"event_{kind}_{at}"), percent(shares.get((kind, at), 0)), "%")
                    for kind, at in _EVENTS
                ),
                Field("refusal", words("refusal"), _answer(general)),
            ],
        ),
        Group(
            words("group_pace"),
            [
                Field("latency_ms", words("mail_latency_ms"), span_text(faults.latency), "ms"),
                Field("command_latency_ms", words("command_latency_ms"), span_text(faults.command_latency), "ms"),
                Field("greylist_s", words("greylist_s"), number_text(faults.greylist)),
                Field("connections_limit", words("connections_limit"), number_text(faults.connections_limit)),
                Field("mails_per_connection", words("mails_per_connection"), number_text(faults.mails_per_connection)),
            ],
        ),
        Group(
            words("group_comes_back"),
            [
                *(Field(f"mix-{each}", ending(each, words), percent(share), "%") for each, share in mix.items()),
                Field("notice_delay_ms", words("notice_delay_ms"), span_text(faults.notice_delay), "ms"),
                Field("seed", words("seed"), faults.seed),
            ],
        ),
    ]
    return found if given is None else as_written(found, given)


def ending(outcome: Outcome, words: Words) -> str:
    """Return what an outcome is called."""
    return words("outcome_" + outcome.kind, status=outcome.status)


def read(form: Mapping[str, str], faults: MailFaults, words: Words) -> dict[str, object]:
    """Return what the control call would be given. What is meant for one address or counted stays. Raises Wrong."""
    labels = {each.name: each.label for group in groups(faults, words) for each in group.fields}
    given = Given(form, labels)
    mix = {name.removeprefix("mix-"): given.share(name) for name in labels if name.startswith("mix-")}
    if sum(mix.values()) > 1.000001:
        raise Wrong(words("group_comes_back"))
    mail: dict[str, object] = {
        "events": _read_events(given, faults, labels),
        "latency_ms": given.span("latency_ms"),
        "command_latency_ms": given.span("command_latency_ms"),
        "greylist_s": given.number("greylist_s"),
        "connections_limit": given.whole("connections_limit"),
        "mails_per_connection": given.whole("mails_per_connection"),
        "mix": {name: share for name, share in mix.items() if share},
        "notice_delay_ms": given.span("notice_delay_ms"),
    }
    # The same seed given again throws the same dice again, so one that was not touched is not given.
    return {"mail": mail} | ({"seed": given.text("seed")} if given.text("seed") not in ("", faults.seed) else {})


def _read_events(given: Given, faults: MailFaults, labels: Mapping[str, str]) -> list[dict[str, object]]:
    general = _general(faults)
    found = [asdict(event) for event in targeted(faults)]
    written = given.text("refusal") or _USUAL_ANSWER
    answer = _ANSWER.fullmatch(written)
    if answer is None:
        raise Wrong(labels["refusal"])
    for kind, at in _EVENTS:
        share = given.share(f"event-{kind}-{at}")
        if not share:
            continue
        before = general.get((kind, at))
        event = asdict(replace(before or MailFault(kind, at), probability=share))
        if kind == "refuse" and at == "connect" and before is None:
            event |= {"code": 421, "enhanced": "4.3.2", "text": "Service shutting down"}
        elif kind == "refuse" and at != "connect" and (before is None or written != _answer(general)):
            event |= {"code": int(answer[1]), "enhanced": answer[2] or "", "text": answer[3] or ""}
        found.append(event)
    return found


def targeted(faults: MailFaults) -> list[MailFault]:
    """Return the events that the form leaves alone: for one address, for the next so many times, or elsewhere."""
    general = list(_general(faults).values())
    return [event for event in faults.events if not any(event is each for each in general)]


def _general(faults: MailFaults) -> dict[tuple[str, str], MailFault]:
    """Return the events that meet everybody for as long as they are on, the first of each kind."""
    found: dict[tuple[str, str], MailFault] = {}
    for event in faults.events:
        if event.to is None and event.count is None and (event.kind, event.at) in _EVENTS:
            found.setdefault((event.kind, event.at), event)
    return found


def _answer(general: Mapping[tuple[str, str], MailFault]) -> str:
    refusals = (event for (kind, at), event in general.items() if kind == "refuse" and at != "connect")
    return next((event.line() for event in refusals), _USUAL_ANSWER)
