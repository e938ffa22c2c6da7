"""Fast mode: plain mail is taken straight from the socket; all else goes to the ordinary server, connection and all.

aiosmtpd reads a mail line by line and an address by a grammar. Here a command is matched by one expression and a mail
found by its end, several times as fast: a measurement then measures the sender. A connection that says anything
unusual (STARTTLS, AUTH, an address in quotes, a command out of order), or says MAIL while a fault is on, is handed
over for good, in the middle of a mail if need be: same answers, same record.
"""

import asyncio
import re
from typing import cast

from simulator.mail.faults import AFTER, MailFault, magic
from simulator.mail.mailboxes import Mail
from simulator.mail.office import PostOffice, Transaction
from simulator.mail.policy import BIGGEST_MAIL, GREETING, LONGEST_LINE
from simulator.mail.server import HANG_SECONDS, MailServer

_ATOMS = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MAIL = re.compile(rb"MAIL FROM:<(" + _ATOMS + rb"|)>((?: (?:BODY=8BITMIME|BODY=7BIT|SIZE=[0-9]{1,7}))*)", re.I)
_RCPT = re.compile(rb"RCPT TO:<(" + _ATOMS + rb")>", re.I)
_EHLO = re.compile(rb"EHLO [!-~]+", re.I)
_LONGEST_COMMAND = 512
_END = b"\r\n.\r\n"
_STUFFED = re.compile(rb"(?:(?<=\r\n)|\A)\.")


