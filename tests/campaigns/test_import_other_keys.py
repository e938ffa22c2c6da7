"""With other keys nothing that is kept of an import opens, and whoever asks is told so in a sentence."""

from dataclasses import replace

import pytest

from campaigns import imports
from campaigns.errors import Invalid
from campaigns.settings import Settings
from campaigns.store.contacts import Contact
from campaigns.vault import Vault
from outreach.sentences import SENTENCES
from tests.import_desk import Desk

FILE = "Nombre;Celular;Acepta\nRosa Núñez;987654321;sí\nAna;s/n;sí\n"


@pytest.fixture
def desk(sessions, vault, agency, ada) -> Desk:
    return Desk(sessions, vault, agency, ada)


@pytest.fixture
def other(settings: Settings, sessions, agency, ada) -> Desk:
    """The same staff, after the keys were lost and new ones made."""
    keys = {key_id: bytes(reversed(key)) for key_id, key in settings.seal_keys.items()}
    return Desk(sessions, Vault(replace(settings, seal_keys=keys)), agency, ada)


@pytest.mark.parametrize("verb", ["look", "choose", "faults"])
def test_what_is_kept_does_not_open(verb: str, desk: Desk, other: Desk) -> None:
    import_id = desk.checked(FILE)
    if verb == "choose":
        desk.tell("back", import_id)
    with pytest.raises(Invalid) as refused:
        getattr(other, verb)(import_id)
    assert (refused.value.field, refused.value.code) == ("file", "file_sealed")
    assert "file_sealed" in SENTENCES
    assert getattr(desk, verb)(import_id) != []


@pytest.mark.parametrize("state", ["reading", "checking", "waiting"])
def test_a_worker_ends_it_as_failed(state: str, desk: Desk, other: Desk) -> None:
    import_id = desk.submit(FILE) if state != "waiting" else desk.checked(FILE)
    if state == "checking":
        desk.choose(import_id)
    elif state == "waiting":
        desk.tell("begin", import_id)
    else:
        from tests import sheets

        import_id = desk.submit(sheets.table([["Celular"], ["987654321"]]))
    assert other.work(import_id)
    failed = desk.now(import_id)
    assert failed.state == "failed"
    assert failed.failure == {"field": "file", "code": "file_sealed", "values": {}}
    assert desk.count(Contact) == 0


def test_the_list_still_shows_what_is_not_sealed(desk: Desk, other: Desk) -> None:
    desk.brought_in(FILE)
    with other.sessions(other.agency.id)() as session:
        (one,) = imports.listed(session, other.agency.id)
    assert imports.name_of(other.vault, one) == ""
    assert imports.name_of(desk.vault, one) == "padrón.csv"
    assert one.report is not None
    assert one.report["added"] == 1
