"""The cast: Ada writes, Bruno approves, Dora administers; Carla works for another agency and must see nothing."""

import pytest

from campaigns import agencies, staff
from campaigns.rules import hours
from campaigns.store.agencies import Agency, Sender
from campaigns.store.engine import AgencySessions
from campaigns.store.staff import Staff
from campaigns.vault import Vault

PASSWORD = "una clave larga de prueba"
# argon2id of PASSWORD with small parameters: hashing is not what most tests are about.
PASSWORD_HASH = None
SIMULATOR_ACCOUNT = "AC" + "0" * 31 + "1"
SIMULATOR_TOKEN = "simulator-token"
SIMULATOR_NUMBER = "+5117000001"


def _agency(sessions: AgencySessions, slug: str, name: str) -> Agency:
    with sessions(None).begin() as session:
        return agencies.add(session, slug, name, hours=hours.always())


def _person(sessions: AgencySessions, agency: Agency, email: str, name: str, role: str) -> Staff:
    with sessions(agency.id).begin() as session:
        return staff.add(session, agency.id, email=email, name=name, role=role, password_hash=password_hash())


def password_hash() -> str:
    """An argon2id hash of PASSWORD as the sign-in checks it."""
    global PASSWORD_HASH
    if PASSWORD_HASH is None:
        from argon2 import PasswordHasher

        PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    return PASSWORD_HASH


@pytest.fixture
def agency(sessions: AgencySessions) -> Agency:
    """Open every day, all day (DESIGN 10.13)."""
    return _agency(sessions, "lima-norte", "Municipalidad de Lima Norte")


@pytest.fixture
def other_agency(sessions: AgencySessions) -> Agency:
    return _agency(sessions, "callao", "Municipalidad del Callao")


@pytest.fixture
def ada(sessions: AgencySessions, agency: Agency) -> Staff:
    return _person(sessions, agency, "ada@limanorte.example", "Ada Writer", "writer")


@pytest.fixture
def bruno(sessions: AgencySessions, agency: Agency) -> Staff:
    return _person(sessions, agency, "bruno@limanorte.example", "Bruno Approver", "approver")


@pytest.fixture
def dora(sessions: AgencySessions, agency: Agency) -> Staff:
    return _person(sessions, agency, "dora@limanorte.example", "Dora Admin", "admin")


@pytest.fixture
def carla(sessions: AgencySessions, other_agency: Agency) -> Staff:
    return _person(sessions, other_agency, "carla@callao.example", "Carla Stranger", "admin")


@pytest.fixture
def sender(sessions: AgencySessions, vault: Vault, agency: Agency) -> Sender:
    """A sender at the simulator's demo account."""
    form = agencies.SenderForm(
        name="Línea de avisos",
        address=SIMULATOR_NUMBER,
        account=SIMULATOR_ACCOUNT,
        token=SIMULATOR_TOKEN,
        parts_per_second=1000,
    )
    with sessions(agency.id).begin() as session:
        return agencies.save_sender(session, vault, agency.id, form, by=None)
