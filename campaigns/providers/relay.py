"""The installation's mail relay: letters to staff go through it. Contacts are never written to from here."""

from dataclasses import dataclass, field, replace

from campaigns.providers import mime
from campaigns.providers.contract import Account, Outgoing, Security, Server
from campaigns.providers.smtp import Smtp
from campaigns.settings import Settings


@dataclass(frozen=True)
class Ready:
    """One letter as it goes out, headers and all. `to` and `content` are never shown by repr()."""

    to: str = field(repr=False)
    content: bytes = field(repr=False)


class Relay:
    """A line to the relay, kept between letters."""

    def __init__(self, settings: Settings, *, seconds: float) -> None:
        """`seconds` is how long each answer may take. Raises ValueError where no relay is set up."""
        chosen = settings.mail_relay
        if chosen is None:
            raise ValueError("OUTREACH_MAIL_URL is not set")
        server = Server(chosen.host, chosen.port, Security(chosen.security))
        account = Account(0, chosen.sender, chosen.user, chosen.password, server)
        self._sender = chosen.sender
        self._smtp = Smtp(account, replace(settings, provider_timeout=seconds))

    async def hand_over(self, letter: Ready) -> None:
        """Hand a letter over. Raises contract.Refused, NotSent or Unclear."""
        to = mime.ascii_address(letter.to)
        await self._smtp.send(Outgoing(to, "", "", 0, content=letter.content, return_path=self._sender))

    async def close(self) -> None:
        """Give the line back. May be called twice."""
        await self._smtp.close()
