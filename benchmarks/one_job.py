"""The usual way, as a yardstick: one RQ job for each message, the stock synchronous client, a worker that never forks.

`python -m benchmarks.one_job URL REDIS_URL MESSAGES` prints the seconds from the first job to the last. Nothing is read
from or written to a database, which such a job would have to do as well.
"""

import sys
import time
from functools import lru_cache
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from benchmarks.stage import ACCOUNT, NUMBER, TEXT, TOKEN, phone

_QUEUE = "one-job"


class _HttpClient(TwilioHttpClient):
    """The stock client, sent to the simulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        return super().request(method, url.replace("https://api.twilio.com", self._url, 1), *args, **kwargs)


@lru_cache(maxsize=1)
def _client(url: str) -> Client:
    return Client(ACCOUNT, TOKEN, http_client=_HttpClient(url))


def send(url: str, number: int) -> None:
    """The job: one message."""
    _client(url).messages.create(to=phone(number), from_=NUMBER, body=TEXT)


def send_all(url: str, redis_url: str, messages: int) -> float:
    """Seconds for so many jobs that waited already."""
    with redis.Redis.from_url(redis_url) as valkey:
        queue = Queue(_QUEUE, connection=valkey, serializer=JSONSerializer)
        jobs = [
            Queue.prepare_data("benchmarks.one_job.send", args=(url, number), result_ttl=0)
            for number in range(messages)
        ]
        queue.enqueue_many(jobs)
        worker = SimpleWorker([queue], connection=valkey, serializer=JSONSerializer, log_job_description=False)
        began_at = time.monotonic()
        worker.work(burst=True, logging_level="ERROR")
        return time.monotonic() - began_at


if __name__ == "__main__":
    print(send_all(sys.argv[1], sys.argv[2], int(sys.argv[3])))
