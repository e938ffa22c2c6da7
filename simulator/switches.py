"""Reads `POST /control/faults` into the faults, checking every part, and shows them as they stand."""

from collections.abc import Callable, Mapping
from dataclasses import fields

from simulator.checks import delay, mapping, share, whole
from simulator.faults import CREATE_KINDS, SHARES, CreateFault, Faults, Outcome, read_outcome
from simulator.mail import switches as mail_switches

_CREATE_KEYS = {each.name for each in fields(CreateFault)}
_CALLBACK_DELAYS = {"late_ms": "late_by", "retry_ms": "retry"}


def apply(faults: Faults, given: object) -> None:
    """Change the faults that are named; the others stay. All or nothing. Raises ValueError with a sentence."""
    settings = mapping(given, "faults")
    changes: dict[str, object] = {}
    mail_changes: dict[str, object] = {}
    for name, value in settings.items():
        if name == "callbacks":
            changes |= _callbacks(value)
        elif name == "mail":
            mail_changes = mail_switches.read(value)
        elif name in _READERS:
            attribute, read = _READERS[name]
            changes[attribute] = read(value, name)
        elif name != "seed":
            raise ValueError(f"{name!r} is not known; known are {', '.join([*_READERS, 'callbacks', 'mail', 'seed'])}")
    for attribute, value in changes.items():
        setattr(faults, attribute, value)
    for attribute, value in mail_changes.items():
        setattr(faults.mail, attribute, value)
    if "seed" in settings:
        faults.sow(str(settings["seed"]))


def show(faults: Faults) -> dict[str, object]:
    """Return the faults in the form in which they are given."""
    return {
        "create": [{name: getattr(fault, name) for name in fault.__slots__} for fault in faults.create],
        "latency_ms": [round(seconds * 1000) for seconds in faults.latency],
        "status_delay_ms": [round(seconds * 1000) for seconds in faults.status_delay],
        "drain_rate": faults.drain_rate,
        "queue_limit_parts": faults.queue_limit_parts,
        "concurrency_limit": faults.concurrency_limit,
        "reads_fail": faults.reads_fail,
        "outcomes": {to: [write(each) for each in outcomes] for to, outcomes in faults.outcomes.items()},
        "mix": {write(outcome): part for outcome, part in faults.mix.items()},
        "callbacks": {
            "duplicate": faults.duplicate,
            "early": faults.early,
            "drop": faults.drop,
            "shuffle": round(faults.shuffle * 1000),
            "late": faults.late,
            "late_ms": [round(seconds * 1000) for seconds in faults.late_by],
            "retry_ms": [round(seconds * 1000) for seconds in faults.retry],
        },
        "mail": mail_switches.show(faults.mail),
        "seed": faults.seed,
    }


def write(outcome: Outcome) -> str:
    """Return an outcome as it is given: `delivered` or `undelivered:30003`."""
    return outcome.status if outcome.error_code is None else f"{outcome.status}:{outcome.error_code}"


def _rate(given: object, name: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 1_000_000:
        raise ValueError(f"{name}={given!r}: write parts per second, or null for no limit")
    return float(given)


def _yes(given: object, name: str) -> bool:
    if not isinstance(given, bool):
        raise ValueError(f"{name}={given!r}: write true or false")
    return given


def _create(given: object, name: str) -> list[CreateFault]:
    if not isinstance(given, list):
        raise ValueError(f"{name}: write a list of objects, each with a kind")
    return [_create_fault(mapping(each, name)) for each in given]


def _create_fault(given: Mapping[str, object]) -> CreateFault:
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in CREATE_KINDS:
        raise ValueError(f"kind={kind!r}: write one of {', '.join(CREATE_KINDS)}")
    if unknown := set(given) - _CREATE_KEYS:
        raise ValueError(f"create: {sorted(unknown)[0]!r} is not known")
    to = given.get("to")
    if to is not None and not isinstance(to, str):
        raise ValueError(f"to={to!r}: write a number")
    code, status = whole(given.get("code"), "code"), whole(given.get("status", 400), "status")
    if kind == "refused" and not code:
        raise ValueError("refused: give its code, for example 21606")
    if status is None or not 400 <= status < 600:
        raise ValueError(f"status={status!r}: write a number from 400 to 599")
    return CreateFault(
        kind,
        share(given.get("probability", 1.0), "probability"),
        whole(given.get("count"), "count"),
        to,
        whole(given.get("retry_after"), "retry_after") or 1,
        code,
        status,
    )


def _outcomes(given: object, name: str) -> dict[str, list[Outcome]]:
    """One outcome per number, or a list: one for each message to it, the last one for all that follow."""
    read = {}
    for to, wanted in mapping(given, name).items():
        steps = wanted if isinstance(wanted, list) else [wanted]
        if not steps:
            raise ValueError(f"outcomes of {to}: write at least one")
        read[to] = [read_outcome(each) for each in steps]
    return read


def _mix(given: object, name: str) -> dict[Outcome, float]:
    shares = {read_outcome(key): share(part, name) for key, part in mapping(given, name).items()}
    if sum(shares.values()) > 1.000001:
        raise ValueError("mix: the shares are more than 1; what they leave is delivered")
    return shares


def _callbacks(given: object) -> dict[str, object]:
    changes: dict[str, object] = {}
    for name, value in mapping(given, "callbacks").items():
        if name in SHARES:
            changes[name] = share(value, name)
        elif name in _CALLBACK_DELAYS:
            changes[_CALLBACK_DELAYS[name]] = delay(value, name)
        elif name == "shuffle":
            changes[name] = 0.3 if value is True else 0.0 if value is False else delay(value, name)[1]
        else:
            raise ValueError(
                f"callbacks: {name!r} is not known; known are {', '.join([*SHARES, *_CALLBACK_DELAYS])}, shuffle"
            )
    return changes


_READERS: dict[str, tuple[str, Callable[[object, str], object]]] = {
    "create": ("create", _create),
    "latency_ms": ("latency", delay),
    "status_delay_ms": ("status_delay", delay),
    "drain_rate": ("drain_rate", _rate),
    "queue_limit_parts": ("queue_limit_parts", whole),
    "concurrency_limit": ("concurrency_limit", whole),
    "reads_fail": ("reads_fail", _yes),
    "outcomes": ("outcomes", _outcomes),
    "mix": ("mix", _mix),
}
