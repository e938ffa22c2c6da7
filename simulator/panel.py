"""The four switches a visitor sees, in terms of the faults behind them, and the figures beside them."""

from collections.abc import Mapping
from dataclasses import asdict
from zlib import crc32

from simulator.carrier import Carrier
from simulator.faults import Faults
from simulator.switches import show

SWITCHES = ("slow", "refused", "lost", "outage")
_ON: dict[str, dict[str, object]] = {
    "slow": {"drain_rate": 2, "status_delay_ms": [1500, 4000]},
    "refused": {"mix": {"undelivered:30003": 0.2, "undelivered:30005": 0.1, "undelivered:30007": 0.1}},
    "lost": {"callbacks": {"drop": 1}},
    "outage": {"reads_fail": True},
}
_OFF: dict[str, dict[str, object]] = {
    "slow": {"drain_rate": None, "status_delay_ms": [50, 150]},
    "refused": {"mix": {}},
    "lost": {"callbacks": {"drop": 0}},
    "outage": {"reads_fail": False},
}


def state(faults: Faults) -> dict[str, bool]:
    """Return which switches are on, also when a control call turned them."""
    return {
        "slow": faults.drain_rate is not None,
        "refused": bool(faults.mix),
        "lost": faults.drop > 0,
        "outage": faults.reads_fail and any(fault.kind == "unavailable" for fault in faults.create),
    }


def ordinary() -> dict[str, object]:
    """Return what `POST /control/faults` is given for an ordinary day with the same seed."""
    return {name: value for name, value in show(Faults()).items() if name not in ("seed", "mail")}


def calm(faults: Faults) -> bool:
    """Is this an ordinary day?"""
    return {name: value for name, value in show(faults).items() if name not in ("seed", "mail")} == ordinary()


def version(faults: Faults) -> str:
    """Return another text whenever another fault is on."""
    return f"{crc32(repr(show(faults)).encode()):08x}"


def changes(faults: Faults, wanted: Mapping[str, bool]) -> dict[str, object]:
    """Return what `POST /control/faults` would have to be given for the switches to stand as wanted."""
    now = state(faults)
    given: dict[str, object] = {}
    for name in SWITCHES:
        if now[name] != wanted[name]:
            given |= (_ON if wanted[name] else _OFF)[name]
    if now["outage"] != wanted["outage"]:
        others = [asdict(fault) for fault in faults.create if fault.kind != "unavailable"]
        given["create"] = [*others, {"kind": "unavailable"}] if wanted["outage"] else others
    return given


def figures(carrier: Carrier) -> dict[str, int]:
    """Return the figures under the switches."""
    return {
        "accepted": carrier.messages.accepted,
        "phones": len(carrier.messages.phones),
        "repeated": sum(phone.repeats() for phone in carrier.messages.maybe_repeated.values()),
        "waiting": carrier.callbacks.waiting(),
    }
