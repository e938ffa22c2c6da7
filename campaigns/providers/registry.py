"""Which code speaks to which vendor."""

from collections.abc import Awaitable, Callable
from typing import Final

from campaigns.providers import smtp, smtp_check, twilio, twilio_check
from campaigns.providers.contract import Account, Provider
from campaigns.rules.outcomes import Failure
from campaigns.settings import Settings

_PROVIDERS: Final[dict[str, Callable[[Account, Settings], Provider]]] = {"twilio": twilio.Twilio, "smtp": smtp.Smtp}
_CHECKS: Final[dict[str, Callable[[Account, Settings], Awaitable[Failure | None]]]] = {
    "twilio": twilio_check.check,
    "smtp": smtp_check.check,
}


def connect(name: str, account: Account, settings: Settings) -> Provider:
    """A connection of the vendor `name` for this account. Call it inside the event loop that will use it."""
    return _PROVIDERS[name](account, settings)


async def check(name: str, account: Account, settings: Settings) -> Failure | None:
    """Ask the vendor `name` whether account, secret and address are right; None if they are. Sends nothing.

    Raises NotSent when the vendor cannot be asked now.
    """
    return await _CHECKS[name](account, settings)
