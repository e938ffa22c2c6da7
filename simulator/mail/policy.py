"""What the mail server offers and asks for."""

import hmac
import ssl
from dataclasses import dataclass

from simulator.mail.notices import HOST

BIGGEST_MAIL = 33_554_432
LONGEST_LINE = 999  # without its end
GREETING = f"220 {HOST} ESMTP Simulator"


@dataclass(frozen=True, slots=True)
class Policy:
    """Chosen at the start. `tls` is None when STARTTLS is not offered."""

    tls: ssl.SSLContext | None = None
    tls_required: bool = False
    user: str = ""
    password: str = ""

    @property
    def is_open(self) -> bool:
        """May anybody hand over mail at once?"""
        return not self.tls_required and not self.user

    def knows(self, login: bytes, password: bytes) -> bool:
        """Are these the user and password that were chosen?"""
        known = hmac.compare_digest(login, self.user.encode())
        return hmac.compare_digest(password, self.password.encode()) and known

    def features(self, *, tls_active: bool) -> list[str]:
        """Return the lines of the answer to EHLO."""
        found = [HOST, f"SIZE {BIGGEST_MAIL}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        if self.tls is not None and not tls_active:
            found.append("STARTTLS")
        if self.user and (tls_active or not self.tls_required):
            found.append("AUTH PLAIN LOGIN")
        found.append("HELP")
        return [f"250-{each}" for each in found[:-1]] + [f"250 {found[-1]}"]
