"""Taking an import back: the book is as it was before, but for what somebody did since."""

import pytest
from sqlalchemy import func, select, text, update

from campaigns import imports
from campaigns.errors import Conflict
from campaigns.imports import Options
from campaigns.rules.headings import Field
from campaigns.rules.import_options import REPLACEABLE, Mode
from campaigns.store.audit import AuditRow
from campaigns.store.contacts import Contact
from campaigns.store.imports import ContactBefore, ImportFault
from tests.import_desk import Desk

HEADINGS = "Nombre;Celular;Correo;Acepta;Rubro;Etiquetas;Distrito;Provincia"
OLD = [
    HEADINGS,
    "Rosa Núñez;987654321;rosa@x.example;sí;combi;norte;Comas;Lima",
    "Ana;987654322;;sí;taxi;sur;;",
    "Eva;987654323;;sí;taxi;;;",
]
NEW = [
    HEADINGS,
    "Rosa Quispe;987654321;otra@x.example;sí;taxi;centro;Ate;Lima",
    "Ana;987654322;;no;;;;",
    "Eva;987654323;;sí;taxi;;;",
    "Luz;987654324;;sí;combi;norte;Comas;Lima",
    "Sin nada;;;;;;;",
]
EVERYTHING = Options(mode=Mode.UPDATE, fields=frozenset(REPLACEABLE), tags=("padrón",))


@pytest.fixture
def desk(sessions, vault, agency, ada) -> Desk:
    return Desk(sessions, vault, agency, ada)


def _lines(rows: list[str]) -> str:
    return "\n".join(rows) + "\n"


def test_the_book_is_as_before(desk: Desk) -> None:
    desk.brought_in(_lines(OLD))
    before = desk.book()
    import_id = desk.brought_in(_lines(NEW), EVERYTHING)
    assert desk.book() != before
    figures = desk.now(import_id).report
    assert figures is not None
    assert (figures["added"], figures["updated"], figures["withdrawn"]) == (1, 3, 1)
    desk.tell("undo", import_id)
    assert desk.now(import_id).state == "undoing"
    assert desk.work(import_id)
    undone = desk.now(import_id)
    assert (undone.state, undone.undone_by, undone.rows_done) == ("undone", desk.person.id, 4)
    assert undone.undone_at is not None
    assert undone.report is not None
    assert undone.report == figures | {"undone": {"removed": 1, "restored": 3, "kept": 0}}
    assert desk.book() == before
    assert desk.count(ContactBefore) == desk.count(ImportFault) == 0
    with desk.sessions(desk.agency.id)() as session:
        deed = session.scalars(select(AuditRow).where(AuditRow.did == "import:undone")).one()
    assert (deed.staff_id, deed.detail) == (desk.person.id, {"removed": 1, "restored": 3, "kept": 0})


def test_what_somebody_corrected_since_stays(desk: Desk) -> None:
    desk.brought_in(_lines(OLD))
    import_id = desk.brought_in(_lines(NEW), EVERYTHING)
    with desk.sessions(desk.agency.id).begin() as session:
        luz = Contact.phone_index == desk.vault.address_index("+51987654324")
        session.execute(update(Contact).where(luz).values(language="qu", changed_at=func.now()))
    desk.tell("undo", import_id)
    desk.work(import_id)
    report = desk.now(import_id).report
    assert report is not None
    assert report["undone"] == {"removed": 0, "restored": 3, "kept": 1}
    assert desk.count(Contact, Contact.language == "qu") == 1


def test_a_stopped_import_can_be_undone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [f"Rosa {n};9876{n:05d};;sí;;;;" for n in range(300)]
    import_id = desk.checked(_lines([HEADINGS, *people]))
    desk.tell("begin", import_id)
    assert not desk.work(import_id, batch=100, seconds=0.0)
    desk.tell("stop", import_id)
    assert desk.count(Contact) == 100
    desk.tell("undo", import_id)
    monkeypatch.setattr(imports.import_undo, "SIZE", 30)
    rounds = 0
    while not desk.work(import_id, seconds=0.0):
        rounds += 1
        assert desk.now(import_id).rows_done == min(100, 30 * rounds)
    assert desk.count(Contact) == 0
    assert desk.now(import_id).state == "undone"


def test_nothing_is_undone_after_a_message_went_out(desk: Desk, sender, bruno, running_to_everybody) -> None:
    import_id = desk.brought_in("Nombre;Celular;Acepta\nRosa;987654321;sí\nAna;987654322;sí\n")
    running_to_everybody()
    with desk.sessions(desk.agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET state = 'sent', handed_at = now()"))
    with pytest.raises(Conflict, match="import_sent") as refused:
        desk.tell("undo", import_id)
    assert refused.value.values == {"count": 2}
    assert desk.now(import_id).state == "done"
    assert desk.count(Contact) == 2


@pytest.fixture
def running_to_everybody(sessions, agency, ada, bruno, sender):
    from tests import drafts

    return lambda: drafts.running(sessions, agency, ada, bruno, sender)


def test_undone_once_only(desk: Desk) -> None:
    import_id = desk.brought_in(_lines(OLD))
    desk.tell("undo", import_id)
    for verb in ("undo", "stop", "discard"):
        with pytest.raises(Conflict, match="import_moved_on"):
            desk.tell(verb, import_id)
    desk.work(import_id)
    with pytest.raises(Conflict, match="import_moved_on"):
        desk.tell("undo", import_id)
    assert not desk.work(import_id)


def test_an_import_of_nobody_cannot_be_undone(desk: Desk) -> None:
    import_id = desk.submit("Celular;Nombre\n" + "987654321;Rosa\n" * 900 + '987654322;"Ana\n')
    desk.choose(import_id, Options(columns={Field.PHONE: 0}))
    desk.work(import_id)
    assert desk.now(import_id).state == "failed"
    with pytest.raises(Conflict, match="import_moved_on"):
        desk.tell("undo", import_id)


def test_the_same_file_again_after_an_undo(desk: Desk) -> None:
    first = desk.brought_in(_lines(OLD))
    book = desk.book()
    desk.tell("undo", first)
    desk.work(first)
    assert desk.book() == {}
    desk.brought_in(_lines(OLD))
    assert desk.book() == book
