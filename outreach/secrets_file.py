"""The keys of an installation on embedded servers: made on the first start, kept apart from the database."""

import base64
import json
import os
import secrets
from dataclasses import replace
from pathlib import Path

from campaigns.settings import Settings, parse_keys

_NAMES = ("OUTREACH_SECRET_KEY", "OUTREACH_PASSWORD_SALT", "OUTREACH_SEAL_KEYS", "OUTREACH_INDEX_KEYS")


def make() -> dict[str, str]:
    """New keys under the names the environment gives them."""
    return {
        "OUTREACH_SECRET_KEY": secrets.token_urlsafe(48),
        "OUTREACH_PASSWORD_SALT": secrets.token_urlsafe(32),
        "OUTREACH_SEAL_KEYS": f"1:{_key()}",
        "OUTREACH_INDEX_KEYS": f"1:{_key()}",
    }


def fill(settings: Settings) -> Settings:
    """The settings with what they lack from the data folder's secrets file, made (mode 0600) if it is not there.

    A damaged file raises ValueError: making new keys would leave every sealed value unreadable.
    """
    if settings.secret_key and settings.password_salt and settings.seal_keys and settings.index_keys:
        return settings
    kept = _read(settings.data / "secrets" / "keys.json")
    return replace(
        settings,
        secret_key=settings.secret_key or kept["OUTREACH_SECRET_KEY"],
        password_salt=settings.password_salt or kept["OUTREACH_PASSWORD_SALT"],
        seal_keys=settings.seal_keys or parse_keys("OUTREACH_SEAL_KEYS", kept["OUTREACH_SEAL_KEYS"]),
        index_keys=settings.index_keys or parse_keys("OUTREACH_INDEX_KEYS", kept["OUTREACH_INDEX_KEYS"]),
    )


def kept(settings: Settings) -> Settings:
    """Like fill(), for commands that only look: raises ValueError where the data folder has no secrets file yet."""
    if not (settings.data / "secrets" / "keys.json").exists():
        raise ValueError(
            f"{settings.data}: no installation has its keys here; set OUTREACH_DATA or OUTREACH_SECRET_KEY"
        )
    return fill(settings)


def environment(settings: Settings) -> dict[str, str]:
    """The keys of `settings` as environment variables, for child processes."""
    return {
        "OUTREACH_SECRET_KEY": settings.secret_key,
        "OUTREACH_PASSWORD_SALT": settings.password_salt,
        "OUTREACH_SEAL_KEYS": _written(settings.seal_keys.items()),
        "OUTREACH_INDEX_KEYS": _written(settings.index_keys.items()),
    }


def _read(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return _write(path, make())
    except ValueError:
        kept = {}
    if not all(isinstance(kept.get(name), str) and kept[name] for name in _NAMES):
        raise ValueError(f"{path}: not a complete secrets file; put the right one back from your backup")
    return kept


def _write(path: Path, values: dict[str, str]) -> dict[str, str]:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as text:
        json.dump(values, text, indent=1)
        text.flush()
        os.fsync(descriptor)
    try:
        os.link(beside, path)  # fails if another process was first: then its keys are the keys
    except FileExistsError:
        return _read(path)
    finally:
        beside.unlink()
    return values


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _written(keys: object) -> str:
    return ",".join(f"{number}:{base64.b64encode(key).decode()}" for number, key in keys)  # type: ignore[attr-defined]
