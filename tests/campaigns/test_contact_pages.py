"""Lists of people: narrowed by all that is known, found in any spelling, a page at a time."""

import pytest

from campaigns import consent, contact_pages, contacts
from campaigns.cards import Viewer
from campaigns.contacts import Form
from campaigns.rules.narrowing import Narrowing, Reach
from campaigns.rules.segments import AllOf, InPlace, InSector, Reads, Tagged

ROSA = Form(
    name="Rosa Núñez", phone="987654321", email="r@x.example", place_code="150110", language="qu", role="driver",
    sectors=["4921", "4711"], tags="norte", ground="consent",
)  # fmt: skip
PEOPLE = {
    "rosa": ROSA,
    "luis": Form(name="Luis Rojas", phone="01 4567890", role="owner", place_code="0701"),
    "ana": Form(name="Ana", email="ana@x.example", ground="law"),
    "eva": Form(business="Bodega Eva", phone="987654322", ground="consent"),
    "nobody": Form(phone="987654323"),
}


@pytest.fixture
def people(session, vault, agency):
    """Their names by id. Luis has a landline and no ground, Ana only a mail; Eva refused; one has no name."""
    ids = {name: contacts.add(session, vault, agency.id, form, by=None) for name, form in PEOPLE.items()}
    index = vault.address_indexes("+51987654322")
    consent.stop(session, agency.id, "sms", index, source=consent.Source.WORD, rule="ALTO")
    return {number: name for name, number in ids.items()}


@pytest.fixture
def found(session, vault, agency, people):
    def named(query, narrowing=Narrowing()):  # noqa: B008 - frozen
        page = contact_pages.found(session, vault, Viewer(agency.id), query, narrowing)
        return [people[card.id] for card in page.cards]

    return named


@pytest.mark.parametrize(
    ("narrowing", "names"),
    [
        (Narrowing(), ["nobody", "eva", "ana", "luis", "rosa"]),
        (Narrowing(role="driver"), ["rosa"]),
        (Narrowing(role="dispatcher"), []),
        (Narrowing(reach=Reach.SMS), ["rosa"]),
        (Narrowing(reach=Reach.EMAIL), ["ana", "rosa"]),
        (Narrowing(reach=Reach.NEITHER), ["nobody", "eva", "luis"]),
        (Narrowing(ground="with"), ["eva", "ana", "rosa"]),
        (Narrowing(ground="without"), ["nobody", "luis"]),
        (Narrowing(ground="law"), ["ana"]),
        (Narrowing(is_nameless=True), ["nobody"]),
        (Narrowing(AllOf((InSector("47"), InPlace("15"), Reads("qu"), Tagged("norte"))), role="driver"), ["rosa"]),
        (Narrowing(AllOf((InPlace("07"),)), reach=Reach.NEITHER, ground="without", role="owner"), ["luis"]),
        (Narrowing(AllOf((InPlace("07"),)), reach=Reach.SMS), []),
    ],
)
def test_everything_that_narrows_must_be_true(narrowing, names, found):
    assert found("", narrowing) == names


def test_a_search_stays_within_what_the_list_is_narrowed_to(found):
    nameless = Narrowing(is_nameless=True)
    assert found("987654323", nameless) == ["nobody"]
    assert found("987654321", nameless) == []
    assert found("rosa", Narrowing(role="driver")) == ["rosa"]
    assert found("rosa", Narrowing(role="owner")) == []


@pytest.mark.parametrize(
    ("business", "query"),
    [
        ("Línea 14 Los Chasquis", "chasquis 14"),
        ("TC-21 Unidos", "tc 21"),
        ("TC-21 Unidos", "UNIDOS tc-21"),
        ("San José-Obrero", "jose obrero"),
        ("D'Ángelo & Hijos", "dangelo hijos"),
        ("Xu Li Chifa", "li xu"),
        ("ÑANDÚ EXPRESS", "nandu"),
        ("Ｅｌ Ｓｏｌ", "sol"),
        ("Transportes 987111222 SAC", "987111222"),
        ("Ruta 5 Etuchisa", "etuchisa ruta"),
    ],
)
def test_names_are_found_however_they_are_written(business, query, session, vault, agency, found, people):
    made = contacts.add(session, vault, agency.id, Form(business=business, phone="987654329"), by=None)
    people[made] = "new"
    assert found(query) == ["new"]


@pytest.mark.parametrize("query", ["de la", "el", "chasqui", "7", "@", "+51", "x y z"])
def test_too_little_finds_nobody(query, found):
    assert found(query) == []


def test_who_may_read_names_reads_them_and_never_the_addresses(session, vault, agency, people):
    page = contact_pages.found(session, vault, Viewer(agency.id, with_names=True), "rosa")
    card = page.cards[0]
    assert (card.name, card.phone, card.email) == ("Rosa Núñez", "+51 9** *** 321", "r***@x.example")
