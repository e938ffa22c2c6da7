"""Opens the mail server as the settings ask for it."""

from simulator.mail import certificate
from simulator.mail.fast import FastServer
from simulator.mail.office import PostOffice
from simulator.mail.policy import Policy
from simulator.mail.server import MailServer
from simulator.settings import Settings

USUAL_PORT = 8025


class MailDoor:
    """The listening mail server, ordinary or fast, and its certificate as PEM."""

    def __init__(self, office: PostOffice, settings: Settings) -> None:
        chosen = settings.mail
        tls, self.certificate = (None, "") if chosen.tls == "off" else certificate.make()
        self._server = MailServer(office, Policy(tls, chosen.tls == "required", chosen.user, chosen.password))
        self._fast = FastServer(self._server) if settings.fast else None
        self._host, self._port = settings.host, chosen.port
        self._office = office
        office.outbox.mailin, office.outbox.complaints_to = chosen.mailin, chosen.complaints_to

    async def listen(self) -> int:
        """Listen and return the port. Raises OSError when a port that was named is taken."""
        factory = self._fast.conversation if self._fast else None
        if self._port is not None:
            return await self._server.listen(self._host, self._port, factory)
        try:
            return await self._server.listen(self._host, USUAL_PORT, factory)
        except OSError:
            return await self._server.listen(self._host, 0, factory)

    async def close(self) -> None:
        """Listen no more, cut what is open and end what is being sent."""
        await self._server.close()
        if self._fast:
            self._fast.close()
        await self._office.outbox.stop()
