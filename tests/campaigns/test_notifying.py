"""News goes out by mail: to whom it concerns, in one mail each, again after a crash, and never more than that."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns import agencies, approval, authoring, notices, notifying, scheduling, staff
from campaigns.store import due, notice_mail
from tests import crowd, drafts
from tests.letters import Page, content
from tests.relay import FROM, with_relay


@pytest.fixture
def post(sessions, settings, agency, mailbox):
    """Runs one job that mails the agency's news; how many mails the relay took."""

    def one_job(*, after: float = 0, using=None) -> int:
        now = datetime.now(UTC) + timedelta(seconds=after)
        live = using or with_relay(settings, mailbox.port)
        return asyncio.run(notifying.mail(sessions, live, agency.id, now=now))

    return one_job


@pytest.fixture
def kept(sessions, agency):
    """(person, what) -> what became of its mail."""

    def rows() -> dict[tuple[int, str], str | None]:
        with sessions(agency.id)() as session:
            found = session.execute(text("SELECT staff_id, what, mailed_at, unmailed FROM notice ORDER BY id")).all()
        return {(who, what): "mailed" if at else why for who, what, at, why in found}

    return rows


def is_due(sessions) -> bool:
    with sessions(None)() as session:
        return "notices" in {one.what for one in due.work(session)}


def test_author_and_approver_are_told_by_mail_what_others_did(running, post, mailbox, sessions, agency, ada, bruno):
    campaign_id = running(1)
    assert is_due(sessions)
    assert post() == 1
    assert not is_due(sessions)
    (mail,) = mailbox.to(ada.email)
    assert mailbox.mails[0][0] == FROM
    assert mail["From"] == f"Outreach <{FROM}>"
    assert mail["To"] == ada.email
    assert mail["Subject"] == "Una campaña suya empezó"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "es"
    page = f"http://127.0.0.1:8000/campaigns/{campaign_id}"
    assert f"* Aviso a transportistas: Empezó\n  {page}" in content(mail, "plain")
    html = Page(content(mail, "html"))
    assert html.attributes("html") == [{"lang": "es"}]
    assert {"href": page} in html.attributes("a")
    assert "Municipalidad de Lima Norte" in html.words
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=ada.id, reason="Lo pidió Rosa 0")
    assert post() == 1
    assert mailbox.to(bruno.email)[0]["Subject"] == "Una campaña suya fue puesta en pausa"
    assert "Rosa" not in str(mailbox.to(bruno.email)[0])


def test_who_may_approve_is_asked_and_who_wrote_it_is_not(
    sessions, vault, agency, sender, post, mailbox, ada, bruno, dora
):
    with sessions(agency.id).begin() as session:
        crowd.person(session, vault, agency, "+51910000001", name="Rosa")
    campaign_id = drafts.submitted(sessions, agency, dora, sender)
    assert post() == 1
    (mail,) = mailbox.to(bruno.email)
    assert mail["Subject"] == "Una campaña espera su aprobación"
    assert f"/campaigns/{campaign_id}" in content(mail, "plain")
    with sessions(agency.id)() as session:
        assert notices.unseen(session, agency.id, bruno.id) == []  # the page shows it under what needs him now
        assert [one.id for one in approval.to_approve(session, agency.id, bruno.id)] == [campaign_id]


def test_news_of_one_person_is_one_mail_in_their_language(running, post, mailbox, sessions, agency, ada, bruno):
    campaign_id = running(1)
    with sessions(agency.id).begin() as session:
        staff.by_email(session, ada.email).interface_language = "en"
        for _ in range(2):
            scheduling.pause(session, agency.id, campaign_id, by=bruno.id, reason="x")
            scheduling.resume(session, agency.id, campaign_id, by=bruno.id)
    assert post() == 1
    (mail,) = mailbox.to(ada.email)
    assert mail["Subject"] == "News of your campaigns"
    assert [line.rpartition(": ")[2] for line in content(mail, "plain").splitlines() if line.startswith("*")] == [
        "Started",
        "Paused",
        "Goes on",
        "Paused",
        "Goes on",
    ]


def test_the_same_job_twice_mails_once(running, post, mailbox, ada):
    running(1)
    assert (post(), post(), post(after=7200)) == (1, 0, 0)
    assert len(mailbox.to(ada.email)) == 1


def test_a_worker_that_dies_after_the_relay_took_it_repeats_the_same_mail(
    running, post, mailbox, monkeypatch, sessions, agency, ada, bruno
):
    campaign_id = running(1)
    with monkeypatch.context() as patched:
        patched.setattr(notice_mail, "mailed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            post()
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=bruno.id, reason="x")
    assert not mailbox.to(bruno.email)
    assert post() == 1  # the pause alone: the other mail is still in the dead worker's hands
    assert post(after=121) == 1
    first, paused, again = mailbox.to(ada.email)
    assert first["Message-ID"] == again["Message-ID"] != paused["Message-ID"]
    assert content(first, "plain") == content(again, "plain")
    assert post(after=7200) == 0


def test_two_jobs_at_once_share_the_people(running, post, mailbox, sessions, agency, ada, bruno, dora):
    campaign_id = running(1)
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=dora.id, reason="x")
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: post(), range(4))) >= 2
    told = [line for _, _, mail in mailbox.mails for line in content(mail, "plain").splitlines() if line[:1] == "*"]
    assert len(told) == 3  # Ada: started, paused; Bruno: paused


