"""How many mails a recipient's domain is sent per second, by all workers together: large ones refuse who sends faster.

Counted in Valkey, per domain under its blind index: a small business is named by its domain. Closed when in doubt. What
may not go yet gets a turn of its own, so that it comes back about when it may, and not sooner.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import redis
import structlog

from campaigns.vault import Vault

log = structlog.get_logger(__name__)

_BURST_SECONDS: Final = 0.5
_SILENT_SECONDS: Final = 1.0
_LONGEST_WAIT: Final = 3600.0

# Times are microseconds of Valkey's own clock. KEYS: per domain its clock and its line of those who wait.
# ARGV: mails per second, burst, mails for each domain.
# Returns per domain the mails granted, and when it is the turn of the first that was not.
_ADMIT: Final = """
local now = redis.call('TIME'); now = now[1] * 1000000 + now[2]
local each, burst, found = 1000000 / tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for i = 1, #KEYS, 2 do
  local wanted = tonumber(ARGV[2 + (i + 1) / 2])
  local from = math.min(now, math.max(tonumber(redis.call('GET', KEYS[i]) or 0), now - math.max(burst, each)))
  local granted = math.min(wanted, math.floor((now - from) / each + 0.000001))
  redis.call('SET', KEYS[i], string.format('%.0f', from + granted * each), 'PX', 60000)
  local turn = math.max(tonumber(redis.call('GET', KEYS[i + 1]) or now), now)
  if wanted > granted then
    local last = turn + (wanted - granted) * each
    redis.call('SET', KEYS[i + 1], string.format('%.0f', last), 'PX', math.ceil((last - now) / 1000) + 1)
  end
  found[#found + 1] = {granted, math.ceil(turn + each - now)}
end
return found
"""


class DomainPace:
    """The pace of every recipient's domain, asked by one worker. Without a limit everything may go."""

    def __init__(self, valkey: redis.Redis, vault: Vault, mails_per_second: int) -> None:
        self._vault, self._rate = vault, mails_per_second
        self._admit = valkey.register_script(_ADMIT)

    def waits(self, addresses: Sequence[str]) -> list[float]:
        """For each of these mails the seconds it must wait; 0.0 for what may go now, which counts as gone."""
        if not self._rate or not addresses:
            return [0.0] * len(addresses)
        domains = [address.rpartition("@")[2].lower() for address in addresses]
        counted = Counter(domains)
        keys = [key for domain in counted for key in self._keys(domain)]
        arguments = [self._rate, int(_BURST_SECONDS * 1_000_000), *counted.values()]
        try:
            answers = self._admit(keys=keys, args=arguments)
        except redis.RedisError as error:
            log.warning("domain pace silent", error=type(error).__name__)
            return [_SILENT_SECONDS] * len(addresses)
        left = {domain: int(granted) for domain, (granted, _) in zip(counted, answers, strict=True)}
        turns = {domain: int(first) / 1_000_000 for domain, (_, first) in zip(counted, answers, strict=True)}
        waits = []
        for domain in domains:
            if left[domain]:
                left[domain] -= 1
                waits.append(0.0)
            else:
                waits.append(min(_LONGEST_WAIT, turns[domain]))
                turns[domain] += 1 / self._rate
        return waits

    def _keys(self, domain: str) -> tuple[str, str]:
        index = self._vault.address_index(f"@{domain}").hex()
        return f"domain:{index}:clock", f"domain:{index}:line"
