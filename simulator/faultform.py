"""The page's form for every fault: what its fields show, and what `POST /control/faults` would have to be given."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import NamedTuple

from simulator import switches
from simulator.faults import CREATE_KINDS, SHARES, CreateFault, Faults, Outcome, read_outcome
from simulator.words import Words

_OUTCOMES = (
    *(f"undelivered:{code}" for code in (30003, 30004, 30005, 30006, 30007, 30008)),
    *(f"failed:{code}" for code in (21610, 30001, 30002, 30036)),
    "sent",
)
_PERCENT = re.compile(r"[0-9]{1,3}([.,][0-9]{1,3})?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?", re.ASCII)
_SPAN = re.compile(r"[0-9]{1,7}( *[-–] *[0-9]{1,7})?")
_CALLBACK_DELAYS = ("shuffle", "late_ms", "retry_ms")


class Field(NamedTuple):
    """One line of the form; `unit` is %, ms, or nothing."""

    name: str
    label: str
    value: str
    unit: str = ""


class Group(NamedTuple):
    """Lines under one heading."""

    title: str
    fields: list[Field]


class Wrong(ValueError):
    """A field holds what cannot be; its label is the message."""


def groups(faults: Faults, words: Words, given: Mapping[str, str] | None = None) -> list[Group]:
    """Return the form as things stand, or as it was `given` when it was wrong."""
    found = [
        Group(words("group_create"), [*_creates(faults, words), *_ways(faults, words)]),
        Group(words("group_queue"), _queues(faults, words)),
        Group(words("group_ends"), _ends(faults, words)),
        Group(words("group_callbacks"), _callbacks(faults, words)),
    ]
    return found if given is None else as_written(found, given)


def as_written(form: list[Group], given: Mapping[str, str]) -> list[Group]:
    """Return a form with the values that were written into it."""
    return [
        Group(group.title, [each._replace(value=given.get(each.name, each.value)) for each in group.fields])
        for group in form
    ]


def _creates(faults: Faults, words: Words) -> list[Field]:
    general = _general(faults)
    shares = {kind: fault.probability for kind, fault in general.items()}
    refused = general.get("refused")
    return [
        *(Field("create-" + kind, words("kind_" + kind), percent(shares.get(kind, 0)), "%") for kind in CREATE_KINDS),
        Field("refused_code", words("refused_code"), str(refused.code) if refused else ""),
        Field("refused_status", words("refused_status"), str(refused.status) if refused else ""),
    ]


def _ways(faults: Faults, words: Words) -> list[Field]:
    return [
        Field("latency_ms", words("latency_ms"), span_text(faults.latency), "ms"),
        Field("concurrency_limit", words("concurrency_limit"), number_text(faults.concurrency_limit)),
    ]


def _queues(faults: Faults, words: Words) -> list[Field]:
    return [
        Field("status_delay_ms", words("status_delay_ms"), span_text(faults.status_delay), "ms"),
        Field("drain_rate", words("drain_rate"), number_text(faults.drain_rate)),
        Field("queue_limit_parts", words("queue_limit_parts"), number_text(faults.queue_limit_parts)),
    ]


def _ends(faults: Faults, words: Words) -> list[Field]:
    mix = dict.fromkeys(map(read_outcome, _OUTCOMES), 0.0) | faults.mix
    return [
        Field("mix-" + switches.write(outcome), _ending(outcome, words), percent(share), "%")
        for outcome, share in mix.items()
    ]


def _ending(outcome: Outcome, words: Words) -> str:
    label = words.state(*outcome)
    return label if outcome.error_code is None else f"{label} ({outcome.error_code})"


def _callbacks(faults: Faults, words: Words) -> list[Field]:
    delays = {"shuffle": (faults.shuffle, faults.shuffle), "late_ms": faults.late_by, "retry_ms": faults.retry}
    return [
        *(Field(name, words(name), percent(getattr(faults, name)), "%") for name in SHARES),
        *(Field(name, words(name), span_text(delays[name]), "ms") for name in _CALLBACK_DELAYS),
        Field("seed", words("seed"), faults.seed),
    ]


class Given:
    """A form as it came, field by field. Each method raises Wrong, with the field's label."""

    def __init__(self, form: Mapping[str, str], labels: Mapping[str, str]) -> None:
        self._form, self._labels = form, labels

    def text(self, name: str) -> str:
        """Return what was written."""
        return self._form.get(name, "").strip()

    def number(self, name: str) -> float | None:
        """Return a number, None for an empty field."""
        text = self._fitting(name, _NUMBER)
        return float(text) if text else None

    def whole(self, name: str) -> int | None:
        """Return a whole number, None for an empty field."""
        found = self.number(name)
        if found is None:
            return None
        if found != int(found):
            raise Wrong(self._labels[name])
        return int(found)

    def share(self, name: str) -> float:
        """Return a share of what is written in percent."""
        percent = float(self._fitting(name, _PERCENT).replace(",", ".") or "0")
        if percent > 100:
            raise Wrong(self._labels[name])
        return percent / 100

    def span(self, name: str) -> list[int]:
        """Return least and most of `80` or `80-120`."""
        low, _, high = self._fitting(name, _SPAN).replace("–", "-").partition("-")
        limits = [int(low or 0), int(high or low or 0)]
        if limits[0] > limits[1]:
            raise Wrong(self._labels[name])
        return limits

    def _fitting(self, name: str, pattern: re.Pattern[str]) -> str:
        text = self.text(name)
        if text and not pattern.fullmatch(text):
            raise Wrong(self._labels[name])
        return text


