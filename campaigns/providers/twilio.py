"""Twilio: hands texts over and asks for lost ones, through the vendor's own async client (DOMAIN 1.1, 1.8, 1.9).

The stock client ignores time-outs, repeats POSTs and forgets headers: its HTTP client is replaced here (DESIGN 11).
"""

import json
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.base.version import Version
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from yarl import URL

from campaigns.providers.contract import Account, Found, NotSent, Outgoing, Refused, Unclear
from campaigns.providers.twilio_codes import LATER, STATUS, failure
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from campaigns.settings import Settings

_HOME: Final = "https://api.twilio.com"
_FORM: Final = URL("/")
_CONNECT_SECONDS: Final = 10.0
_BACKOFF_SECONDS: Final = 0.5  # without Retry-After; whoever calls doubles it
_LONGEST_WAIT: Final = 3600.0
_LONGEST_VALIDITY: Final = 36_000
_SERVICE_PREFIX: Final = "MG"
_NOT_OURS: Final = frozenset({401, 403, 404})
_UNKNOWN: Final = 404
_MAY_HAVE_ARRIVED: Final = frozenset({408, 425})  # a proxy's words about a request it may have passed on
_LOOK_AT_MOST: Final = 200


class HttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]
    """The library's HTTP client with our address, real time-outs and no logging. Build it inside the running loop."""

    def __init__(self, base_url: str, timeout: float) -> None:
        super().__init__(pool_connections=False)
        self._base_url = base_url
        self._limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(_CONNECT_SECONDS, timeout))
        connector, no_cookies = aiohttp.TCPConnector(limit=0), aiohttp.DummyCookieJar()
        self.session = aiohttp.ClientSession(connector=connector, cookie_jar=no_cookies)
        self._address, self._authorization = lru_cache(64)(self._address_of), lru_cache(4)(aiohttp.encode_basic_auth)

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the library's signature; ours is fixed per client
        allow_redirects: bool = False,
    ) -> Response:
        """One request, never repeated. Raises NotSent for "too many requests", with the wait the answer asked for."""
        sent = dict(headers or {})
        if auth is not None:
            sent["Authorization"] = self._authorization(*auth)
        async with self.session.request(
            method,
            self._address(url),
            params=params or None,
            # aiohttp's own way of writing forms takes a third of the time of a call; this one is compiled.
            data=_FORM.with_query(data).raw_query_string.encode() if data else None,
            headers=sent,
            timeout=self._limits,
            allow_redirects=allow_redirects,
        ) as answer:
            if answer.status == 429:
                raise NotSent(_retry_after(answer.headers))
            # In UTF-8, always: to work out the charset takes longer than to read the answer.
            text = (await answer.read()).decode("utf-8", "replace")
            return Response(answer.status, text, answer.headers)

    def _address_of(self, url: str) -> URL:
        return URL(url.replace(_HOME, self._base_url, 1))


class Twilio:
    """One account's connection, sending as one number or messaging service."""

    def __init__(self, account: Account, settings: Settings) -> None:
        self._account = account
        self._http = HttpClient(settings.twilio_url, settings.provider_timeout)
        # `environment`: or the library reads account, token and region from the process's own.
        self._client = Client(account.account, account.secret, http_client=self._http, environment={"": ""})
        is_service = account.address.startswith(_SERVICE_PREFIX)
        self._sender = {"MessagingServiceSid" if is_service else "From": account.address}
        self._listed_as = {} if is_service else {"from_": account.address}
        self._uri = f"{_HOME}/2010-04-01/Accounts/{account.account}/Messages.json"
        self._headers, self._auth = self._client.get_headers("POST", None), (account.account, account.secret)

    async def send(self, message: Outgoing) -> str:
        """Hand over; returns the message's SID. Raises Refused, NotSent or Unclear (DOMAIN 1.8)."""
        form = {
            **self._sender,
            "To": message.to,
            "Body": message.body,
            "StatusCallback": message.callback_url,
            "ValidityPeriod": max(1, min(_LONGEST_VALIDITY, message.validity)),
        }
        try:
            # Below messages.create_async(), which works out the same address and headers for each message, and reads
            # dates and prices that nobody looks at.
            answer = await self._http.request("POST", self._uri, data=form, headers=self._headers, auth=self._auth)
            if not 200 <= answer.status_code < 300:
                raise Version.exception("POST", self._uri, answer, "Unable to create record")
            ref = json.loads(answer.text)["sid"]
        except TwilioException as error:
            raise _outcome(error) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise NotSent(_BACKOFF_SECONDS) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, LookupError):
            # Read time-out, a reset, an answer that is no JSON or no message: it may have been taken.
            raise Unclear from None
        if not isinstance(ref, str):
            raise Unclear
        return ref

    async def find(self, message: Outgoing, since: datetime, known: Collection[str] = ()) -> Found | None:
        """Look for a message by recipient, time and exact text; None proves that there is none.

        Messages whose SID is in `known` are other deliveries' and left out. Raises NotSent when Twilio cannot be asked,
        or holds another text to this person of that time: a text that was redacted or rewritten there cannot be told
        from ours, and writing twice is worse than not knowing.
        """
        others = False
        try:
            async for record in self._recent(message.to, since):
                if record.sid in known:
                    continue
                if (record.body or "").endswith(message.body):  # a trial account writes words of its own before it
                    return _found(record)
                others = others or not record.body or record.status not in ("failed", "canceled")
        except (TwilioException, aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, AttributeError):
            raise NotSent(_BACKOFF_SECONDS) from None
        if others:
            raise NotSent(_LONGEST_WAIT)
        return None

    async def look(self, ref: str) -> Found | None:
        """Where the message with this SID stands; None if Twilio does not know it. Raises NotSent if it cannot say."""
        try:
            return _found(await self._client.messages(ref).fetch_async())
        except TwilioException as error:
            if getattr(error, "status", None) == _UNKNOWN:
                return None
            raise NotSent(_BACKOFF_SECONDS) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, AttributeError):
            raise NotSent(_BACKOFF_SECONDS) from None

    async def _recent(self, to: str, since: datetime) -> AsyncIterator[Any]:
        # Not filtered by DateSent: what still waits in the queue there has none (DOMAIN 1.8).
        looked = 0
        async for record in await self._client.messages.stream_async(to=to, page_size=50, **self._listed_as):
            looked += 1
            if record.direction == "inbound":
                continue
            if looked > _LOOK_AT_MOST or record.date_created is None:
                raise ValueError("this list cannot be judged")
            if record.date_created.astimezone(UTC) < since:
                return
            yield record

    async def close(self) -> None:
        """Give the connections back. May be called twice."""
        await self._http.session.close()


def _outcome(error: TwilioException) -> Exception:
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if not isinstance(status, int) or not 400 <= status < 500 or status in _MAY_HAVE_ARRIVED:
        return Unclear()
    if code in LATER:
        return NotSent(LATER[code])
    reason = failure(code)
    if reason is Failure.OTHER and status in _NOT_OURS:
        reason = Failure.CREDENTIALS  # a wrong address or account: says nothing about the person
    return Refused(reason)


def _found(record: Any) -> Found:
    state = STATUS.get(str(record.status), State.SENT)
    return Found(str(record.sid), state, failure(record.error_code) if state is State.FAILED else None)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds, or until a date (RFC 9110); whoever asks for nothing readable is waited for a little."""
    asked = headers.get("Retry-After", "")
    try:
        seconds = (
            float(asked) if asked[:1].isdigit() else (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
        )
        return min(_LONGEST_WAIT, max(0.0, seconds))
    except (ValueError, TypeError):
        return _BACKOFF_SECONDS
