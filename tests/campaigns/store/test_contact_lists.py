"""Lists find whom they should in whatever runs they are cut into, and look at few of many."""

import json
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import delete, event, insert, text

from campaigns.rules.narrowing import Grounded, Narrowing, Reach
from campaigns.rules.segments import AllOf, AnyOf, InPlace, InSector, NoneOf, Reads, Tagged
from campaigns.store import contact_lists, newest
from campaigns.store.consents import OptOut
from campaigns.store.contact_lists import Sought
from campaigns.store.contacts import Contact, ContactSector, ContactTag, ContactWord

MANY = 6000
ROSA, SOL = b"r" * 8, b"s" * 8
_PLACES = ("080101", "150110", "150117", None)


@pytest.fixture
def book(session, agency):
    """120 people with gaps between them; what they have changes from one end of the list to the other."""
    found, gone = [], []
    for number in range(120):
        contact = Contact(
            agency_id=agency.id,
            name_sealed=b"\0" if number % 7 else None,
            phone_index=number.to_bytes(16),
            phone_kind="mobile" if number % 5 else "landline",
            language="qu" if number < 40 and number % 3 else "es",
            place_code=_PLACES[number // 30] if number % 2 else _PLACES[1],
            role="driver" if number > 100 else None,
            legal_ground="consent" if number % 4 else None,
        )
        session.add(contact)
        found.append(contact)
        session.flush()
        gap = [Contact(agency_id=agency.id, language="es") for _ in range(number % 5)]
        session.add_all(gap)
        session.flush()
        gone += [contact.id for contact in gap]
    session.execute(delete(Contact).where(Contact.id.in_(gone)))
    marks = [
        (ContactTag, "tag", "viejo", range(30)),
        (ContactTag, "tag", "ruta", range(3, 120, 10)),
        (ContactSector, "code", "4921", range(0, 120, 2)),
        (ContactSector, "code", "4711", range(60, 70)),
        (ContactWord, "word_index", ROSA, range(0, 120, 3)),
        (ContactWord, "word_index", SOL, range(50, 120, 4)),
    ]
    for table, column, value, whose in marks:
        rows = [{"agency_id": agency.id, column: value, "contact_id": found[number].id} for number in whose]
        session.execute(insert(table), rows)
    stops = [found[number].phone_index for number in range(0, 120, 11)]
    values = {"agency_id": agency.id, "channel": "sms", "source": "word", "rule": "ALTO"}
    session.execute(insert(OptOut), [values | {"address_index": index} for index in stops])
    return found


LEAVES = some.sampled_from(
    [
        *(Tagged("viejo"), Tagged("ruta"), Tagged("nadie"), InSector("49"), InSector("47"), InSector("4921")),
        *(InPlace("08"), InPlace("15"), InPlace("150117"), Reads("qu"), Reads("ay")),
        AnyOf((Tagged("ruta"), InPlace("08"))),
        NoneOf((InSector("49"), Reads("qu"))),
    ]
)
NARROWINGS = some.builds(
    Narrowing,
    rule=some.lists(LEAVES, max_size=3).map(lambda leaves: AllOf(tuple(leaves))),
    role=some.sampled_from([None, None, "driver"]),
    reach=some.sampled_from([None, *Reach]),
    ground=some.sampled_from([None, None, "consent", *Grounded]),
    is_nameless=some.booleans(),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    narrowing=NARROWINGS,
    words=some.sampled_from([(), (ROSA,), (ROSA, SOL)]),
    first=some.integers(1, 40),
    limit=some.integers(1, 12),
)
def test_pages_show_everybody_once_in_whatever_runs(session, agency, book, narrowing, words, first, limit):
    statement = contact_lists._statement(agency.id, narrowing, Sought(words=words)).with_only_columns(Contact.id)
    everybody = list(session.scalars(statement.order_by(Contact.id.desc())))
    listed, below = [], None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(newest, "_FIRST", first)
        while True:
            page = contact_lists.listed(session, agency.id, narrowing, Sought(words=words), below=below, limit=limit)
            listed += [contact.id for contact in page]
            if len(page) < limit:
                break
            below = page[-1].id
    assert listed == everybody


@pytest.fixture
def many(database, sessions, agency, settings):
    """Six thousand people who came in by ten files: the oldest is of Cusco, and has a tag of its own."""
    with sessions(agency.id).begin() as session:
        session.execute(
            text("""
WITH made AS (
    INSERT INTO contact (agency_id, phone_index, phone_kind, language, place_code, legal_ground, name_sealed)
    SELECT :agency, sha256(int8send(n)), 'mobile', CASE WHEN n <= :old THEN 'quz' ELSE 'es' END,
        CASE WHEN n <= :old THEN '080101' ELSE '1501' || lpad((1 + n % 40)::text, 2, '0') END,
        CASE WHEN n <= :old THEN NULL ELSE 'consent' END, CASE WHEN n <= :old THEN NULL ELSE '\\x00'::bytea END
    FROM generate_series(1, :many) AS n ORDER BY n RETURNING id
), tags AS (
    INSERT INTO contact_tag SELECT :agency, 'padron ' || (id - 1) / :old, id FROM made
), sectors AS (
    INSERT INTO contact_sector SELECT :agency, CASE WHEN id <= :old THEN '4922' ELSE '4711' END, id FROM made
)
INSERT INTO contact_word SELECT :agency, CASE WHEN id % 10 = 0 THEN CAST(:rosa AS bytea) ELSE :sol END, id FROM made
"""),
            {"agency": agency.id, "many": MANY, "old": MANY // 10, "rosa": ROSA, "sol": SOL},
        )
    owner = settings.owner_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) contact, contact_tag, contact_sector, contact_word")
    with sessions(agency.id)() as session:
        yield session


OF_THE_OLDEST = [
    Narrowing(AllOf((Tagged("padron 0"),))),
    Narrowing(AllOf((InPlace("08"),))),
    Narrowing(AllOf((InPlace("080101"), InSector("49")))),
    Narrowing(AllOf((Reads("quz"),)), reach=Reach.NEITHER),
    Narrowing(AllOf((InSector("4922"), Tagged("padron 0"), Reads("quz")))),
    Narrowing(AllOf((AnyOf((InPlace("0801"), Tagged("nadie"))),))),
    Narrowing(ground="without"),
    Narrowing(is_nameless=True),
]
NOBODY = Narrowing(AllOf((Tagged("padron 0"), InPlace("15"))))


def test_people_of_the_oldest_file_are_found_without_reading_the_others(many, agency):
    for narrowing in (*OF_THE_OLDEST, NOBODY):
        with asked(many) as statements:
            found = contact_lists.listed(many, agency.id, narrowing, limit=51)
        assert len(found) == (0 if narrowing is NOBODY else 51), narrowing
        # Their own 600 once for each condition at most, and not the 5,400 above them.
        assert sum(rows_read(many, *statement) for statement in statements) < 4 * MANY // 10, narrowing


def test_a_rare_word_beside_a_common_one_decides(many, agency):
    for words, most in (((ROSA,), 1000), ((b"x" * 8, ROSA), 10), ((SOL, b"x" * 8), 10)):
        with asked(many) as statements:
            contact_lists.listed(many, agency.id, Narrowing(), Sought(words=words), limit=51)
        assert sum(rows_read(many, *statement) for statement in statements) < most, words


@contextmanager
def asked(session):
    """What is asked of the database meanwhile: (statement, values) of each."""
    found, engine = [], session.get_bind()

    def note(_connection, _cursor, statement, values, _context, _many):
        found.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def rows_read(session, statement, values):
    """How many rows the scans of the statement's plan looked at, used or not."""
    explained = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
    plan = explained if isinstance(explained, list) else json.loads(explained)
    return _read(plan[0]["Plan"])


def _read(node):
    inner = sum(_read(below) for below in node.get("Plans", ()))
    if "Relation Name" not in node:
        return inner
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return inner + (node["Actual Rows"] + removed) * node["Actual Loops"]
