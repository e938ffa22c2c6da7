"""What the simulator is started with: options, or the environment where an option is not given."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from simulator.accounts import OptOut, Wanted

DEMO_ACCOUNT = "AC5e1fca11e05e1fca11e05e1fca11e000"
DEMO_TOKEN = "5e1fca11e0000000000000000000d3a0"  # noqa: S105 -- it opens nothing but this simulator
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
TLS_CHOICES = ("offered", "required", "off")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The mail side. `port` is None when none was named: then 8025, or a free one when that is taken."""

    port: int | None = None
    tls: str = "offered"
    user: str = ""
    password: str = ""
    mailin: tuple[str, int] | None = None
    complaints_to: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once at the start."""

    host: str
    port: int
    accounts: tuple[Wanted, ...]
    seed: str
    fast: bool = False
    mail: MailSettings = field(default_factory=MailSettings)

    @property
    def is_loopback(self) -> bool:
        """Can only this machine reach the simulator? Then the control calls and the phone wall are there."""
        return self.host in _LOOPBACK or re.fullmatch(r"127(\.[0-9]{1,3}){3}", self.host) is not None


def read(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings. A wrong one ends the program with a sentence and status 2."""
    parser = _parser()
    given = parser.parse_args(arguments)

    def setting(name: str, default: str) -> str:
        return getattr(given, name) or environment.get(f"SIMULATOR_{name.upper()}") or default

    try:
        port = int(setting("port", "8001"))
        if not 0 <= port < 65536:
            raise ValueError(f"port={port}: write a number from 0 to 65535")
        fast = given.fast or _yes("SIMULATOR_FAST", environment.get("SIMULATOR_FAST") or "no")
        opt_out = OptOut(setting("opt_out", "default"))
        numbers = [n.strip() for n in setting("numbers", "+5117000001,29111").split(",") if n.strip()]
        sid_default, token_default = setting("account_sid", DEMO_ACCOUNT), setting("auth_token", DEMO_TOKEN)
        accounts = []
        for index, account in enumerate(given.account or [sid_default]):
            sid, colon, token = account.partition(":")
            accounts.append(
                Wanted(
                    sid,
                    token if colon else token_default,
                    numbers if index == 0 else [],
                    {"MG" + sid[2:]: numbers[:1]} if index == 0 and numbers[:1] else {},
                    {},
                    setting("inbound_url", "") or None,
                    opt_out,
                )
            )
        for each in accounts:
            each.check()
        mail = _mail(setting, port)
    except ValueError as error:
        parser.error(str(error))
    return Settings(setting("host", "127.0.0.1"), port, tuple(accounts), setting("seed", "1"), fast, mail)


def _mail(setting: Callable[[str, str], str], http_port: int) -> MailSettings:
    named = setting("smtp_port", "0" if http_port == 0 else "")
    if named and not (named.isascii() and named.isdecimal() and int(named) < 65536):
        raise ValueError(f"smtp_port={named}: write a number from 0 to 65535")
    tls = setting("smtp_tls", "offered")
    if tls not in TLS_CHOICES:
        raise ValueError(f"smtp_tls={tls!r}: write {', '.join(TLS_CHOICES)}")
    user, password = setting("smtp_user", ""), setting("smtp_password", "")
    if bool(user) != bool(password):
        raise ValueError("smtp_user and smtp_password: give both or none")
    mailin = read_host_port(setting("mailin", "")) if setting("mailin", "") else None
    port = int(named) if named else None
    return MailSettings(port, tls, user, password, mailin, setting("complaints_to", "") or None)


def read_host_port(given: str) -> tuple[str, int]:
    """Read HOST:PORT. Raises ValueError with a sentence."""
    host, colon, port = given.rpartition(":")
    if not (host and colon and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"mailin={given!r}: write HOST:PORT")
    return host.strip("[]"), int(port)


def _yes(name: str, value: str) -> bool:
    if value.lower() not in _YES_NO:
        raise ValueError(f"{name}={value!r}: write yes or no")
    return _YES_NO[value.lower()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Plays Twilio's Messages API and the phones behind it. Each option may stand in the environment "
        "as SIMULATOR_NAME instead (SIMULATOR_ACCOUNT_SID and SIMULATOR_AUTH_TOKEN for the first account).",
    )
    parser.add_argument("--host", help="address to listen on (127.0.0.1); the control calls need a loopback one")
    parser.add_argument("--port", help="port to listen on (8001); 0 takes a free one, the ready line names it")
    parser.add_argument("--account", action="append", help="AC... or AC...:token; may be given several times")
    parser.add_argument("--token", dest="auth_token", help="token of accounts that are given without one")
    parser.add_argument("--numbers", help="senders of the first account (+5117000001,29111)")
    parser.add_argument("--inbound-url", help="where what people write is posted")
    parser.add_argument("--opt-out", help="who answers STOP: default (carrier), advanced (carrier, more words) or off")
    parser.add_argument("--seed", help="seed of the dice (1)")
    parser.add_argument(
        "--fast",
        action="store_true",
        help="for measurements: creates are answered straight from the socket while no fault but a latency is on. "
        "Nothing is left out, but status callbacks cost what they always cost: to measure sending alone, "
        "keep them away with status_delay_ms 3600000 in POST /control/faults",
    )
    parser.set_defaults(account_sid=None)
    _add_mail_options(parser)
    return parser


def _add_mail_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--smtp-port", help="port that takes mail (8025, a free one if that is taken); 0 a free one")
    parser.add_argument("--smtp-tls", help="STARTTLS with a certificate of its own: offered, required or off")
    parser.add_argument("--smtp-user", help="who may hand over mail; without one, everybody")
    parser.add_argument("--smtp-password", help="that one's password")
    parser.add_argument("--mailin", help="HOST:PORT that takes bounces, complaints and replies")
    parser.add_argument("--complaints-to", help="address that takes complaints; without one, the return path")
