"""The figures of an import, as people and programs read them; they add up over batches and survive a restart.

Every row ends as exactly one of added, updated, unchanged, repeated or rejected, and `rows` is their sum.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from campaigns.rules.import_rows import Person, Refusal, Warned

# A row of somebody who is not in the book, in an import that adds nobody.
NOT_KNOWN: Final = "not_known"


@dataclass(slots=True)
class Report:
    """What became of the rows read so far, or what would become of them.

    Unchanged are people who are in the book already and whom the file does not change; repeated are rows of people
    who stand further up in the file. Warnings count added and updated rows, reach counts added ones. `withdrawn` are
    people of the book whose row says NO: they lost their legal ground, whatever else became of the row.
    """

    encoding: str
    delimiter: str
    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    withdrawn: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    reachable_sms: int = 0
    reachable_email: int = 0

    @property
    def duplicates(self) -> int:
        """Rows of people who are there already, in the book or further up in the file."""
        return self.unchanged + self.repeated

    def count_refused(self, reasons: Iterable[str]) -> None:
        """Add rows that were not brought in, each with its reason."""
        before = self.rejected.total()
        self.rejected.update(reasons)
        self.rows += self.rejected.total() - before

    def count_repeated(self, number: int) -> None:
        """Add rows that name somebody further up in the file."""
        self.rows += number
        self.repeated += number

    def count_unchanged(self, number: int) -> None:
        """Add rows that name somebody of the book and change nothing."""
        self.rows += number
        self.unchanged += number

    def count_updated(self, people: Iterable[Person]) -> None:
        """Add rows that changed somebody of the book."""
        for person in people:
            self.rows += 1
            self.updated += 1
            self.warnings.update(person.warnings)

    def count_added(self, people: Iterable[Person]) -> None:
        """Add rows that became contacts."""
        for person in people:
            self.rows += 1
            self.added += 1
            for warning in person.warnings:
                self.warnings[warning] += 1
            self.reachable_sms += person.reachable_sms
            self.reachable_email += person.reachable_email

    def told(self) -> dict[str, Any]:
        """The figures for other programs; `updated`, `withdrawn` and `not_known` only where somebody was."""
        rejected = {code.value: self.rejected[code] for code in Refusal}
        if self.rejected[NOT_KNOWN]:
            rejected[NOT_KNOWN] = self.rejected[NOT_KNOWN]
        changed = {"updated": self.updated, "withdrawn": self.withdrawn} if self.updated else {}
        return {
            "file": {"encoding": self.encoding, "delimiter": self.delimiter},
            "rows": self.rows,
            "added": self.added,
            "duplicates": self.duplicates,
            "rejected": rejected,
            "warnings": {code.value: self.warnings[code] for code in Warned},
            "reachable_sms": self.reachable_sms,
            "reachable_email": self.reachable_email,
        } | changed

    def as_json(self) -> dict[str, Any]:
        """Every figure under its fixed key, also where it is nought: what is kept, and shown on pages."""
        return self.told() | {
            "rejected": {code: self.rejected[code] for code in (*(refusal.value for refusal in Refusal), NOT_KNOWN)},
            "updated": self.updated,
            "unchanged": self.unchanged,
            "repeated": self.repeated,
            "withdrawn": self.withdrawn,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Report":
        """The report that `as_json` was asked for."""
        return cls(
            encoding=stored["file"]["encoding"],
            delimiter=stored["file"]["delimiter"],
            rows=stored["rows"],
            added=stored["added"],
            updated=stored["updated"],
            unchanged=stored["unchanged"],
            repeated=stored["repeated"],
            withdrawn=stored["withdrawn"],
            rejected=Counter(stored["rejected"]),
            warnings=Counter(stored["warnings"]),
            reachable_sms=stored["reachable_sms"],
            reachable_email=stored["reachable_email"],
        )
