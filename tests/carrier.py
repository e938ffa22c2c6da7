"""The simulator as tests of sending steer it: what phones got, and what goes wrong."""

import json
import time
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True)
class Carrier:
    """A running simulator, steered by its control calls."""

    url: str

    def control(self, path: str, given: object = None) -> dict:
        data = None if given is None else json.dumps(given).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/control/{path}", data), timeout=10) as answer:
            return json.loads(answer.read())

    def raw(self, mail: int) -> bytes:
        """A mail's bytes as they came."""
        with urllib.request.urlopen(f"{self.url}/control/mails/{mail}/raw", timeout=10) as answer:
            return answer.read()

    def faults(self, **given: object) -> None:
        self.control("faults", given)

    def reset(self) -> None:
        self.control("reset", {})

    def phones(self) -> dict[str, list[dict]]:
        """Phone -> every accepted message, also one whose answer was lost."""
        return self.control("ledger")["phones"]

    def texts(self) -> dict[str, list[str]]:
        return {phone: [entry["body"] for entry in entries] for phone, entries in self.phones().items()}

    def creates(self) -> int:
        return self.control("counters").get("creates", 0)

    def wait_for(self, creates: int) -> None:
        """Until so many were asked for."""
        end = time.monotonic() + 60
        while self.creates() < creates:
            assert time.monotonic() < end, "nobody sends"
            time.sleep(0.02)


def phone(number: int) -> str:
    """One of many mobiles."""
    return f"+519{10_000_000 + number:08}"
