"""How many parts may go now, and in how many calls at once: counted per sender in Valkey, shared by all workers.

Closed when in doubt. Pace is GCRA with a burst of 100 ms (DESIGN 10.14) under a ceiling: no second of Valkey's clock
ever holds more than its share. Places (calls in flight) are divided among those who send; nobody takes one that another
still uses. While an urgent campaign sends, the same sender's other campaigns get nothing.
"""

from dataclasses import dataclass
from typing import Final

import redis
import structlog

log = structlog.get_logger(__name__)

_BURST_SECONDS: Final = 0.1
_CHUNK_SECONDS: Final = 0.04  # parts of so long go together: a statement for every message would be dear
_HOLDER_SECONDS: Final = 10.0  # a worker that has not asked for so long gives its places back
HEARTBEAT_SECONDS: Final = 3.0  # so whoever has calls in flight asks at least this often
_NO_PLACE_SECONDS: Final = 0.02
_OVERTAKEN_SECONDS: Final = 0.2

# Times are microseconds of Valkey's own clock: workers' clocks may differ.
# KEYS: clock, log of the last second's grants, holders, their places, urgent holders.
# ARGV: who, parts/s, parts per message, messages wanted, parts given back, places in all, places in use, urgent,
# burst, chunk, holding, the fewest messages that help.
# Returns messages granted, wait, places, holders, overtaken.
_TAKE: Final = """
local who, per_part = ARGV[1], 1000000 / tonumber(ARGV[2])
local each, wanted, unused = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local all, using, burst, chunk = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[9]), tonumber(ARGV[10])
local now = redis.call('TIME'); now = now[1] * 1000000 + now[2]
local until_then, fewest = now + tonumber(ARGV[11]), tonumber(ARGV[12])

-- What lies further ahead than anything is ever written was written before the clock was set back.
for _, key in ipairs({KEYS[3], KEYS[5]}) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', key, '(' .. string.format('%.0f', until_then), '+inf')
end
redis.call('ZADD', KEYS[3], until_then, who)
if ARGV[8] == '1' then redis.call('ZADD', KEYS[5], until_then, who) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 60000) end
local holders = redis.call('ZCARD', KEYS[3])
local overtaken = ARGV[8] ~= '1' and redis.call('ZCARD', KEYS[5]) > 0

local taken = 0
local held = redis.call('HGETALL', KEYS[4])
for i = 1, #held, 2 do
  local number, ends = string.match(held[i + 1], '(%d+):(%d+)')
  if tonumber(ends) <= now or tonumber(ends) > until_then then redis.call('HDEL', KEYS[4], held[i])
  elseif held[i] ~= who then taken = taken + tonumber(number) end
end
local places = math.min(math.max(1, math.floor(all / holders)), all - taken)
if overtaken then places = 0 end
-- What is in use stays taken until whoever uses it says that it is not any more.
redis.call('HSET', KEYS[4], who, string.format('%d:%.0f', math.max(places, using), until_then))
redis.call('PEXPIRE', KEYS[4], 60000)

local from = tonumber(redis.call('GET', KEYS[1]) or now)
if unused > 0 then
  from = from - unused * per_part
  local grants = redis.call('LRANGE', KEYS[2], 0, -1)
  for i = #grants, 1, -1 do
    local at, parts, by = string.match(grants[i], '(%d+):(%d+):(.+)')
    if by == who and unused > 0 then
      local less = math.min(unused, tonumber(parts))
      unused = unused - less
      redis.call('LSET', KEYS[2], i - 1, string.format('%s:%d:%s', at, parts - less, by))
    end
  end
end
from = math.min(math.max(from, now - math.max(burst, fewest * each * per_part)), now)

local recent, first = 0, nil
for _, grant in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  local at, parts = string.match(grant, '(%d+):(%d+):')
  if tonumber(at) <= now - 1000000 or tonumber(at) > now then redis.call('LPOP', KEYS[2])
  else recent = recent + tonumber(parts); first = first or tonumber(at) end
end

local least = math.min(wanted, math.max(fewest, math.floor(chunk / (each * per_part))))
local level = math.floor((now - from) / (each * per_part) + 0.000001)
-- A message of more parts than a second has may still go, alone.
local ceiling = math.floor((math.max(tonumber(ARGV[2]), fewest * each) - recent) / each)
local granted, wait = math.min(wanted, level, ceiling), 0
if wanted == 0 then granted = 0
elseif overtaken then granted = 0; wait = -2
elseif places < 1 then granted = 0; wait = -1
elseif granted < least then
  granted = 0
  wait = math.max(from + least * each * per_part - now, 1000)
  if ceiling < least and first then wait = math.max(wait, first + 1000000 - now) end
end
if granted > 0 then
  redis.call('RPUSH', KEYS[2], string.format('%.0f:%d:%s', now, granted * each, who))
  redis.call('PEXPIRE', KEYS[2], 60000)
end
redis.call('SET', KEYS[1], string.format('%.0f', from + granted * each * per_part), 'PX', 60000)
return {granted, math.ceil(wait), places, holders, overtaken and 1 or 0}
"""

