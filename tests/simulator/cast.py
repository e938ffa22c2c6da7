"""Who plays in these tests: the simulator as a process, the real Twilio clients, and a product that listens."""

import base64
import json
import queue
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qsl

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

SID = "AC" + "0a" * 16
TOKEN = "token-of-the-first-account"
OTHER_SID = "AC" + "0b" * 16
OTHER_TOKEN = "token-of-the-second-account"
NUMBER, SHORT_CODE, OTHER_NUMBER = "+5117000001", "29111", "+5117000009"
SERVICE = "MG" + SID[2:]
ROSA, LUIS = "+51987654321", "+51912345678"


class Rewritten(TwilioHttpClient):
    """Twilio's own sync client, sent to the simulator instead of api.twilio.com."""

    def __init__(self, base: str, timeout: float = 10) -> None:
        super().__init__(timeout=timeout)
        self.base = base

    def request(self, method, url, *args, **kwargs):
        return super().request(method, url.replace("https://api.twilio.com", self.base), *args, **kwargs)


class AsyncRewritten(AsyncTwilioHttpClient):
    """Twilio's own async client, sent to the simulator."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    async def request(self, method, url, params=None, data=None, headers=None, auth=None, **rest):
        # Twilio 9.13 gives aiohttp an `auth` that aiohttp 3.14 warns about: the header is the same.
        headers = {**(headers or {}), "Authorization": aiohttp.encode_basic_auth(*auth)} if auth else headers
        url = url.replace("https://api.twilio.com", self.base)
        return await super().request(method, url, params, data, headers, **rest)


@dataclass
class Simulator:
    """A running simulator, steered by its control calls."""

    base: str
    clients: list[Rewritten] = field(default_factory=list)

    def call(self, path: str, given: object = None, *, headers: dict[str, str] | None = None) -> tuple[int, dict]:
        """GET, or POST JSON when something is given; returns status and JSON, whatever the status."""
        data = None if given is None else given if isinstance(given, bytes) else json.dumps(given).encode()
        request = urllib.request.Request(self.base + path, data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def control(self, path: str, given: object = None) -> dict:
        status, answer = self.call("/control/" + path, given)
        assert status == 200, answer
        return answer

    def faults(self, **given: object) -> dict:
        return self.control("faults", given)

    def client(self, sid: str = SID, token: str = TOKEN, timeout: float = 10) -> Client:
        http = Rewritten(self.base, timeout)
        self.clients.append(http)
        return Client(sid, token, http_client=http)

    def texts(self, phone: str) -> list[str]:
        return [entry["body"] for entry in self.control("ledger")["phones"].get(phone, [])]

    def close(self) -> None:
        for client in self.clients:
            client.session.close()


@dataclass
class Hook:
    """One webhook as the product got it."""

    path: str
    form: dict[str, str]
    signed: bool
    headers: dict[str, str]


class Product:
    """A small product: keeps every webhook, checks its signature, answers what it is told."""

    def __init__(self, port: int = 0) -> None:
        self.hooks: queue.Queue[Hook] = queue.Queue()
        self.answer: tuple[int, str, str] = (204, "text/xml", "")
        product = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(raw, keep_blank_values=True, errors="strict"))
                signature = self.headers["X-Twilio-Signature"]
                token = OTHER_TOKEN if form["AccountSid"] == OTHER_SID else TOKEN
                signed = RequestValidator(token).validate(product.base + self.path, form, signature)
                product.hooks.put(Hook(self.path, form, signed, dict(self.headers)))
                status, kind, text = product.answer
                self.send_response(status)
                body = text.encode()
                if status != 204:
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(body)

            def log_message(self, *_args) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def take(self, count: int) -> list[Hook]:
        """Return the next `count` webhooks, in the order in which they came."""
        return [self.hooks.get(timeout=60) for _ in range(count)]

    def silence(self, seconds: float) -> bool:
        """Does nothing come for so long?"""
        try:
            self.hooks.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def create_head(length: int, more: str = "", token: str = TOKEN) -> bytes:
    """The request line and headers of a create with a body of so many bytes."""
    basic = base64.b64encode(f"{SID}:{token}".encode()).decode()
    return (
        f"POST /2010-04-01/Accounts/{SID}/Messages.json HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n{more}Content-Length: {length}\r\n\r\n"
    ).encode()


def start_with_mail(*options: str) -> tuple[subprocess.Popen, str, int]:
    """Start a simulator on free ports and return it with its address and its mail port, read from the ready lines."""
    process, base = start(*options)
    line = process.stdout.readline()
    assert line.startswith("simulator takes mail on smtp://127.0.0.1:"), line
    return process, base, int(line.rpartition(":")[2])


def start(*options: str) -> tuple[subprocess.Popen, str]:
    """Start a simulator on a free port and return it with its address, read from the ready line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", *options], stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    assert line.startswith("simulator ready on http://127.0.0.1:"), line
    return process, line.split()[-1]


def until(check: Callable[[], object], seconds: float = 60) -> object:
    """Return what `check` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found
