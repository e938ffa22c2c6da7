"""Campaigns as staff meet them: written, submitted, approved by a second person, and followed while they go out."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from campaigns import authoring, planning
from campaigns.store.deliveries import Message
from outreach.admin import campaign_words, message_words
from tests.crowd import crowd, person
from tests.drafts import TEXTS, draft, running, submitted
from tests.outreach.conftest import send, state

NOW = datetime.now(UTC)


@pytest.fixture
def people(sessions, agency):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)


@pytest.fixture
def made(sessions, agency, ada, sender, people) -> int:
    """The id of a draft that can be submitted."""
    with sessions(agency.id).begin() as session:
        return draft(session, agency, ada, sender).id


@pytest.fixture
def waiting(sessions, agency, ada, sender, people) -> int:
    """The id of a campaign that waits for approval."""
    return submitted(sessions, agency, ada, sender)


@pytest.fixture
def going(sessions, agency, ada, bruno, sender, people) -> int:
    """The id of a campaign that is being sent."""
    return running(sessions, agency, ada, bruno, sender)


def typed(sessions, agency, number, **changes):
    """What the form of the campaign would send."""
    with sessions(agency.id)() as session:
        campaign = authoring.get(session, agency.id, number)
        texts = {f"text_{t.language}": t.body for t in authoring.texts(session, agency.id, number)}
    fields = {
        "seen": authoring.stamp(campaign),
        "name": campaign.name,
        "segment": campaign.segment_id,
        "sender": campaign.sender_id,
        "fallback_language": "es",
        "expires_at": "",
    }
    return fields | texts | changes


def test_an_empty_list_says_what_to_do(as_ada, as_bruno):
    assert 'href="/campaigns/new"' in as_ada.get("/campaigns/").text
    assert 'href="/campaigns/new"' not in as_bruno.get("/campaigns/").text


def test_the_list_is_narrowed_by_state(as_ada, sessions, agency, made, waiting):
    page = as_ada.get("/campaigns/").text
    assert "Todas (2)" in page
    assert "Por aprobar (1)" in page
    page = as_ada.get("/campaigns/?show=approval").text
    assert f"/campaigns/{waiting}/" in page
    assert f"/campaigns/{made}/" not in page
    assert "No hay campañas aquí" in as_ada.get("/campaigns/?show=ended").text
    assert as_ada.get("/campaigns/?show=zz&before=x").status_code == 200


def test_a_long_list_goes_on(as_ada, sessions, agency, ada):
    with sessions(agency.id).begin() as session:
        numbers = [authoring.create(session, agency.id, name=f"Aviso {i}", by=ada.id).id for i in range(60)]
    first = as_ada.get("/campaigns/").text
    assert f"/campaigns/{numbers[10]}/" in first
    assert f"/campaigns/{numbers[9]}/" not in first
    more = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    assert f"/campaigns/{numbers[9]}/" in as_ada.get(more).text


def test_a_new_campaign_needs_a_name_and_leads_to_its_text(as_ada, agency, sender):
    assert send(as_ada, "/campaigns/new", name=" ").status_code == 422
    answer = send(as_ada, "/campaigns/new", name="Aviso")
    assert answer.status_code == 303
    page = as_ada.get(answer.headers["Location"]).text
    assert 'name="text_es"' in page
    assert "Línea de avisos" in page


def test_everything_is_saved_with_one_press(as_ada, sessions, agency, made):
    answer = send(
        as_ada,
        f"/campaigns/{made}/edit",
        **typed(sessions, agency, made, name="Otro", text_es="No pague, {{nombre}}.", expires_at="2040-01-02T10:00"),
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/campaigns/{made}/")
    with sessions(agency.id)() as session:
        campaign = authoring.get(session, agency.id, made)
        bodies = {t.language: t.body for t in authoring.texts(session, agency.id, made)}
    assert campaign.name == "Otro"
    assert campaign.expires_at == datetime(2040, 1, 2, 15, 0, tzinfo=UTC)
    assert bodies == {"es": "No pague, {{nombre}}.", "qu": TEXTS["qu"]}
    assert 'value="2040-01-02T10:00"' in as_ada.get(f"/campaigns/{made}/edit").text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"text_es": "Hola {{nombre"}, "se abre un campo con {{"),
        ({"text_es": "Hola {{dni}}"}, "{{dni}}"),
        ({"text_qu": "  "}, "Escriba el texto."),
        ({"text_es": "x" * 1600}, "1600"),
        ({"name": ""}, "Escriba un nombre."),
        ({"segment": "999"}, "text_es"),
        ({"segment": "x"}, "text_es"),
        ({"sender": str(2**70)}, "text_es"),
        ({"fallback_language": "zz"}, "text_es"),
        ({"expires_at": "2001-01-01T10:00"}, "Elija"),
        ({"expires_at": "mañana"}, "text_es"),
        ({"expires_at": "9999-12-31T23:59"}, "expires_at-error"),
        ({"expires_at": "0001-01-01T00:00"}, "expires_at-error"),
        ({"text_es": "A\u202eB"}, "carácter 2"),
    ],
)
def test_what_is_wrong_comes_back_with_all_that_was_typed(as_ada, sessions, agency, made, changes, told):
    fields = typed(sessions, agency, made, text_qu="Ama qullqita quychu, <b>wawqi</b>") | changes
    answer = send(as_ada, f"/campaigns/{made}/edit", **fields)
    assert answer.status_code == 422
    assert told.casefold() in answer.text.casefold()
    if "text_qu" not in changes:
        assert "Ama qullqita quychu, &lt;b&gt;wawqi&lt;/b&gt;" in answer.text
    with sessions(agency.id)() as session:
        assert {t.language: t.body for t in authoring.texts(session, agency.id, made)} == TEXTS


def test_the_small_buttons_change_the_form_and_save_nothing(as_ada, sessions, agency, made):
    path, fields = f"/campaigns/{made}/edit", typed(sessions, agency, made, text_es="«No» pague…")
    added = send(as_ada, path, **fields, add="yes", add_language="ay")
    assert added.status_code == 200
    assert 'name="text_ay"' in added.text
    assert "«No» pague…" in added.text
    assert 'name="text_qu"' not in send(as_ada, path, **fields, remove="qu").text
    assert "&#34;No&#34; pague..." in send(as_ada, path, **fields, cheaper="es").text
    for odd in ({"add": "yes", "add_language": "zz"}, {"remove": "zz"}, {"cheaper": "zz"}):
        assert send(as_ada, path, **fields, **odd, text_zz="x").status_code == 200
    with sessions(agency.id)() as session:
        assert {t.language: t.body for t in authoring.texts(session, agency.id, made)} == TEXTS


def test_the_preview_shows_the_frame_and_what_is_dear(as_ada, made):
    def preview(code, body):
        return send(as_ada, f"/campaigns/{made}/preview/{code}", **{f"text_{code}": body}).text

    shown = preview("es", "{{nombre}}, no pague a «nadie»")
    assert "Municipalidad de Lima Norte: Rosa, no pague a «nadie»\nResponda ALTO para no recibir mas." in shown
    assert "<kbd>«</kbd>, 1 vez; más barato: <kbd>&#34;</kbd>" in shown
    assert 'name="cheaper"' in shown
    assert "se abre un campo" in preview("es", "{{nombre").casefold()
    assert "Aquí se verá el mensaje" in preview("es", "")
    assert "&lt;script&gt;" in preview("es", "<script>")
    assert preview("zz", "Hola")
    assert preview("es", "x" * 9000)
    assert "<kbd>ï</kbd>, 1 vez" in preview("ay", "ï")


def test_a_draft_says_what_is_missing_and_then_can_be_submitted(as_ada, sessions, agency, ada, sender, made):
    with sessions(agency.id).begin() as session:
        empty = authoring.create(session, agency.id, name="Vacía", by=ada.id).id
    page = as_ada.get(f"/campaigns/{empty}/").text
    assert "Antes de enviarla a aprobación" in page
    assert f'action="/campaigns/{empty}/submit"' not in page
    assert send(as_ada, f"/campaigns/{empty}/submit").status_code == 303
    assert state(sessions, agency, empty) == "draft"
    page = as_ada.get(f"/campaigns/{made}/").text
    assert f'action="/campaigns/{made}/submit"' in page
    assert "<strong>20</strong>" in page
    assert "Rosa, no pague. Llame al 111." in page


def test_submitting_plans_and_twice_does_no_harm(as_ada, sessions, agency, made, valkey):
    for _ in range(2):
        assert send(as_ada, f"/campaigns/{made}/submit").status_code == 303
    assert state(sessions, agency, made) == "planning"
    assert valkey.llen("rq:queue:planning") == 1
    page = as_ada.get(f"/campaigns/{made}/")
    assert "<progress" in page.text
    assert 'hx-get="/campaigns' in page.text
    planning.plan(sessions, agency.id, made, now=NOW)
    fragment = as_ada.get(f"/campaigns/{made}/progress", headers={"HX-Request": "true"})
    assert fragment.headers["HX-Refresh"] == "true"
    assert "Por aprobar" in as_ada.get(f"/campaigns/{made}/").text


def test_nobody_left_says_why_and_keeps_the_texts(as_ada, sessions, vault, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, "+51987000001", ground=None)
    number = submitted(sessions, agency, ada, sender)
    page = as_ada.get(f"/campaigns/{number}/").text
    assert "No queda nadie a quien escribir" in page
    assert "Sin base legal registrada" in page
    assert "Llame al 111" in page


def test_taken_back_copied_cancelled_deleted(as_ada, sessions, agency, waiting, made):
    assert "borrador" in as_ada.get(f"/campaigns/{waiting}/take-back").text
    assert send(as_ada, f"/campaigns/{waiting}/take-back").status_code == 303
    assert state(sessions, agency, waiting) == "draft"
    copy = send(as_ada, f"/campaigns/{made}/duplicate").headers["Location"]
    assert "Copia de Aviso a transportistas" in as_ada.get(copy).text
    assert send(as_ada, f"/campaigns/{made}/cancel").status_code == 303
    assert "Cancelada" in as_ada.get(f"/campaigns/{made}/").text
    assert send(as_ada, f"/campaigns/{made}/delete").status_code == 422
    assert "2 textos" in as_ada.get(f"/campaigns/{waiting}/delete").text
    assert send(as_ada, f"/campaigns/{waiting}/delete").status_code == 303
    assert as_ada.get(f"/campaigns/{waiting}/").status_code == 404


def test_the_live_page_asks_for_little_and_gets_nothing_when_nothing_changed(as_bruno, sessions, agency, going):
    page = as_bruno.get(f"/campaigns/{going}/").text
    polled = re.search(r'id="funnel" hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    hx = {"HX-Request": "true"}
    assert as_bruno.get(polled, headers=hx).status_code == 204
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number) VALUES"
                " (:a, :c, 'sms', 'es', 'queued', NULL, -3), (:a, :c, 'sms', 'es', 'delivered', NULL, 1),"
                " (:a, :c, 'sms', 'es', 'failed', 'landline', 1), (:a, :c, 'sms', 'es', 'skipped', 'opted_out', 1)"
            ),
            {"a": agency.id, "c": going},
        )
    changed = as_bruno.get(polled, headers=hx)
    assert changed.status_code == 200
    assert len(changed.data) < 900
    assert "<dd>17</dd>" in changed.text
    details = as_bruno.get(polled + "&part=details", headers=hx).text
    assert "El número es un teléfono fijo" in details
    assert "Pidió no recibir más mensajes" in details
    assert as_bruno.get(polled.replace("running", "paused"), headers=hx).headers["HX-Refresh"] == "true"


def test_the_address_of_a_fragment_leads_to_its_page(as_bruno, going):
    for path in ("progress", "figures", "figures?part=details"):
        for headers in ({}, {"HX-Request": "true", "HX-Boosted": "true"}):
            answer = as_bruno.get(f"/campaigns/{going}/{path}", headers=headers)
            assert (answer.status_code, answer.headers["Location"]) == (303, f"/campaigns/{going}/")


def test_paused_resumed_and_stopped(as_bruno, sessions, agency, going, valkey):
    page = as_bruno.get(f"/campaigns/{going}/").text
    assert f'action="/campaigns/{going}/pause"' in page
    assert f'action="/campaigns/{going}/resume"' not in page
    assert send(as_bruno, f"/campaigns/{going}/pause").status_code == 303
    assert send(as_bruno, f"/campaigns/{going}/pause").status_code == 303
    assert state(sessions, agency, going) == "paused"
    assert send(as_bruno, f"/campaigns/{going}/resume").status_code == 303
    assert state(sessions, agency, going) == "running"
    assert valkey.llen("rq:queue:dispatch") == 1
    assert "20 personas" in as_bruno.get(f"/campaigns/{going}/stop").text
    assert send(as_bruno, f"/campaigns/{going}/stop").status_code == 303
    assert state(sessions, agency, going) == "stopping"
    assert "Deteniéndose" in as_bruno.get(f"/campaigns/{going}/").text


def test_a_campaign_that_waits_says_why(as_bruno, sessions, agency, going):
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET halted_at = now()"))
    assert "Todos los envíos de su entidad están detenidos" in as_bruno.get(f"/campaigns/{going}/").text
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET halted_at = NULL, hours = '{\"days\": {}}'"))
    assert "nunca empieza" in as_bruno.get(f"/campaigns/{going}/").text


def test_a_running_campaign_is_not_edited(as_ada, sessions, agency, going):
    assert as_ada.get(f"/campaigns/{going}/edit").status_code == 409
    assert send(as_ada, f"/campaigns/{going}/edit", **typed(sessions, agency, going, name="x")).status_code == 409


def test_editing_what_was_submitted_makes_it_a_draft(as_ada, sessions, agency, waiting):
    assert "necesita una nueva aprobación" in as_ada.get(f"/campaigns/{waiting}/edit").text
    fields = typed(sessions, agency, waiting, text_es="Otro texto")
    assert send(as_ada, f"/campaigns/{waiting}/edit", **fields).status_code == 303
    assert state(sessions, agency, waiting) == "draft"


def in_the_form(page, name):
    """What a field of the page holds that nobody sees."""
    return re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page)[1]


def test_who_saves_later_does_not_overwrite_unasked(as_ada, sessions, agency, made):
    path = f"/campaigns/{made}/edit"
    stale = in_the_form(as_ada.get(path).text, "seen")
    first = typed(sessions, agency, made, text_es="Primera")
    assert first["seen"] == stale
    assert send(as_ada, path, **first).status_code == 303
    # The same again, as a second press of the same button is, changes nothing and asks nothing.
    assert send(as_ada, path, **first).status_code == 303
    second = first | {"text_es": "Segunda <b>"}
    for seen in ({}, {"seen": ""}, {"seen": "0" * 16}):
        refused = send(as_ada, path, **{key: value for key, value in second.items() if key != "seen"}, **seen)
        assert refused.status_code == 422
    refused = send(as_ada, path, **second)
    assert refused.status_code == 422
    assert "se cambió o se presentó desde que usted abrió esta página" in refused.text
    assert "Segunda &lt;b&gt;" in refused.text
    with sessions(agency.id)() as session:
        assert {t.language: t.body for t in authoring.texts(session, agency.id, made)}["es"] == "Primera"
    # The small buttons are no decision.
    added = send(as_ada, path, **second, add="yes", add_language="ay")
    assert in_the_form(added.text, "seen") == stale
    assert send(as_ada, path, **second | {"seen": in_the_form(refused.text, "seen")}).status_code == 303
    with sessions(agency.id)() as session:
        assert {t.language: t.body for t in authoring.texts(session, agency.id, made)}["es"] == "Segunda <b>"


def test_an_old_page_does_not_pull_back_what_was_submitted(as_ada, sessions, agency, made):
    path, fields = f"/campaigns/{made}/edit", typed(sessions, agency, made, text_es="Otro texto")
    send(as_ada, f"/campaigns/{made}/submit")
    planning.plan(sessions, agency.id, made, now=NOW)
    refused = send(as_ada, path, **fields)
    assert refused.status_code == 422
    assert "Otro texto" in refused.text
    assert state(sessions, agency, made) == "submitted"
    assert send(as_ada, path, **fields | {"seen": in_the_form(refused.text, "seen")}).status_code == 303
    assert state(sessions, agency, made) == "draft"


def test_a_test_to_oneself(as_ada, sessions, vault, agency, made, valkey):
    assert as_ada.get(f"/campaigns/{made}/test").status_code == 200
    answer = send(as_ada, f"/campaigns/{made}/test", number="987 654 321", language="qu")
    assert answer.status_code == 303
    assert valkey.llen("rq:queue:urgent") == 1
    with sessions(agency.id)() as session:
        (message,) = session.scalars(select(Message)).all()
        assert vault.open(message.address_sealed, agency.id) == "+51987654321"
    for wrong in ({"number": "", "language": "es"}, {"number": "111", "language": "es"}, {"number": "987654321"}):
        assert send(as_ada, f"/campaigns/{made}/test", **wrong).status_code == 422
    assert "987" not in valkey.dump(valkey.keys("rq:job:*")[0]).decode("latin-1")


PATHS = [
    "", "edit", "test", "progress", "figures", "approve", "return", "stop", "take-back", "cancel", "delete",
]  # fmt: skip


def test_strangers_find_nothing_and_nobody_does_what_is_not_theirs(signed_in, as_ada, as_bruno, carla, waiting):
    as_carla = signed_in(carla)
    for path in PATHS:
        assert (path, as_carla.get(f"/campaigns/{waiting}/{path}").status_code) == (path, 404)
    for path in ("submit", "duplicate", "pause", "resume", "approve", "return", "delete", "preview/es"):
        assert (path, send(as_carla, f"/campaigns/{waiting}/{path}").status_code) == (path, 404)
    for path in ("edit", "test", "take-back", "cancel", "delete"):
        assert (path, as_bruno.get(f"/campaigns/{waiting}/{path}").status_code) == (path, 403)
    for path in ("approve", "return", "stop"):
        assert (path, as_ada.get(f"/campaigns/{waiting}/{path}").status_code) == (path, 403)
    for path in ("pause", "resume"):
        assert (path, send(as_ada, f"/campaigns/{waiting}/{path}").status_code) == (path, 403)
    for huge in (2**63, 10**30):
        assert as_ada.get(f"/campaigns/{huge}/").status_code == 404
        assert as_ada.get(f"/campaigns/?before={huge}").status_code == 200
        assert send(as_ada, "/segments/count", segment=huge).status_code == 200


def test_every_state_reason_and_failure_has_its_words():
    from campaigns.rules.lifecycle import CampaignState, Reason
    from campaigns.rules.outcomes import Failure

    assert set(campaign_words.STATES) == set(CampaignState)
    assert set(message_words.REASONS) == set(Reason)
    assert set(message_words.FAILURES) == set(Failure)
    assert {state for _label, states in campaign_words.SHOWN.values() for state in states} == set(CampaignState)
