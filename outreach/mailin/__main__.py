"""The receiver as a program: `outreach mailin`, or a part of `outreach serve`."""

import asyncio
import logging
import signal
import sys

from campaigns.links import Signer
from campaigns.mail_inbound import Mailroom
from campaigns.settings import Settings
from outreach.cli import settings
from outreach.database import connect
from outreach.mailin import server
from outreach.mailin.certificate import tls_of
from outreach.mailin.desk import Desk


async def run(chosen: Settings, room: Mailroom) -> None:
    """Take mails until SIGTERM or SIGINT."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    receiver = server.MailServer(Desk(room), name=server.name_of(chosen), tls=tls_of(chosen))
    port = await receiver.listen(chosen.mailin_host, chosen.mailin_port)
    sys.stdout.write(f"outreach takes mail on smtp://{chosen.mailin_host}:{port}\n")
    sys.stdout.flush()
    await told.wait()
    await receiver.close()


def main() -> None:
    """Run until told to stop; what is wrong with a setting is one sentence."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    chosen = settings()
    connections = connect(chosen, size=8)
    try:
        signer = Signer(chosen.secret_key)
        asyncio.run(run(chosen, Mailroom(connections.sessions, connections.vault, connections.valkey, signer)))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    finally:
        connections.close()


if __name__ == "__main__":
    main()
