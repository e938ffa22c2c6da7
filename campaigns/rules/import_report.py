"""The figures of an import, as people and programs read them; they add up over batches and survive a restart."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.rules.import_rows import Person, Refusal, Warned


@dataclass(slots=True)
class Report:
    """What became of the rows read so far. Warnings and reach count added rows only."""

    encoding: str
    delimiter: str
    rows: int = 0
    added: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    reachable_sms: int = 0
    reachable_email: int = 0

    def count_refused(self, refusals: Iterable[Refusal]) -> None:
        """Add rows that were not added because of what they say."""
        before = self.rejected.total()
        self.rejected.update(refusals)
        self.rows += self.rejected.total() - before

    def count_duplicates(self, number: int) -> None:
        """Add rows that name somebody who is there already."""
        self.rows += number
        self.duplicates += number

    def count_added(self, people: Iterable[Person]) -> None:
        """Add rows that became contacts."""
        for person in people:
            self.rows += 1
            self.added += 1
            for warning in person.warnings:
                self.warnings[warning] += 1
            self.reachable_sms += person.reachable_sms
            self.reachable_email += person.reachable_email

    def as_json(self) -> dict[str, Any]:
        """Every figure under its fixed key, also where it is nought."""
        return {
            "file": {"encoding": self.encoding, "delimiter": self.delimiter},
            "rows": self.rows,
            "added": self.added,
            "duplicates": self.duplicates,
            "rejected": {code.value: self.rejected[code] for code in Refusal},
            "warnings": {code.value: self.warnings[code] for code in Warned},
            "reachable_sms": self.reachable_sms,
            "reachable_email": self.reachable_email,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Report":
        """The report that `as_json` was asked for."""
        return cls(
            encoding=stored["file"]["encoding"],
            delimiter=stored["file"]["delimiter"],
            rows=stored["rows"],
            added=stored["added"],
            duplicates=stored["duplicates"],
            rejected=Counter(stored["rejected"]),
            warnings=Counter(stored["warnings"]),
            reachable_sms=stored["reachable_sms"],
            reachable_email=stored["reachable_email"],
        )
