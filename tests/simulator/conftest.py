"""One simulator process per test process, reset before every test."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests are imported without packages (--import-mode=importlib): the cast gets a name of its own.
_spec = importlib.util.spec_from_file_location("simulator_cast", Path(__file__).with_name("cast.py"))
cast = importlib.util.module_from_spec(_spec)
sys.modules["simulator_cast"] = cast
_spec.loader.exec_module(cast)


@pytest.fixture(scope="session")
def running() -> Iterator[str]:
    process, base = cast.start(
        "--account", f"{cast.SID}:{cast.TOKEN}", "--account", f"{cast.OTHER_SID}:{cast.OTHER_TOKEN}"
    )
    yield base
    process.terminate()
    assert process.wait(timeout=10) == 0
    process.stdout.close()


@pytest.fixture
def simulator(running: str) -> Iterator["cast.Simulator"]:
    simulator = cast.Simulator(running)
    simulator.control("reset", {})
    account = {"sid": cast.SID, "token": cast.TOKEN, "opt_out": "default"}
    simulator.control("accounts", account)
    simulator.control("accounts", {"sid": cast.OTHER_SID, "token": cast.OTHER_TOKEN, "numbers": [cast.OTHER_NUMBER]})
    simulator.faults(status_delay_ms=5)
    yield simulator
    cast.until(lambda: simulator.control("counters")["creates_in_flight"] == 0)  # a caller who hung up is soon noticed
    simulator.control("reset", {})
    simulator.close()


@pytest.fixture
def twilio(simulator: "cast.Simulator"):
    return simulator.client()


@pytest.fixture
def product() -> Iterator["cast.Product"]:
    product = cast.Product()
    yield product
    product.close()
