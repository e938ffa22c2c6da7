"""Settings: read once from the environment, frozen, and loud when wrong."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class MailRelay:
    """Where letters to staff are handed over, and as whom. `security` is starttls, tls, or none on this machine."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    sender: str


@dataclass(frozen=True)
class Settings:
    """All that an installation decides. A wrong value stops the start with a sentence.

    URLs that are None mean: the embedded servers under `data` are used. Keys are raw bytes by key id; the first
    sealing key seals, all of them open. Index keys are kept for ever (DESIGN section 10.5). None of the key fields
    is ever shown by repr().
    """

    data: Path = Path("var")
    database_url: str | None = field(default=None, repr=False)
    database_owner_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    simulator_port: int = 8001
    base_url: str = "http://127.0.0.1:8000"
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")  # whose word on the visitor's address is believed
    secret_key: str = field(default="", repr=False)
    password_salt: str = field(default="", repr=False)
    seal_keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    index_keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    twilio_url: str = "https://api.twilio.com"
    resolver: str = ""  # the DNS server that checks ask, as ADDRESS or ADDRESS:PORT; empty: the system's
    provider_timeout: float = 30.0  # seconds; a shorter one makes more unknowns (DOMAIN 1.8)
    lease: float = 120.0  # seconds a window may stay open before the sweep calls it unknown
    grace: float = 120.0  # seconds an unknown waits for a receipt before the provider is asked
    again_after: float = 1800.0  # seconds from a certain failure to the one new attempt, up to twice as long
    ask_after: float = 3600.0  # seconds without a receipt after which the provider is asked about a sent message
    clock_interval: float = 2.0  # seconds between two looks of the clock
    reveals_per_hour: int = 20  # people that one member of staff may see in full; 0: nobody is shown
    mails_per_domain: int = 20  # mails a second to one recipient's domain, of all agencies together; 0 is no limit
    shared_cap: tuple[int, int] | None = None  # campaigns to one person in so many days, of all agencies together
    interface_languages: tuple[str, ...] = ("es", "en")
    mailin_host: str = "127.0.0.1"  # where mails that come back are taken
    mailin_port: int = 8025  # 0: nothing listens
    mailin_cert: Path | None = None  # PEM, for STARTTLS
    mailin_key: Path | None = None  # None: the key is in the same file
    simulator_smtp_port: int = 8026
    mail_relay: MailRelay | None = None  # without one staff get no mails, and everything else works

    @property
    def secure_cookies(self) -> bool:
        """Cookies travel over TLS only, wherever the public address is https."""
        return self.base_url.startswith("https://")

    @property
    def app_url(self) -> str:
        """DATABASE_URL; raises ValueError where no server was configured or started."""
        return _given("DATABASE_URL", self.database_url)

    @property
    def owner_url(self) -> str:
        """DATABASE_OWNER_URL; raises ValueError where there is none."""
        return _given("DATABASE_OWNER_URL", self.database_owner_url)

    @property
    def queue_url(self) -> str:
        """REDIS_URL; raises ValueError where no server was configured or started."""
        return _given("REDIS_URL", self.redis_url)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings from `environ`; raises ValueError with a sentence on a wrong value."""
        port = _port(environ, "OUTREACH_PORT", 8000)
        settings = cls(
            data=Path(environ.get("OUTREACH_DATA") or "var").absolute(),
            database_url=_database(environ, "DATABASE_URL"),
            database_owner_url=_database(environ, "DATABASE_OWNER_URL"),
            redis_url=environ.get("REDIS_URL") or None,
            host=environ.get("OUTREACH_HOST") or "127.0.0.1",
            port=port,
            simulator_port=_port(environ, "SIMULATOR_PORT", 8001),
            base_url=_address(environ, "OUTREACH_BASE_URL", f"http://127.0.0.1:{port}"),
            proxies=_networks(environ, "OUTREACH_PROXIES", cls.proxies),
            secret_key=environ.get("OUTREACH_SECRET_KEY", ""),
            password_salt=environ.get("OUTREACH_PASSWORD_SALT", ""),
            seal_keys=parse_keys("OUTREACH_SEAL_KEYS", environ.get("OUTREACH_SEAL_KEYS", "")),
            index_keys=parse_keys("OUTREACH_INDEX_KEYS", environ.get("OUTREACH_INDEX_KEYS", "")),
            twilio_url=_address(environ, "TWILIO_URL", "https://api.twilio.com"),
            resolver=_resolver(environ, "OUTREACH_RESOLVER"),
            provider_timeout=_seconds(environ, "OUTREACH_PROVIDER_TIMEOUT", 30.0),
            lease=_seconds(environ, "OUTREACH_LEASE", 120.0),
            grace=_seconds(environ, "OUTREACH_GRACE", 120.0),
            again_after=_seconds(environ, "OUTREACH_AGAIN_AFTER", 1800.0),
            ask_after=_seconds(environ, "OUTREACH_ASK_AFTER", 3600.0),
            clock_interval=_seconds(environ, "OUTREACH_CLOCK_INTERVAL", 2.0),
            reveals_per_hour=_count(environ, "OUTREACH_REVEALS_PER_HOUR", cls.reveals_per_hour, most=1_000),
            mails_per_domain=_count(environ, "OUTREACH_MAILS_PER_DOMAIN", cls.mails_per_domain, most=100_000),
            shared_cap=_cap(environ, "OUTREACH_SHARED_CAP"),
            mailin_host=environ.get("OUTREACH_MAILIN_HOST") or "127.0.0.1",
            mailin_port=_port(environ, "OUTREACH_MAILIN_PORT", 8025, lowest=0),
            mailin_cert=_file(environ, "OUTREACH_MAILIN_CERT"),
            mailin_key=_file(environ, "OUTREACH_MAILIN_KEY"),
            simulator_smtp_port=_port(environ, "SIMULATOR_SMTP_PORT", 8026),
            mail_relay=_relay(environ),
        )
        _check_complete(settings)
        return settings


def parse_keys(name: str, value: str) -> dict[int, bytes]:
    """Keys written as `2:BASE64,1:BASE64`, newest first; raises ValueError with a sentence."""
    keys: dict[int, bytes] = {}
    for item in filter(None, (part.strip() for part in value.split(","))):
        number, _, text = item.partition(":")
        try:
            key_id, key = int(number), base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            raise ValueError(f"{name}: write each key as NUMBER:BASE64") from None
        if not 1 <= key_id <= 255 or len(key) != 32 or key_id in keys:
            raise ValueError(f"{name}: each key needs its own number from 1 to 255 and 32 bytes")
        keys[key_id] = key
    return keys


def _check_complete(settings: Settings) -> None:
    if settings.mailin_key and not settings.mailin_cert:
        raise ValueError("OUTREACH_MAILIN_KEY: it needs its certificate, OUTREACH_MAILIN_CERT")
    if settings.database_url and not (settings.secret_key and settings.password_salt):
        raise ValueError("OUTREACH_SECRET_KEY and OUTREACH_PASSWORD_SALT: both are needed with DATABASE_URL")
    if settings.database_url and not (settings.seal_keys and settings.index_keys):
        raise ValueError(
            "OUTREACH_SEAL_KEYS and OUTREACH_INDEX_KEYS: both are needed with DATABASE_URL; "
            "make them with: outreach keys"
        )


def _given(name: str, value: str | None) -> str:
    if not value:
        raise ValueError(f"{name} is not set, and no embedded servers were started")
    return value


def _port(environ: Mapping[str, str], name: str, default: int, *, lowest: int = 1) -> int:
    value = environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not lowest <= int(value) < 65536:
        raise ValueError(f"{name}={value!r}: write a port number from {lowest} to 65535")
    return int(value)


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value).absolute() if value else None


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    value = environ.get(name) or str(default)
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 86_400:
        raise ValueError(f"{name}={value!r}: write a number of seconds, above 0 and up to 86400")
    return seconds


def _count(environ: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or int(value) > most:
        raise ValueError(f"{name}={value!r}: write a number from 0 to {most}")
    return int(value)


def _cap(environ: Mapping[str, str], name: str) -> tuple[int, int] | None:
    value = environ.get(name)
    if not value:
        return None
    found = re.fullmatch(r"([1-9]\d?)/([1-9]\d?)", value)
    if not found or int(found[2]) > 90:
        raise ValueError(f"{name}={value!r}: write campaigns/days, such as 2/1 for two in one day; up to 99/90")
    return int(found[1]), int(found[2])


def _address(environ: Mapping[str, str], name: str, default: str) -> str:
    value = (environ.get(name) or default).rstrip("/")
    if not value.isascii() or not value.startswith(("http://", "https://")):
        raise ValueError(f"{name}={value!r}: write an address that begins with http:// or https://")
    return value


_RELAY = "OUTREACH_MAIL_URL: write smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465"
_PORTS = {"smtp": 587, "smtps": 465}


def _relay(environ: Mapping[str, str]) -> MailRelay | None:
    """Never repeats the address: it may hold a password."""
    url, sender = environ.get("OUTREACH_MAIL_URL"), environ.get("OUTREACH_MAIL_FROM") or ""
    if not url and not sender:
        return None
    if not url or not sender:
        raise ValueError("OUTREACH_MAIL_URL and OUTREACH_MAIL_FROM: set both, or none for no mails to staff")
    if not re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", sender):
        raise ValueError(f"OUTREACH_MAIL_FROM={sender!r}: write an e-mail address such as outreach@agency.gob.pe")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise ValueError(_RELAY) from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", host) or parts.path not in {"", "/"} or bool(user) != bool(password):
        raise ValueError(_RELAY)
    if parts.query or parts.fragment:
        raise ValueError(_RELAY)
    security = "tls" if parts.scheme == "smtps" else "none" if _is_loopback(host) else "starttls"
    return MailRelay(host, port, security, user, password, sender)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _networks(environ: Mapping[str, str], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = environ.get(name)
    if not value:
        return default
    networks = tuple(part.strip() for part in value.split(","))
    try:
        for network in networks:
            ip_network(network)
    except ValueError:
        raise ValueError(f"{name}={value!r}: write addresses or networks (10.0.0.0/8) with commas between") from None
    return networks


def _resolver(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    host, port = value, "53"
    if value.startswith("["):
        host, _, rest = value[1:].partition("]")
        port = rest.removeprefix(":") or "53" if not rest or rest.startswith(":") else ""
    elif value.count(":") == 1:
        host, _, port = value.partition(":")
    try:
        if value:
            ip_address(host)
    except ValueError:
        port = ""
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{name}={value!r}: write an address such as 9.9.9.9, 127.0.0.1:5353 or [::1]:5353")
    return value


def _database(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    scheme, found, rest = value.partition("://")
    if not found or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ValueError(f"{name}: write an address that begins with postgresql://")
    return f"postgresql+psycopg://{rest}"