def test_a_relay_that_is_away_is_asked_again_by_the_clock_and_more_rarely(
    running, post, mailbox, settings, sessions, ada, kept
):
    running(1)
    away = with_relay(settings, 9)
    assert post(using=away) == 0
    assert not is_due(sessions)
    assert post(after=30) == 0
    assert mailbox.asked == 0
    assert post(after=61, using=away) == 0
    assert post(after=200) == 0
    assert mailbox.asked == 0
    assert post(after=362) == 1
    assert kept()[ada.id, "started"] == "mailed"


def test_an_address_the_relay_refuses_for_good_is_asked_once(running, post, mailbox, ada, kept):
    running(1)
    mailbox.rcpt[ada.email] = "550 5.1.1 no such user"
    assert (post(), post(after=7200)) == (0, 0)
    assert mailbox.asked == 1
    assert kept()[ada.id, "started"] == "address_unknown"


def test_one_mailbox_that_is_full_keeps_nobody_waiting(running, post, mailbox, sessions, agency, ada, bruno, dora):
    campaign_id = running(1)
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=dora.id, reason="x")
    mailbox.rcpt[ada.email] = "452 4.2.2 full"
    assert post() == 1
    assert len(mailbox.to(bruno.email)) == 1
    del mailbox.rcpt[ada.email]
    assert post(after=60) == 0
    assert post(after=3601) == 1
    assert len(mailbox.to(ada.email)) == 1


def test_a_relay_that_shuts_us_out_is_not_asked_for_everyone(running, post, mailbox, sessions, agency, dora, kept):
    campaign_id = running(1)
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=dora.id, reason="x")
    mailbox.rcpt["*"] = "550 5.1.8 bad sender"
    assert post() == 0
    assert mailbox.asked == 1
    assert post(after=59) == 0
    assert mailbox.asked == 1
    mailbox.rcpt.clear()
    assert post(after=61) == 2
    assert None not in kept().values()


def test_what_was_read_or_is_over_or_is_for_somebody_who_left_is_not_mailed(
    running, post, mailbox, sessions, agency, ada, bruno, dora, sender, kept
):
    campaign_id = running(1)  # Bruno and Dora were asked to approve it, and Bruno did
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=dora.id, reason="x")
        notices.see(session, agency.id, ada.id, upto=notices.unseen(session, agency.id, ada.id)[0].notice.id)
        staff.by_email(session, bruno.email).active = False
    assert post() == 0
    assert mailbox.mails == []
    assert kept() == {
        (bruno.id, "to_approve"): "inactive",
        (dora.id, "to_approve"): "seen",
        (ada.id, "started"): "seen",
        (ada.id, "paused"): "seen",
        (bruno.id, "paused"): "inactive",
    }


def test_yesterdays_news_is_not_mailed(running, post, mailbox, kept):
    running(1)
    assert post(after=86_401) == 0
    assert mailbox.mails == []
    assert set(kept().values()) == {"old"}


def test_without_a_relay_nothing_waits_for_one(running, post, mailbox, settings, sessions, kept):
    running(1)
    assert post(using=settings) == 0
    assert not is_due(sessions)
    assert set(kept().values()) == {"not_set_up"}


def test_a_halted_agency_still_hears_of_its_campaigns(running, post, mailbox, sessions, agency, ada, dora):
    running(1)
    with sessions(agency.id).begin() as session:
        agencies.halt(session, agency.id, by=dora.id)
    assert is_due(sessions)
    assert post() == 1


def test_another_agency_is_not_told(running, sessions, settings, mailbox, other_agency, carla):
    running(1)
    live = with_relay(settings, mailbox.port)
    assert asyncio.run(notifying.mail(sessions, live, other_agency.id, now=datetime.now(UTC))) == 0
    assert mailbox.mails == []


@pytest.mark.parametrize("name", ["Aviso\r\nBcc: x@y.example", "<script>x</script> & co", "Ñandú " * 30])
def test_no_name_of_a_campaign_can_change_the_mail(post, mailbox, sessions, agency, running, ada, name):
    campaign_id = running(1)
    with sessions(agency.id).begin() as session:
        authoring.get(session, agency.id, campaign_id).name = name
    assert post() == 1
    (mail,) = mailbox.to(ada.email)
    assert mail["Bcc"] is None
    html = Page(content(mail, "html"))
    assert "script" not in {tag for tag, _ in html.tags}
    assert " ".join(name.split()) in " ".join(html.words.split())


def test_administrators_are_told_who_wanted_to_see_more_people_than_allowed(
    running, post, mailbox, sessions, agency, ada, bruno, dora
):
    with sessions(agency.id).begin() as session:
        notices.warn(session, agency.id, [dora.id], notices.News.REVEALS_USED_UP, about=ada.id)
    assert is_due(sessions)
    assert post() == 1
    (mail,) = mailbox.to(dora.email)
    assert mail["Subject"] == "Alguien miró a muchas personas"
    page = f"http://127.0.0.1:8000/people/reveals?staff={ada.id}"
    assert f"* Ada Writer: Quiso ver completas a más personas de las que permite una hora\n  {page}" in content(
        mail, "plain"
    )
    assert "Recibe esto porque administra su entidad" in content(mail, "plain")
    assert not is_due(sessions)
    running(1)  # news of a campaign beside it: one mail tells both
    with sessions(agency.id).begin() as session:
        notices.warn(session, agency.id, [ada.id], notices.News.REVEALS_USED_UP, about=dora.id)
    assert post() == 1
    assert mailbox.to(ada.email)[0]["Subject"] == "Novedades de Outreach"
    assert {
        line.partition(":")[0] for line in content(mailbox.to(ada.email)[0], "plain").splitlines() if "* " in line
    } == {
        "* Aviso a transportistas",
        "* Dora Admin",
    }
