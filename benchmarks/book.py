"""A contact book as an agency has it after some years: a hundred times larger or smaller, the same kinds of people.

Names are sealed for a few thousand people and repeat; addresses, their blind indexes and a rare word are everybody's
own. Sets of people came in by file, oldest first, each from a part of the country and with a tag of its own: what
stands together in a file stands together in the tables, as it does in earnest, and statistics know nothing of it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import psycopg

from benchmarks import stage
from benchmarks.stage import Stage
from campaigns import agencies, staff
from campaigns.rules import hours
from campaigns.rules.spelling import words
from campaigns.vault import Vault
from outreach.passwords import hash_password

EMAIL, PASSWORD = "admin@benchmark.example", "a long password for a benchmark"
# Three in a hundred are called so; seven of a hundred businesses are called so.
COMMON_NAME, COMMON_BUSINESS = "Rosa", "Transportes"
RARE_TAG, COMMON_TAG = "piloto", "cooperativa"
CAMPAIGNS: Final = 10
_FILES: Final = 10
_NAMES, _TRAITS = 4000, 2000  # the second for each file
_RARELY: Final = 10  # so many share a rare word
# Where each file's people are, oldest first; four in ten live in Lima instead.
_DEPARTMENTS: Final = ("08", "21", "05", "13", "04", "20", "02", "07", "15", "15")
_ANDEAN: Final = frozenset({"08", "21", "05"})
# Of each kind, the more frequent first.
_SAMPLES: Final = """
Rosa Juan María José Carlos Luis Ana Jorge Carmen Víctor Julia Pedro Elena Miguel Luz César Norma Raúl Gladys Hugo
Edith Percy Yolanda Wilmer Flor Edgar Nelly Rubén Sonia Félix;
Quispe Flores Rojas Mamani García Sánchez Ramos Huamán Vásquez Torres Chávez Condori Díaz Castillo Mendoza Espinoza
Cruz Gutiérrez Ramírez Fernández Ruiz Apaza Paredes Salazar Cárdenas Choque Ccori Puma;
Transportes Bodega Empresa Ferretería Restaurante Mototaxis Panadería Farmacia Grifo Taller;
Sol Norte Unión Esperanza Estrella Andes Progreso Virgen Señor Inca Amistad Real Central Oriente Paz Cóndor Lucero
Rayo Pacífico Nevado
"""
_GIVEN, _FAMILY, _KINDS, _PROPER = (kind.split() for kind in _SAMPLES.split(";"))


@dataclass(frozen=True)
class Book:
    """What was put into an installation: contacts are numbered without a gap from the first to the last."""

    first_id: int
    last_id: int
    running: int  # a campaign

    @property
    def people(self) -> int:
        """How many contacts the agency has."""
        return self.last_id - self.first_id + 1

    def phone(self, number: int) -> str:
        """The number of a contact that has a mobile: any but every tenth."""
        return stage.phone(number)

    def mail(self, number: int) -> str:
        """The mail of a contact that has one: every third."""
        return f"p{number}@correo.example"

    def rare_word(self, number: int) -> str:
        """A word that ten people share, this contact among them."""
        return f"raro{number // _RARELY}"


def fill(live: Stage, *, contacts: int, deliveries: int) -> Book:
    """Put so many contacts and deliveries into the installation's agency, and some into a second one.

    As the embedded server's superuser, set by set; ends with what autovacuum would have done by then.
    """
    with owner(live) as connection:
        connection.execute("SET synchronous_commit = off")
        _blind(connection, live)
        other = _other_agency(live)
        _sample(connection, live.connections.vault, other)
        _people(connection, other, max(10, contacts // 10))
        _sample(connection, live.connections.vault, live.agency.id)
        first, last = _people(connection, live.agency.id, contacts)
        _check_indexes(connection, live, first)
        campaigns = [stage.submit_campaign(live, name=f"book-{number}") for number in range(CAMPAIGNS)]
        _deliveries(connection, live.agency.id, campaigns, deliveries / contacts / CAMPAIGNS)
        _heard(connection, live)
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    with live.connections.sessions(live.agency.id).begin() as session:
        hashed = hash_password(PASSWORD)
        staff.add(session, live.agency.id, email=EMAIL, name="Ada Admin", role="admin", password_hash=hashed)
    return Book(first, last, campaigns[-1])


def owner(live: Stage) -> psycopg.Connection:
    """A connection of the embedded server's superuser, past row-level security; each statement is its own."""
    url = live.settings.owner_url.replace("postgresql+psycopg://outreach_owner", "postgresql://postgres")
    return psycopg.connect(url, autocommit=True)