def read(form: Mapping[str, str], faults: Faults, words: Words) -> dict[str, object]:
    """Return what the control call would be given. What is meant for one number or counted stays. Raises Wrong."""
    labels = {each.name: each.label for group in groups(faults, words) for each in group.fields}
    given = Given(form, labels)
    mix = {name.removeprefix("mix-"): given.share(name) for name in labels if name.startswith("mix-")}
    if sum(mix.values()) > 1.000001:
        raise Wrong(words("group_ends"))
    read: dict[str, object] = {
        "create": _read_creates(given, faults, labels),
        "latency_ms": given.span("latency_ms"),
        "status_delay_ms": given.span("status_delay_ms"),
        "concurrency_limit": given.whole("concurrency_limit"),
        "drain_rate": given.number("drain_rate"),
        "queue_limit_parts": given.whole("queue_limit_parts"),
        "reads_fail": "reads_fail" in form,
        "mix": {name: share for name, share in mix.items() if share},
        "callbacks": {name: given.share(name) for name in SHARES}
        | {"shuffle": given.span("shuffle")[1], "late_ms": given.span("late_ms"), "retry_ms": given.span("retry_ms")},
    }
    # The same seed given again throws the same dice again, so one that was not touched is not given.
    return read | ({"seed": given.text("seed")} if given.text("seed") not in ("", faults.seed) else {})


def _read_creates(given: Given, faults: Faults, labels: Mapping[str, str]) -> list[dict[str, object]]:
    general = _general(faults)
    read = [asdict(fault) for fault in targeted(faults)]
    for kind in CREATE_KINDS:
        share = given.share("create-" + kind)
        if share:
            before = general.get(kind, CreateFault(kind))
            fault = asdict(replace(before, probability=share))
            if kind == "refused":
                fault |= {"code": given.whole("refused_code"), "status": given.whole("refused_status") or 400}
                if not fault["code"]:
                    raise Wrong(labels["refused_code"])
            read.append(fault)
    return read


def targeted(faults: Faults) -> list[CreateFault]:
    """Return the create faults that the form leaves alone: for one number, or for the next so many calls."""
    return [fault for fault in faults.create if fault.to is not None or fault.count is not None]


def _general(faults: Faults) -> dict[str, CreateFault]:
    """Return the create faults that meet everybody for as long as they are on."""
    return {fault.kind: fault for fault in faults.create if fault.to is None and fault.count is None}


def percent(share: float) -> str:
    """Return a share as it is written into a field; nothing for none."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") if share else ""


def number_text(value: float | None) -> str:
    """Return a number as it is written into a field; nothing for none."""
    return "" if value is None else f"{value:g}"


def span_text(limits: tuple[float, float]) -> str:
    """Return seconds as milliseconds, `80` or `80-120`."""
    low, high = (round(seconds * 1000) for seconds in limits)
    return str(low) if low == high else f"{low}-{high}"