class FastServer:
    """Fast connections of a mail server."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.office = server.office
        self.open: set[FastConversation] = set()
        self.features = "\r\n".join(server.policy.features(tls_active=False)).encode() + b"\r\n"

    def conversation(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        if not (self.server.policy.is_open and self.office.faults.spare_commands):
            return self.server.conversation()
        made = FastConversation(self)
        self.open.add(made)
        return made

    def close(self) -> None:
        """Cut the connections that were not handed over."""
        for conversation in list(self.open):
            conversation.abort()


class FastConversation(asyncio.Protocol):
    """One kept connection: command after command, pipelined or not."""

    def __init__(self, owner: FastServer) -> None:
        self._owner = owner
        self._office: PostOffice = owner.office
        self._transport: asyncio.Transport | None = None
        self._rest = bytearray()  # what came and was not read yet
        self._answers: list[bytes] = []
        self._known = False  # EHLO came
        self._mail: Transaction | None = None
        self._in_data = False
        self._too_big = False
        self._answering: asyncio.TimerHandle | None = None
        self._taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._office.connect()
        self._transport.write(GREETING.encode() + b"\r\n")

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by the loop: the client is gone, what was kept stays."""
        if self._transport is not None:
            self._transport = None
            self._office.disconnect()
        self._owner.open.discard(self)
        if self._answering is not None:
            self._answering.cancel()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        searched = max(0, len(self._rest) - len(_END))
        self._rest += data
        if self._answering is None:
            self._read(searched)
            self._flush()

    def _read(self, searched: int = 0) -> None:
        """Read as much of what came as is whole and may be read now."""
        while self._rest and self._transport is not None and self._answering is None:
            if self._in_data:
                if not self._read_data(searched):
                    return
            else:
                end = self._rest.find(b"\r\n")
                if end < 0 and len(self._rest) <= _LONGEST_COMMAND:
                    return
                line = bytes(self._rest[:end]) if 0 <= end <= _LONGEST_COMMAND else b""
                if not self._obey(line):
                    self._hand_over()
                    return
                if self._transport is not None:
                    del self._rest[: end + 2]
            searched = 0

    def _obey(self, line: bytes) -> bool:
        """Do what a command says; False when it is for the ordinary server."""
        word = line[:4].upper()
        if word == b"MAIL":
            return self._begin(line)
        if word == b"RCPT":
            return self._address(line)
        if word == b"DATA" and len(line) == 4 and self._mail is not None and self._mail.recipients:
            self._in_data = True
            self._answers.append(b"354 End data with <CR><LF>.<CR><LF>\r\n")
        elif word == b"EHLO" and _EHLO.fullmatch(line):
            self._known, self._mail = True, None
            self._answers.append(self._owner.features)
        elif word == b"RSET" and len(line) == 4:
            self._mail = None
            self._answers.append(b"250 OK\r\n")
        elif word == b"NOOP" and len(line) == 4:
            self._answers.append(b"250 OK\r\n")
        elif word == b"QUIT" and len(line) == 4 and self._transport is not None:
            self._answers.append(b"221 Bye\r\n")
            self._flush()
            self._transport.close()
            self._rest.clear()
        else:
            return False
        return True

    def _begin(self, line: bytes) -> bool:
        found = _MAIL.fullmatch(line)
        if found is None or not self._known or self._mail is not None or not self._office.faults.spare_commands:
            return False
        self._mail = Transaction(found[1].decode("ascii"), self._office.clock.now())
        self._answers.append(b"250 2.1.0 OK\r\n")
        return True

    def _address(self, line: bytes) -> bool:
        found = _RCPT.fullmatch(line)
        if found is None or self._mail is None or not self._office.faults.spare_commands:
            return False
        address = found[1].decode("ascii")
        asked = magic(address)
        if asked is not None and asked.outcome is None:
            return False
        self._mail.recipients.append(address)
        self._answers.append(b"250 2.1.5 OK\r\n")
        return True

    def _read_data(self, searched: int) -> bool:
        """Take the mail if its end has come; False when more must come first."""
        rest = self._rest
        if not self._too_big and rest.startswith(_END[2:]):
            raw, after = b"", len(_END) - 2
        else:
            end = rest.find(_END, searched)
            if end < 0:
                if len(rest) > BIGGEST_MAIL:
                    self._too_big = True
                    del rest[: -len(_END)]
                return False
            raw, after = bytes(rest[: end + 2]), end + len(_END)
        del rest[:after]
        transaction, self._mail, self._in_data = self._mail, None, False
        if transaction is not None:
            self._end(transaction, raw)
        return True

    def _end(self, transaction: Transaction, raw: bytes) -> None:
        """Keep a mail and answer, or refuse it."""
        if self._too_big:
            self._too_big = False
            self._answers.append(b"552 Error: Too much mail data\r\n")
            return
        if len(raw) > LONGEST_LINE and max(map(len, raw.split(b"\r\n"))) > LONGEST_LINE:
            self._answers.append(b"500 Line too long (see RFC5321 4.5.3.1.6)\r\n")
            return
        fault = None if self._office.faults.spare_commands else self._office.at_end(transaction)
        if fault is not None and fault.kind not in AFTER:
            self._meet(fault)
            return
        if b"\r\n." in raw or raw.startswith(b"."):
            raw = _STUFFED.sub(b"", raw)
        mail = self._office.keep(transaction, raw)
        self._taken += 1
        if fault is not None:
            self._meet(fault)
            return
        delay = self._office.faults.between(self._office.faults.latency)
        if delay > 0:
            self._flush()
            self._answering = asyncio.get_running_loop().call_later(delay, self._late, mail)
        else:
            self._confirm(mail)

    def _confirm(self, mail: Mail) -> None:
        mail.answer = f"250 2.0.0 OK: queued as {mail.id}"
        self._answers.append(mail.answer.encode() + b"\r\n")

    def _late(self, mail: Mail) -> None:
        self._answering = None
        self._confirm(mail)
        self._read()
        self._flush()

    def _meet(self, fault: MailFault) -> None:
        """A fault that was turned on in the middle of this mail."""
        if fault.kind == "refuse":
            self._answers.append(fault.line().encode() + b"\r\n")
            if fault.code == 421 and self._transport is not None:
                self._flush()
                self._transport.close()
        elif fault.kind.startswith("hang"):
            self._flush()
            self._answering = asyncio.get_running_loop().call_later(HANG_SECONDS, self.abort)
        else:
            self.abort()

    def _flush(self) -> None:
        if self._answers and self._transport is not None:
            self._transport.write(b"".join(self._answers))
        self._answers.clear()

    def _hand_over(self) -> None:
        """Let the ordinary server go on with this connection, from the command that is at hand."""
        self._flush()
        transport, self._transport = self._transport, None
        self._owner.open.discard(self)
        if transport is not None:
            conversation = self._owner.server.conversation(self._taken)
            conversation.take_over(transport, (self._known, self._mail), bytes(self._rest))
