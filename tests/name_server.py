"""A name server of a test's own on loopback, over UDP and TCP, with a zone the test writes and the faults it wants."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, Mapping[str, str | list[str]]]


class NameServer:
    """Answers from `zone`, {name: {kind: record or records}}; a name not in it does not exist. TXT is written plain.

    `faults`: {name: "servfail" | "refused" | "silent" | "garbled" | "truncated" | seconds to wait}.
    """

    def __init__(self) -> None:
        self.zone: dict[str, Mapping[str, str | list[str]]] = {}
        self.faults: dict[str, str | float] = {}
        self.everything: str | float | None = None  # a fault of every name
        self.asked: list[tuple[str, str, str]] = []  # name, kind, "udp" or "tcp"
        self.port = 0

    @property
    def address(self) -> str:
        """For OUTREACH_RESOLVER."""
        return f"127.0.0.1:{self.port}"

    def answer(self, wire: bytes, way: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, way))
        fault = self.faults.get(name, self.everything)
        if isinstance(fault, float):
            time.sleep(fault)
        reply = dns.message.make_response(query, recursion_available=True)
        if fault == "silent":
            return None
        if fault == "garbled" and way == "tcp":
            return wire[:2] + b"\x81\x80" + b"\xff" * 20
        if fault in ("servfail", "refused"):
            reply.set_rcode(dns.rcode.SERVFAIL if fault == "servfail" else dns.rcode.REFUSED)
        elif fault in ("truncated", "garbled") and way == "udp":
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, name, kind)
        return reply.to_wire()

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        records = self.zone.get(name)
        if records is None:
            # A name above another one exists, though it has no records.
            if not any(other.endswith(f".{name}") for other in self.zone):
                reply.set_rcode(dns.rcode.NXDOMAIN)
            return
        found = records.get(kind, [])
        texts = [found] if isinstance(found, str) else found
        if texts:
            written = [_quoted(text) if kind == "TXT" else text for text in texts]
            reply.answer.append(dns.rrset.from_text(dns.name.from_text(name), 300, "IN", kind, *written))


def _quoted(text: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    pieces = [raw[at : at + 255] for at in range(0, max(len(raw), 1), 255)]
    return " ".join('"' + "".join(f"\\{byte:03}" for byte in piece) + '"' for piece in pieces)


@contextmanager
def serving() -> Iterator[NameServer]:
    """A running one; gone at the end."""
    server = NameServer()

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            if reply := server.answer(wire, "udp"):
                with suppress(OSError):  # a slow answer, and the test is over
                    sock.sendto(reply, self.client_address)

    class Tcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                size = self.request.recv(2, socket.MSG_WAITALL)
                if len(size) == 2 and (reply := server.answer(self.request.recv(struct.unpack(">H", size)[0]), "tcp")):
                    self.request.sendall(struct.pack(">H", len(reply)) + reply)

    class ThreadingUdp(socketserver.ThreadingUDPServer):
        daemon_threads = True
        block_on_close = False

    class ThreadingTcp(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = True

    while True:
        udp = ThreadingUdp(("127.0.0.1", 0), Udp)
        try:
            tcp = ThreadingTcp(udp.server_address, Tcp)
        except OSError:  # somebody has this port on TCP
            udp.server_close()
            continue
        break
    server.port = udp.server_address[1]
    threads = [threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True) for one in (udp, tcp)]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        for one, thread in zip((udp, tcp), threads, strict=True):
            one.shutdown()
            thread.join(5)
            one.server_close()
