"""The yardstick of sending: the async Twilio client alone, a hundred calls in flight, no database and no queue.

`python -m benchmarks.bare_client URL MESSAGES IN_FLIGHT [tuned]` prints the seconds it took. The client is as the
library makes it; `tuned`, it speaks through our HTTP client (campaigns/providers/twilio.py), which writes forms faster.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import uvloop
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from benchmarks.stage import ACCOUNT, NUMBER, TEXT, TOKEN, phone
from campaigns.providers.twilio import HttpClient

FRAME = "Municipalidad de Lima Norte: %s\nResponda ALTO para no recibir mas."
CALLBACK = "http://127.0.0.1:9/hooks/twilio/abcdefghijklmnopqrstuvwx/status?c=1&d=%d&n=1"


class _HttpClient(AsyncTwilioHttpClient):
    """The library's own, sent to the simulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        return await super().request(method, url.replace("https://api.twilio.com", self._url, 1), *args, **kwargs)


async def send_all(url: str, messages: int, in_flight: int, *, tuned: bool) -> float:
    """Send so many messages to as many phones and return the seconds from the first call to the last answer."""
    client = Client(ACCOUNT, TOKEN, http_client=HttpClient(url, 30.0) if tuned else _HttpClient(url))
    numbers = iter(range(messages))

    async def carry(mine: Iterator[int]) -> None:
        for number in mine:
            body = FRAME % TEXT.replace("{{nombre}}", f"Rosa {number}").replace("{{linea_111}}", "111")
            await client.messages.create_async(
                to=phone(number), from_=NUMBER, body=body, status_callback=CALLBACK % number, validity_period=36_000
            )

    began_at = asyncio.get_running_loop().time()
    await asyncio.gather(*(carry(numbers) for _ in range(in_flight)))
    seconds = asyncio.get_running_loop().time() - began_at
    await client.http_client.session.close()
    return seconds


if __name__ == "__main__":
    print(uvloop.run(send_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), tuned="tuned" in sys.argv[4:])))
