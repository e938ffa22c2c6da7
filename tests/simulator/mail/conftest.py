"""One simulator per way in and test process, reset before every test."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator_cast import start_with_mail

_spec = importlib.util.spec_from_file_location("simulator_post", Path(__file__).with_name("post.py"))
players = importlib.util.module_from_spec(_spec)
sys.modules["simulator_post"] = players
_spec.loader.exec_module(players)


@pytest.fixture(scope="session", params=[(), ("--fast",)], ids=["ordinary", "fast"])
def listening(request) -> Iterator[tuple[str, int]]:
    process, base, port = start_with_mail(*request.param)
    yield base, port
    process.terminate()
    assert process.wait(timeout=10) == 0
    process.stdout.close()


@pytest.fixture
def post(listening) -> "players.Post":
    base, port = listening
    post = players.Post(base, port=port)
    post.control("mailin", {"address": None, "complaints_to": None})
    post.control("reset", {})
    post.mail_faults(notice_delay_ms=5)
    return post


@pytest.fixture
def receiver(post) -> Iterator["players.Receiver"]:
    receiver = players.Receiver()
    post.control("mailin", {"address": receiver.address})
    yield receiver
    receiver.close()
