"""How many parts may go now: counted per sender in Valkey, shared by all workers, closed when in doubt.

GCRA with a burst of 100 ms (DESIGN 10.14): the sender's level rises with time up to the burst, and what is taken lowers
it. A sender that nobody used starts at zero, so that no second ever holds more than its share.
"""

from dataclasses import dataclass
from typing import Final

import redis
import structlog

log = structlog.get_logger(__name__)

_BURST_SECONDS: Final = 0.1
_HOLDER_SECONDS: Final = 10.0  # a worker that has not asked for so long gives its share of the places back

# KEYS: the sender's clock, its holders. ARGV: parts/s, parts per message, messages wanted, who asks, burst, holding,
# parts given back.
# Times are microseconds of Valkey's own clock: workers' clocks may differ. Returns messages granted, the wait in
# microseconds when there is none, and how many workers send with this sender now.
_TAKE: Final = """
local now = redis.call('TIME'); now = now[1] * 1000000 + now[2]
local per_part = 1000000 / tonumber(ARGV[1])
local each, wanted = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[6]), ARGV[4])
redis.call('PEXPIRE', KEYS[2], 60000)
local holders = redis.call('ZCARD', KEYS[2])
local room = math.max(tonumber(ARGV[5]), each * per_part)
local from = tonumber(redis.call('GET', KEYS[1]) or now) - tonumber(ARGV[7]) * per_part
from = math.max(from, now - room)
local granted = math.min(wanted, math.floor((now - from) / (each * per_part) + 0.000001))
local wait = 0
if granted < 1 then granted = 0; wait = math.ceil(from + each * per_part - now) end
redis.call('SET', KEYS[1], string.format('%.0f', from + granted * each * per_part), 'PX', 60000)
return {granted, wait, holders}
"""

# KEYS: the sender's holders. ARGV: who leaves. In one step, or two workers would leave to each other.
_LEAVE_TO_OTHERS: Final = """
if redis.call('ZCARD', KEYS[1]) < 2 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""

# KEYS: the sender's clock. ARGV: parts/s, parts. A clock that is gone is full anyway.
_GIVE_BACK: Final = """
local from = redis.call('GET', KEYS[1])
if from then
  redis.call('SET', KEYS[1], string.format('%.0f', from - ARGV[2] * 1000000 / ARGV[1]), 'PX', 60000)
end
return 0
"""


@dataclass(frozen=True)
class Room:
    """What the throttle said: messages that may go now, else seconds to wait; and how many workers share the sender.

    `answered` is false when Valkey was silent: then nothing may go.
    """

    messages: int
    wait: float
    holders: int
    answered: bool = True


class Throttle:
    """The throttle of one sender, asked by one worker. `holder` tells workers apart."""

    def __init__(self, valkey: redis.Redis, sender_id: int, parts_per_second: int, holder: str) -> None:
        self._keys = (f"throttle:{sender_id}", f"throttle:{sender_id}:holders")
        self._valkey, self._rate, self._holder = valkey, parts_per_second, holder
        self._take = valkey.register_script(_TAKE)
        self._give_back = valkey.register_script(_GIVE_BACK)
        self._leave_to_others = valkey.register_script(_LEAVE_TO_OTHERS)

    def take(self, wanted: int, *, parts: int, unused: int = 0) -> Room:
        """Room for up to `wanted` messages of at most `parts` parts each. Silence means none.

        `unused` parts of an earlier grant are given back with the same question.
        """
        burst, held = int(_BURST_SECONDS * 1_000_000), int(_HOLDER_SECONDS * 1_000_000)
        try:
            granted, wait, holders = self._take(
                keys=list(self._keys), args=[self._rate, max(1, parts), wanted, self._holder, burst, held, unused]
            )
        except redis.RedisError as error:
            log.warning("throttle silent", error=type(error).__name__)
            return Room(0, 1.0, 1, answered=False)
        return Room(int(granted), int(wait) / 1_000_000, max(1, int(holders)))

    def give_back(self, parts: int) -> None:
        """Return parts that were taken and not needed. If this is lost, less goes, never more."""
        if parts <= 0:
            return
        try:
            self._give_back(keys=[self._keys[0]], args=[self._rate, parts])
        except redis.RedisError as error:
            log.warning("throttle silent", error=type(error).__name__)

    def leave(self) -> None:
        """This worker no longer sends with the sender: the others get its places at once."""
        try:
            self._valkey.zrem(self._keys[1], self._holder)
        except redis.RedisError as error:
            log.warning("throttle silent", error=type(error).__name__)

    def leave_to_others(self) -> bool:
        """Like leave(), if anybody else sends with the sender; False if nobody does."""
        try:
            return bool(self._leave_to_others(keys=[self._keys[1]], args=[self._holder]))
        except redis.RedisError as error:
            log.warning("throttle silent", error=type(error).__name__)
            return False
