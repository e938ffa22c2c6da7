"""The yardsticks of mail: a ready mail over connections that are kept, and the usual way.

The usual way writes each person's mail with the standard library and sends it with smtplib over its own connection.

`python -m benchmarks.bare_mail PORT MAILS CONNECTIONS` prints the seconds aiosmtplib took over so many kept
connections; with `one` behind it, the seconds smtplib took with a connection for each.
"""

import asyncio
import smtplib
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib
import uvloop

from benchmarks.mail_stage import ADDRESS, BOUNCE_DOMAIN, address

_WORDS = "No pague ni responda a amenazas. Llame gratis al 111, puede ser anónimo. " * 12
_PAGE = f"<!doctype html><html lang=es><body>{'<p style=margin:0>' + _WORDS}</body></html>" * 6


def written(number: int) -> EmailMessage:
    """One person's mail, about as long as ours."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ADDRESS, address(number), f"Aviso para Transportes {number}"
    message.set_content(f"Hola Rosa {number}:\n\n{_WORDS}")
    message.add_alternative(_PAGE, subtype="html")
    return message


async def send_kept(port: int, mails: int, connections: int) -> float:
    """Seconds from the first mail to the last answer; the connections stand already."""
    content, numbers = written(0).as_bytes(policy=SMTP), iter(range(mails))
    lines = [aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) for _ in range(connections)]
    for line in lines:
        await line.connect()

    async def carry(line: aiosmtplib.SMTP, mine: Iterator[int]) -> None:
        for number in mine:
            await line.mail(f"b-{number}@{BOUNCE_DOMAIN}")
            await line.rcpt(address(number))
            await line.data(content)

    began_at = time.monotonic()
    await asyncio.gather(*(carry(line, numbers) for line in lines))
    seconds = time.monotonic() - began_at
    for line in lines:
        await line.quit()
    return seconds


def send_one_each(port: int, mails: int) -> float:
    """Seconds for so many mails, each written and sent over a connection of its own."""
    began_at = time.monotonic()
    for number in range(mails):
        with smtplib.SMTP("127.0.0.1", port) as line:
            line.send_message(written(number), f"b-{number}@{BOUNCE_DOMAIN}", [address(number)])
    return time.monotonic() - began_at


if __name__ == "__main__":
    _port, _mails, _connections = (int(each) for each in sys.argv[1:4])
    if "one" in sys.argv[4:]:
        print(send_one_each(_port, _mails))
    else:
        print(uvloop.run(send_kept(_port, _mails, _connections)))
