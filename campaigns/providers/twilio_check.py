"""Asks Twilio whether an account, its token and its number are right, without sending anything."""

import asyncio
from typing import Any, Final

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from campaigns.providers.contract import Account, NotSent
from campaigns.providers.twilio import HttpClient
from campaigns.providers.twilio_codes import failure
from campaigns.rules.outcomes import Failure
from campaigns.settings import Settings

_SECONDS: Final = 10.0  # somebody waits in front of a page
_ACTIVE: Final = "active"


async def check(account: Account, settings: Settings) -> Failure | None:
    """What is wrong with the account, its token or its number; None if all is right.

    Only a number of the account's own can be looked up: short codes, names and messaging services are believed.
    Raises NotSent when Twilio does not answer within ten seconds, or with nothing that can be read.
    """
    seconds = min(_SECONDS, settings.provider_timeout)
    http = HttpClient(settings.twilio_url, seconds)
    client = Client(account.account, account.secret, http_client=http, environment={"": ""})
    try:
        async with asyncio.timeout(seconds):
            return await _ask(client, account)
    except TwilioException as error:
        return _fault(error)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, AttributeError, KeyError):
        raise NotSent(seconds) from None
    finally:
        await http.session.close()


async def _ask(client: Client, account: Account) -> Failure | None:
    about = await client.api.v2010.accounts(account.account).fetch_async()
    if str(about.status) != _ACTIVE:
        return Failure.ACCOUNT
    if not account.address.startswith("+"):
        return None
    listed: list[Any] = await client.incoming_phone_numbers.list_async(phone_number=account.address, limit=20)
    return None if account.address in {one.phone_number for one in listed} else Failure.SENDER_REFUSED


def _fault(error: TwilioException) -> Failure:
    status = getattr(error, "status", None)
    if not isinstance(status, int) or status >= 500:
        raise NotSent(_SECONDS) from None
    reason = failure(getattr(error, "code", None))
    return Failure.CREDENTIALS if reason is Failure.OTHER and status in {401, 403, 404} else reason
