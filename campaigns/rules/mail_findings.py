"""What a check of a sending domain finds: a code and its values for a sentence, and the record to publish."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Topic(StrEnum):
    """What is looked at."""

    SPF = "SPF"
    DKIM = "DKIM"
    DMARC = "DMARC"
    PTR = "PTR"
    TLS = "TLS"
    RETURN_PATH = "return path"
    REPLIES = "replies"


class Level(StrEnum):
    """How it stands. Advice alone keeps no mail from arriving; unclear means that nobody answered."""

    OK = "ok"
    ADVICE = "advice"
    MISSING = "missing"
    WRONG = "wrong"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish. `value` of a TXT record is whole, without quotes."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. Values may come from strangers' DNS: whoever shows them takes control characters out."""

    topic: Topic
    level: Level
    code: str
    values: Mapping[str, object] = field(default_factory=dict)
    publish: Record | None = None

    @property
    def is_harmful(self) -> bool:
        """Whether mails may not arrive, or nobody can say."""
        return self.level not in (Level.OK, Level.ADVICE)


def ok(topic: Topic, code: str, **values: object) -> Finding:
    """A finding that all is right."""
    return Finding(topic, Level.OK, code, values)


def advice(topic: Topic, code: str, publish: Record | None = None, **values: object) -> Finding:
    """A finding that could be better."""
    return Finding(topic, Level.ADVICE, code, values, publish)


def missing(topic: Topic, code: str, publish: Record | None = None, **values: object) -> Finding:
    """A finding that something needed is not there."""
    return Finding(topic, Level.MISSING, code, values, publish)


def wrong(topic: Topic, code: str, publish: Record | None = None, **values: object) -> Finding:
    """A finding that something is there and does not work."""
    return Finding(topic, Level.WRONG, code, values, publish)


def unclear(topic: Topic, code: str, **values: object) -> Finding:
    """A finding that nothing can be said."""
    return Finding(topic, Level.UNCLEAR, code, values)
