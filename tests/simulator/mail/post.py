"""Who plays in the tests of mail: the simulator with both of its ways in, a real client, and a product that listens."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

import aiosmtplib
from aiosmtpd.smtp import SMTP
from simulator_cast import Simulator

SENDER = "b-abc123@bounce.agency.example"
ROSA, LUIS = "rosa@empresa.example", "luis@empresa.example"
RAW = (
    b"From: Agencia <avisos@agency.example>\r\nTo: rosa@empresa.example\r\n"
    b"Subject: =?utf-8?q?Aviso_a_=C3=91a=C3=B1a?=\r\n"
    b"Message-ID: <d42@agency.example>\r\nReply-To: respuestas@agency.example\r\n\r\nHola.\r\n"
)


@dataclass
class Post(Simulator):
    """A running simulator and its mail port."""

    port: int = 0

    def mail_faults(self, **given: object) -> dict:
        return self.faults(mail=given)["mail"]

    def mails(self, address: str | None = None, query: str = "") -> dict[str, list[dict]]:
        return self.control(f"mails?to={address}" if address else f"mails?{query}")["mailboxes"]

    def counters(self) -> dict:
        return self.control("counters")["mail"]

    def events(self) -> list[dict]:
        return self.control("mails/events")["events"]

    def run(self, work: Callable[["aiosmtplib.SMTP"], Coroutine], **options: object) -> object:
        """Do some work with a connected client."""

        async def whole() -> object:
            settings = {"start_tls": False, "timeout": 10, **options}
            client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, **settings)
            try:
                await client.connect()
                return await work(client)
            finally:
                client.close()
                await asyncio.sleep(0.02 if settings["start_tls"] else 0)  # TLS says good-bye

        return asyncio.run(whole())

    def send(self, to: str = ROSA, raw: bytes = RAW, sender: str = SENDER, **options: object) -> str:
        """Hand over one mail and return the final answer."""
        return self.run(lambda client: deliver(client, to, raw, sender), **options)

    def refusal(self, to: str = ROSA, sender: str = SENDER, **options: object) -> tuple[int, str]:
        """Hand over one mail that is refused, and return how."""
        try:
            self.send(to, sender=sender, **options)
        except aiosmtplib.SMTPResponseException as error:
            return error.code, error.message
        raise AssertionError("it was taken")


async def deliver(client: aiosmtplib.SMTP, to: str = ROSA, raw: bytes = RAW, sender: str = SENDER) -> str:
    await client.mail(sender)
    await client.rcpt(to)
    answer = await client.data(raw)
    return f"{answer.code} {answer.message}"


@dataclass
class Got:
    """One mail as the product's receiver got it."""

    sender: str | None
    to: list[str]
    message: EmailMessage

    def report(self) -> dict[str, str]:
        """The fields of a report's second part, all blocks in one."""
        blocks = self.message.get_payload(1).get_payload()
        blocks = blocks if isinstance(blocks, list) else [message_from_bytes(blocks.encode(), policy=policy.default)]
        return {name: value for block in blocks for name, value in block.items()}


class Receiver:
    """The product's SMTP receiver: keeps every mail, answers what it is told."""

    def __init__(self) -> None:
        self.got: queue.Queue[Got] = queue.Queue()
        self.answers: list[str] = []
        receiver = self

        class Handler:
            async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 -- aiosmtpd's name
                if receiver.answers:
                    return receiver.answers.pop(0)
                message = message_from_bytes(envelope.content, policy=policy.default)
                sender = "" if envelope.mail_from == "<>" else envelope.mail_from  # how aiosmtpd writes null
                receiver.got.put(Got(sender, envelope.rcpt_tos, message))
                return "250 2.0.0 OK"

        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        listening = self.loop.create_server(
            lambda: SMTP(Handler(), enable_SMTPUTF8=True, loop=self.loop), "127.0.0.1", 0
        )
        self.server = asyncio.run_coroutine_threadsafe(listening, self.loop).result(10)
        self.address = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    def take(self) -> Got:
        return self.got.get(timeout=10)

    def close(self) -> None:
        async def end() -> None:
            self.server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0.01)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
