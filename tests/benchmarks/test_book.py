"""The book that pages are measured with: what is searched for is there, and its figures are true."""

import pytest

from benchmarks import book
from benchmarks.stage import Stage
from campaigns import contact_pages, recount
from campaigns.cards import Viewer
from campaigns.rules.narrowing import Narrowing
from campaigns.rules.segments import AllOf, InPlace, Tagged

PEOPLE = 400


@pytest.fixture
def filled(settings, database, agency, sender):
    return book.fill(Stage(settings, database, agency, sender), contacts=PEOPLE, deliveries=5 * PEOPLE)


def test_what_is_asked_for_is_there_and_counted_right(filled, sessions, vault, agency):
    assert filled.people == PEOPLE

    with sessions(agency.id)() as session:

        def ids(query="", *leaves):
            narrowing = Narrowing(AllOf(leaves))
            return [card.id for card in contact_pages.found(session, vault, Viewer(agency.id), query, narrowing).cards]

        assert ids(filled.phone(33)) == [filled.first_id + 33]
        assert ids(filled.mail(33)) == [filled.first_id + 33]
        assert ids(filled.rare_word(33)) == [filled.first_id + number for number in range(39, 29, -1)]
        assert ids(book.COMMON_NAME)
        assert ids(book.COMMON_BUSINESS)
        assert len(ids("", Tagged(book.RARE_TAG))) == 20
        # The oldest file's people are the first in the book.
        assert set(ids("", Tagged("padron 0"))) == set(range(filled.first_id, filled.first_id + PEOPLE // 10))
        assert set(ids("", InPlace("08"))) <= set(range(filled.first_id, filled.first_id + PEOPLE // 10))

    proofs = list(recount.prove(sessions))
    assert len(proofs) >= book.CAMPAIGNS
    assert [proof for proof in proofs if not proof.is_true] == []