def _blind(connection: psycopg.Connection, live: Stage) -> None:
    """The vault's keyed hash (HMAC-SHA-256) as a function of this connection, so that a million take seconds."""
    key = next(iter(live.settings.index_keys.values())).ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in key).hex() for pad in (0x36, 0x5C))
    connection.execute(
        "CREATE FUNCTION pg_temp.blind(said text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS"
        f" $$ SELECT sha256('\\x{outer}' || sha256('\\x{inner}' || convert_to(said, 'UTF8'))) $$"
    )
    connection.execute(
        "CREATE FUNCTION pg_temp.mix(n bigint, salt int, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS"
        " $$ SELECT abs(hashint8extended(n, salt) % sides)::int $$"
    )


def _other_agency(live: Stage) -> int:
    with live.connections.sessions(None).begin() as session:
        return agencies.add(session, "other", "Municipalidad del Callao", hours=hours.always()).id


def _sample(connection: psycopg.Connection, vault: Vault, agency_id: int) -> None:
    """The names and traits that people of the agency are given, in temporary tables: the same for every size."""
    chance = random.Random(5)
    connection.execute("DROP TABLE IF EXISTS pg_temp.sample_name, pg_temp.sample_trait")
    connection.execute(
        "CREATE TEMP TABLE sample_name (number int PRIMARY KEY, name bytea, business bytea, email bytea, phone bytea,"
        " words bytea[]);"
        "CREATE TEMP TABLE sample_trait (number int PRIMARY KEY, language text, place text, role text, ground text,"
        " sectors text[], tags text[])"
    )
    with connection.cursor() as cursor:
        with cursor.copy("COPY sample_name FROM STDIN") as copy:
            for number in range(_NAMES):
                name, business = _name(chance), _business(chance)
                sealed = [
                    vault.seal(text, agency_id) for text in (name, business, "persona@correo.example", "+51987654321")
                ]
                found = [vault.word_index(word, agency_id) for word in sorted(words(name) | words(business))]
                copy.write_row((number, *sealed, found))
        districts = _districts(connection)
        sectors = [row[0] for row in connection.execute("SELECT code FROM sector ORDER BY code")]
        with cursor.copy("COPY sample_trait FROM STDIN") as copy:
            for number in range(_FILES * _TRAITS):
                copy.write_row((number, *_trait(chance, number // _TRAITS, districts, sectors)))
    connection.execute("ANALYZE sample_name; ANALYZE sample_trait")


def _name(chance: random.Random) -> str:
    given = COMMON_NAME if chance.random() < 0.03 else chance.choice(_GIVEN[1:])
    return f"{given} {_often_first(chance, _FAMILY)} {_often_first(chance, _FAMILY)}"


def _business(chance: random.Random) -> str:
    kind = COMMON_BUSINESS if chance.random() < 0.07 else chance.choice(_KINDS[1:])
    return f"{kind} {chance.choice(_PROPER)} {_often_first(chance, _FAMILY)}"


def _often_first(chance: random.Random, items: Sequence[str]) -> str:
    """One of them, the first ones more often: about one part in rank + 2, as family names are."""
    return chance.choices(items, [1 / (rank + 2) for rank in range(len(items))])[0]


def _districts(connection: psycopg.Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (code,) in connection.execute("SELECT code FROM place WHERE level = 'district' ORDER BY code"):
        found.setdefault(code[:2], []).append(code)
    return found


def _trait(
    chance: random.Random, file: int, districts: dict[str, list[str]], sectors: Sequence[str]
) -> tuple[object, ...]:
    department = "15" if chance.random() < 0.4 else _DEPARTMENTS[file]
    language = (
        chance.choice(("qu", "quz", "ay")) if chance.random() < (0.35 if department in _ANDEAN else 0.01) else "es"
    )
    place = _often_first(chance, districts[department]) if chance.random() < 0.95 else None
    tags = {f"padron {file}"}
    if chance.random() < 0.05:
        tags.add(COMMON_TAG)
    if chance.random() < 0.4:
        tags.add(f"ruta {chance.choices(range(200), [1 / (rank + 2) for rank in range(200)])[0]}")
    role = chance.choice(("owner", "driver", "fare_collector", "dispatcher", None))
    ground = "consent" if chance.random() < 0.93 else None
    own = {_often_first(chance, sectors) for _ in range(chance.choice((1, 1, 1, 2)))}
    return language, place, role, ground, sorted(own), sorted(tags)


_CONTACTS: Final = f"""
INSERT INTO contact (agency_id, name_sealed, business_sealed, phone_sealed, phone_index, phone_kind, email_sealed,
    email_index, language, place_code, role, legal_ground, ground_on)
SELECT %(agency)s, s.name, s.business, CASE WHEN n %% 10 > 0 THEN s.phone END,
    CASE WHEN n %% 10 > 0 THEN substring(pg_temp.blind('+519' || lpad((10000000 + n)::text, 8, '0')) FOR 16) END,
    CASE WHEN n %% 10 > 0 THEN CASE WHEN n %% 15 = 1 THEN 'landline' ELSE 'mobile' END END,
    CASE WHEN n %% 10 = 0 OR n %% 3 = 0 THEN s.email END,
    CASE WHEN n %% 10 = 0 OR n %% 3 = 0
        THEN substring(pg_temp.blind('p' || n || '@correo.example') FOR 16) END,
    t.language, t.place, t.role, t.ground, CASE WHEN t.ground IS NOT NULL THEN date '2025-03-01' END
FROM generate_series(0, %(people)s::bigint - 1) AS n
JOIN sample_name s ON s.number = pg_temp.mix(n, 1, {_NAMES})
JOIN sample_trait t ON t.number = n * {_FILES} / %(people)s * {_TRAITS} + pg_temp.mix(n, 2, {_TRAITS})
ORDER BY n
"""
# What belongs to the people of one file, in the order of its index, as an import writes it.
_MARKS: Final = (
    f"""
INSERT INTO contact_word (agency_id, word_index, contact_id)
SELECT %(agency)s, word, %(first)s + n FROM generate_series(%(low)s::bigint, %(high)s) AS n
JOIN sample_name s ON s.number = pg_temp.mix(n, 1, {_NAMES}),
    unnest(s.words || substring(pg_temp.blind(%(agency)s::text || ':raro' || n / {_RARELY}) FOR 8)) AS word
ORDER BY 2, 3
""",
    f"""
INSERT INTO contact_sector (agency_id, code, contact_id)
SELECT %(agency)s, code, %(first)s + n FROM generate_series(%(low)s::bigint, %(high)s) AS n
JOIN sample_trait t ON t.number = n * {_FILES} / %(people)s * {_TRAITS} + pg_temp.mix(n, 2, {_TRAITS}),
    unnest(t.sectors) AS code
ORDER BY 2, 3
""",
    f"""
INSERT INTO contact_tag (agency_id, tag, contact_id)
SELECT %(agency)s, tag, %(first)s + n FROM generate_series(%(low)s::bigint, %(high)s) AS n
JOIN sample_trait t ON t.number = n * {_FILES} / %(people)s * {_TRAITS} + pg_temp.mix(n, 2, {_TRAITS}),
    unnest(t.tags || CASE WHEN n %% greatest(1, %(people)s / 20) = 0 THEN ARRAY['{RARE_TAG}'] ELSE '{{}}' END) AS tag
ORDER BY 2, 3
""",
)


def _people(connection: psycopg.Connection, agency_id: int, people: int) -> tuple[int, int]:
    """The first and the last contact of so many new ones, which are numbered one after the other."""
    made = connection.execute(_CONTACTS, {"agency": agency_id, "people": people}).rowcount
    row = connection.execute("SELECT min(id), max(id) FROM contact WHERE agency_id = %s", (agency_id,)).fetchone()
    assert row is not None
    first, last = row
    if made != people or last - first + 1 != people:
        raise RuntimeError("the contacts are not numbered one after the other")
    borders = [people * number // _FILES for number in range(_FILES + 1)]
    for low, high in pairwise(borders):
        values = {"agency": agency_id, "people": people, "first": first, "low": low, "high": high - 1}
        for statement in _MARKS:
            connection.execute(statement, values)
    return first, last


def _check_indexes(connection: psycopg.Connection, live: Stage, first: int) -> None:
    """Prove that the function above hashes as the vault does; or every search would find nobody, and fast."""
    vault, number = live.connections.vault, 3
    row = connection.execute("SELECT phone_index, email_index FROM contact WHERE id = %s", (first + number,)).fetchone()
    wanted = (vault.address_index(stage.phone(number)), vault.address_index(f"p{number}@correo.example"))
    rare = connection.execute(
        "SELECT count(*) FROM contact_word WHERE agency_id = %s AND word_index = %s",
        (live.agency.id, vault.word_index(f"raro{number // _RARELY}", live.agency.id)),
    ).fetchone()
    if row != wanted or rare != (_RARELY,):
        raise RuntimeError("the book's indexes are not the vault's")


_DELIVERIES: Final = """
INSERT INTO delivery (campaign_id, agency_id, contact_id, channel, address_index, language, state, reason, attempt,
    parts, charged, handed_at, changed_at)
SELECT %(campaign)s, agency_id, id, 'sms', phone_index, language, state, CASE WHEN state = 'failed' THEN 'number' END,
    CASE WHEN state = 'queued' THEN 0 ELSE 1 END, 1, CASE WHEN state = 'queued' THEN 0 ELSE 1 END,
    CASE WHEN state <> 'queued' THEN %(at)s END, %(at)s
FROM (
    SELECT c.*, CASE
        WHEN %(runs)s THEN CASE WHEN pg_temp.mix(id, 9, 10) < 6 THEN 'queued' ELSE 'sent' END
        WHEN pg_temp.mix(id, 9, 100) < 90 THEN 'delivered'
        WHEN pg_temp.mix(id, 9, 100) < 96 THEN 'failed' ELSE 'unconfirmed' END AS state
    FROM contact c
    WHERE agency_id = %(agency)s AND phone_kind = 'mobile' AND pg_temp.mix(id, %(salt)s, 1000000) < %(share)s
) AS people ORDER BY id
"""
# As windows and receipts leave them; the clock keeps them to some thousand (store/figures.py).
_FIGURES: Final = """
INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts, made_at)
SELECT agency_id, campaign_id, channel, language, state, reason, count(*), sum(charged), %(at)s
FROM delivery WHERE campaign_id = %(campaign)s
GROUP BY agency_id, campaign_id, channel, language, state, reason, CASE WHEN %(runs)s THEN contact_id / %(window)s END
"""
_CAMPAIGN: Final = """
UPDATE campaign SET state = CASE WHEN %(runs)s THEN 'running' ELSE 'finished' END, started_at = %(at)s,
    ended_at = CASE WHEN NOT %(runs)s THEN %(at)s END, settled_at = CASE WHEN NOT %(runs)s THEN %(at)s END,
    plan_left_out = '{}', (plan_total, plan_done) =
        (SELECT count(*), count(*) FROM delivery d WHERE d.campaign_id = c.id)
FROM (VALUES (1)) AS one WHERE c.id = %(campaign)s
"""


def _deliveries(connection: psycopg.Connection, agency_id: int, campaigns: Sequence[int], each: float) -> None:
    """What was sent: `each` of the contacts by each campaign, months apart; the last one is on its way."""
    mobiles = 0.84  # of the contacts
    for number, campaign in enumerate(campaigns):
        runs = campaign == campaigns[-1]
        row = connection.execute("SELECT now() - make_interval(days => %s)", (20 * (len(campaigns) - 1 - number),))
        (at,) = row.fetchone() or (None,)
        values = {"campaign": campaign, "agency": agency_id, "salt": 100 + number, "runs": runs, "at": at}
        share = round(1_000_000 * each / mobiles)
        made = connection.execute(_DELIVERIES, values | {"share": share}).rowcount
        connection.execute(_FIGURES, values | {"window": max(100, round(made / each / 2000))})
        connection.execute(_CAMPAIGN.replace("UPDATE campaign", "UPDATE campaign c"), values)


# Two in a hundred refused SMS and one in two hundred of those with a mail; what they wrote is kept, and so is what
# waits to be read.
_HEARD: Final = (
    """
INSERT INTO opt_out (agency_id, channel, address_index, source, rule, language)
SELECT agency_id, 'sms', phone_index, 'word', 'ALTO', 'es' FROM contact
WHERE agency_id = %(agency)s AND phone_index IS NOT NULL AND pg_temp.mix(id, 3, 50) = 0 ORDER BY phone_index
""",
    """
INSERT INTO opt_out (agency_id, channel, address_index, source, rule, language)
SELECT agency_id, 'email', email_index, 'link', 'link', 'es' FROM contact
WHERE agency_id = %(agency)s AND email_index IS NOT NULL AND pg_temp.mix(id, 4, 200) = 0 ORDER BY email_index
""",
    """
INSERT INTO inbound (agency_id, sender_id, provider_ref, channel, address_index, address_sealed, body_sealed,
    contact_id, campaign_id, kind, rule, language, closed_at)
SELECT agency_id, %(sender)s, 'SM' || id, 'sms', phone_index, phone_sealed, name_sealed, id, NULL,
    CASE WHEN pg_temp.mix(id, 3, 50) = 0 THEN 'stop' ELSE 'other' END, NULL, 'es',
    CASE WHEN pg_temp.mix(id, 3, 50) > 0 AND place > 200 AND place %% 60 > 0 THEN now() END
FROM (
    SELECT *, row_number() OVER (ORDER BY id DESC) AS place FROM contact
    WHERE agency_id = %(agency)s AND phone_index IS NOT NULL AND pg_temp.mix(id, 3, 50) IN (0, 1)
) AS people
ORDER BY id
""",
    """
INSERT INTO audit (agency_id, staff_id, did, subject, made_at)
SELECT agency_id, NULL, 'contact:changed', 'contact:' || id, now() FROM contact
WHERE agency_id = %(agency)s AND pg_temp.mix(id, 5, 10) = 0 ORDER BY id
""",
)


def _heard(connection: psycopg.Connection, live: Stage) -> None:
    """Refusals, what people wrote, and what staff did."""
    for statement in _HEARD:
        connection.execute(statement, {"agency": live.agency.id, "sender": live.sender.id})
