"""CPU that processes have used: steadier than the clock where others use the machine too (Linux)."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks import parts


def seconds(pids: Iterable[int]) -> float:
    """What these processes, and those they made and still have, have used so far; none for one that is gone."""
    return sum(_nanoseconds(each) for pid in pids for each in _family(pid)) / 1e9


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in parts.children(pid):
        yield from _family(child)


def _nanoseconds(pid: int) -> int:
    used = 0
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                used += int((task / "schedstat").read_text().split()[0])
    return used