# KEYS: holders (for an urgent one, the urgent). ARGV: who stops asking. In one step, or two would leave to each other.
_LEAVE_TO_OTHERS: Final = """
if redis.call('ZCARD', KEYS[1]) < 2 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""


@dataclass(frozen=True)
class Room:
    """What the throttle said: messages that may go now, else seconds to wait; and how many calls may be open.

    `answered` is false when Valkey was silent: then nothing may go. `is_overtaken`: an urgent campaign goes first.
    """

    messages: int
    wait: float
    places: int = 0
    holders: int = 1
    is_overtaken: bool = False
    answered: bool = True


class Throttle:
    """The throttle of one sender, asked by one worker. `holder` tells workers apart; `in_flight` is shared by all."""

    def __init__(
        self, valkey: redis.Redis, sender: str, parts_per_second: int, holder: str, *, in_flight: int, urgent: bool
    ) -> None:
        names = ("clock", "grants", "holders", "places", "urgent")
        self._keys = [f"throttle:{{{sender}}}:{name}" for name in names]
        self._valkey, self._rate, self._holder = valkey, parts_per_second, holder
        self._in_flight, self._urgent = in_flight, int(urgent)
        self._take = valkey.register_script(_TAKE)
        self._leave_to_others = valkey.register_script(_LEAVE_TO_OTHERS)

    def take(self, wanted: int, *, parts: int, fewest: int = 1, unused: int = 0, using: int = 0) -> Room:
        """Room for up to `wanted` messages of at most `parts` parts each, and for open calls; silence means none.

        Fewer than `fewest` are not granted: they would not help. `using` is how many calls may be open now: fewer
        become free for others only with the question after the one that said so. `unused` parts of an earlier grant
        are given back. Wanting none only keeps the places.
        """
        times = [int(seconds * 1_000_000) for seconds in (_BURST_SECONDS, _CHUNK_SECONDS, _HOLDER_SECONDS)]
        counts = [self._rate, max(1, parts), wanted, unused, self._in_flight, using, self._urgent]
        try:
            granted, wait, places, holders, overtaken = self._take(
                keys=self._keys, args=[self._holder, *counts, *times, fewest]
            )
        except redis.RedisError as error:
            log.warning("throttle silent", error=type(error).__name__)
            return Room(0, 1.0, answered=False)
        seconds = {-1: _NO_PLACE_SECONDS, -2: _OVERTAKEN_SECONDS}.get(int(wait), int(wait) / 1_000_000)
        return Room(int(granted), seconds, int(places), int(holders), bool(overtaken))

    def give_back(self, unused: int, *, using: int) -> None:
        """Return parts that were taken and not needed. If this is lost, less goes, never more."""
        if unused > 0:
            self.take(0, parts=1, unused=unused, using=using)

    def leave(self) -> None:
        """This worker has no call open any more: the others get its places at once. If this is lost, a little later."""
        try:
            with self._valkey.pipeline() as pipeline:
                pipeline.zrem(self._keys[2], self._holder)
                pipeline.hdel(self._keys[3], self._holder)
                pipeline.zrem(self._keys[4], self._holder)
                pipeline.execute()
        except redis.RedisError as error:
            log.warning("throttle silent", error=type(error).__name__)

    def leave_to_others(self) -> bool:
        """Ask for nothing more if anybody as urgent sends with the sender; False if nobody does. Places are kept."""
        try:
            return bool(self._leave_to_others(keys=[self._keys[4 if self._urgent else 2]], args=[self._holder]))
        except redis.RedisError as error:
            log.warning("throttle silent", error=type(error).__name__)
            return False
