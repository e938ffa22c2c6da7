"""Whatever a file holds: every row ends in one class with its reason, the sums agree, and the check foresaw it."""

import csv
import io
from collections import Counter

import psycopg
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from campaigns.imports import Options
from campaigns.rules.headings import Field
from campaigns.rules.import_options import REPLACEABLE, Mode
from campaigns.rules.import_report import NOT_KNOWN, Report
from campaigns.rules.import_rows import Refusal, Warned
from campaigns.store.contacts import Contact
from tests.import_desk import Desk

FIELDS = (Field.NAME, Field.PHONE, Field.EMAIL, Field.GROUND, Field.SECTOR, Field.DISTRICT, Field.LANGUAGE, Field.TAGS)
COLUMNS = {field: at for at, field in enumerate(FIELDS)}
CELLS = st.tuples(
    st.sampled_from(["", "Rosa Núñez", "Ana\nQuispe", "=1+1", "x" * 300, 'dijo "hola"']),
    st.sampled_from(["", "s/n", "987654321", "+51 987 654 321", "987654322", "(01) 4567890", "9.87654E+08", "911"]),
    st.sampled_from(["", "rosa@x.example", "ROSA@X.example", "ana@x.example", "ana(at)x", "eva@x.example; otra"]),
    st.sampled_from(["", "sí", "NO", "x", "quizá", "convenio"]),
    st.sampled_from(["", "combi", "taxi|bodega", "cosas"]),
    st.sampled_from(["", "Comas", "Atlántida", "150110"]),
    st.sampled_from(["", "Quechua", "klingon"]),
    st.sampled_from(["", "norte", "norte,sur"]),
)
ROWS = st.lists(CELLS | st.just(("",) * len(FIELDS)), max_size=14)
OPTIONS = st.builds(
    Options,
    accepts_fallback=st.booleans(),
    mode=st.sampled_from(Mode),
    fields=st.frozensets(st.sampled_from(REPLACEABLE)),
    tags=st.sampled_from([(), ("padrón",)]),
    ground=st.sampled_from([None, "consent"]),
    columns=st.just(COLUMNS),
)


@pytest.fixture
def desk(sessions, vault, agency, ada) -> Desk:
    return Desk(sessions, vault, agency, ada)


@pytest.fixture
def empty(settings):
    """Empties the book between two examples."""
    with psycopg.connect(settings.owner_url.replace("+psycopg", ""), autocommit=True) as owner:
        yield lambda: owner.execute('TRUNCATE contact, contact_word, contact_sector, contact_tag, "import" CASCADE')


def _csv(rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["Nombre", "Celular", "Correo", "Acepta", "Rubro", "Distrito", "Idioma", "Etiquetas"])
    writer.writerows(rows)
    return out.getvalue()


def _row(phone: str, ground: str) -> tuple[str, ...]:
    return ("Rosa", phone, "", ground, "", "", "", "")


# A ground given by one batch and taken away by the next: the check has to remember what is written nowhere yet.
@example(
    old=[_row("987654321", "")],
    new=[_row("987654321", "sí"), _row("987654321", "NO"), _row("987654321", "NO")],
    options=Options(mode=Mode.UPDATE, fields=frozenset({Field.GROUND}), columns=COLUMNS),
    batch=1,
)
@profile(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=ROWS, new=ROWS, options=OPTIONS, batch=st.integers(1, 8))
def test_every_row_ends_as_one_thing(desk: Desk, empty, old, new, options: Options, batch: int) -> None:
    empty()
    if any(any(row) for row in old):
        desk.bring_in(_csv(old))
    before = desk.count(Contact)
    import_id = desk.submit(_csv(new))
    desk.choose(import_id, options)
    assert desk.work(import_id, batch=batch)
    foreseen = desk.now(import_id).check_report
    assert desk.count(Contact) == before
    desk.tell("begin", import_id)
    assert desk.work(import_id, batch=9 - batch)
    done = desk.now(import_id).report
    assert done == foreseen
    assert done is not None

    report = Report.from_json(done)
    assert report.rows == sum(any(not cell.isspace() and cell for cell in row) for row in new)
    ends = report.added + report.updated + report.unchanged + report.repeated + report.rejected.total()
    assert ends == report.rows
    assert report.rejected.keys() <= {*Refusal, NOT_KNOWN}
    assert report.warnings.keys() <= set(Warned)
    assert desk.count(Contact) - before == report.added
    assert report.added == 0 or options.mode is not Mode.ONLY_KNOWN
    reasons = Counter(code for fault in desk.faults(import_id) for code in fault.codes)
    assert reasons == +report.rejected + +report.warnings

    # Again, nothing is left to add or change (who says yes and later no is given a ground and loses it once more).
    book = desk.book()
    told = desk.bring_in(_csv(new), options)
    assert (told["added"], told["rows"]) == (0, report.rows)
    assert told.get("updated", 0) <= told.get("withdrawn", 0)
    assert desk.book() == book
