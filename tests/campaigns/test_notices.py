"""Who answers for a campaign is told what happens to it, until they have seen it; nobody is told their own deeds."""

import pytest

from campaigns import notices, scheduling
from campaigns.notices import News


@pytest.fixture
def news(sessions, agency):
    """What a person has not seen, newest first."""

    def of(person, **options):
        with sessions(agency.id)() as session:
            return notices.unseen(session, agency.id, person.id, **options)

    return of


@pytest.fixture
def do(sessions, agency):
    def verb(name, campaign_id, by, **values):
        with sessions(agency.id).begin() as session:
            getattr(scheduling, name)(session, agency.id, campaign_id, by=by.id, **values)

    return verb


def test_the_others_are_told_and_not_whoever_did_it(running, do, news, ada, bruno, dora):
    campaign_id = running(1)
    assert [one.notice.what for one in news(ada)] == ["started"]
    assert news(bruno) == []
    do("pause", campaign_id, dora, reason="Lo pidió la central")
    do("resume", campaign_id, bruno)
    do("stop", campaign_id, ada)
    assert [(one.notice.what, one.notice.reason) for one in news(ada)] == [
        ("resumed", None),
        ("paused", "Lo pidió la central"),
        ("started", None),
    ]
    assert [one.notice.what for one in news(bruno)] == ["stopped", "paused"]
    assert {(one.campaign_name, one.notice.campaign_id) for one in news(bruno)} == {
        ("Aviso a transportistas", campaign_id)
    }
    assert news(dora) == []


def test_what_came_after_the_page_is_not_seen_with_it(running, do, news, sessions, agency, ada, bruno):
    campaign_id = running(1)
    do("pause", campaign_id, bruno)
    shown = news(ada)
    do("resume", campaign_id, bruno)
    for expected in (2, 0):
        with sessions(agency.id).begin() as session:
            assert notices.see(session, agency.id, ada.id, upto=shown[0].notice.id) == expected
    assert [one.notice.what for one in news(ada)] == ["resumed"]


def test_nobody_sees_the_news_of_another(running, do, news, sessions, agency, other_agency, ada, bruno, carla):
    running(1)
    newest = news(ada)[0].notice.id
    with sessions(agency.id).begin() as session:
        assert notices.see(session, agency.id, bruno.id, upto=newest) == 0
    with sessions(other_agency.id).begin() as theirs:
        assert notices.unseen(theirs, other_agency.id, ada.id) == []
        assert notices.unseen(theirs, agency.id, ada.id) == []
        assert notices.see(theirs, agency.id, ada.id, upto=newest) == 0
    assert len(news(ada)) == 1


def test_only_so_many_at_a_time(running, do, news, sessions, agency, ada, bruno):
    campaign_id = running(1)
    for _ in range(3):
        do("pause", campaign_id, bruno)
        do("resume", campaign_id, bruno)
    assert len(news(ada)) == 7
    assert [one.notice.what for one in news(ada, limit=2)] == ["resumed", "paused"]


@pytest.mark.parametrize("what", list(News))
def test_every_kind_can_be_told_by_nobody(running, news, sessions, agency, ada, bruno, what):
    from campaigns import authoring

    campaign_id = running(1)
    with sessions(agency.id).begin() as session:
        notices.tell(session, authoring.get(session, agency.id, campaign_id), what, by=None)
    assert news(ada)[0].notice.what == news(bruno)[0].notice.what == what
