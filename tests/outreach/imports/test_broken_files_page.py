"""Whatever is handed in, the page answers with a sentence or the worker brings rows in: never an error of ours."""

from flask_babel import gettext
from markupsafe import escape
from sqlalchemy import func, select

from campaigns import imports, spreadsheets
from campaigns.store.contacts import Contact
from campaigns.store.imports import Import
from outreach.sentences import SENTENCES
from tests.broken_files import BROKEN, MEGABYTE
from tests.outreach.conftest import send
from tests.outreach.imports.conftest import choices, hand_in

ROOM = 320 * MEGABYTE


# In one test, because a book of its own for every file would take minutes.
def test_every_broken_file_has_its_answer_on_a_page(app, as_ada, work, session, vault, agency, monkeypatch):
    monkeypatch.setattr(spreadsheets, "MEMORY", ROOM)
    wrong = {}
    for name, file in BROKEN.items():
        answer = hand_in(as_ada, file.make(), file.name)
        if answer.status_code == 422:
            refused, page = file.codes, answer.text
        else:
            assert answer.status_code == 303, name
            number = int(answer.headers["Location"].rpartition("/")[2])
            refused, page = _go_on(number, as_ada, work, session, vault, agency)
        with app.test_request_context("/"):
            # As far as the first value in it.
            sentences = [str(escape(gettext(SENTENCES[code]))).partition("%(")[0] for code in refused]
        told = any(sentence in page for sentence in sentences)
        if not (told if refused else file.rows):
            wrong[name] = refused
    assert wrong == {}
    # Rosa, José and whoever is the last of a file: nobody twice, and nobody made up.
    assert session.scalar(select(func.count()).select_from(Contact)) == 3


def _go_on(number, as_ada, work, session, vault, agency) -> tuple[frozenset[str], str]:
    """Take an import to its end with the columns it proposes; why it failed, if it did, and the page that says so."""
    for _ in range(4):
        session.expire_all()
        match session.get(Import, number).state:
            case "columns":
                look = imports.look(session, vault, agency.id, number)
                fields = {at: field for field, at in look.columns.items()}
                chosen = choices(*(fields.get(at, "") for at in range(len(look.headings))), ground="")
                assert send(as_ada, f"/imports/{number}/columns", **chosen).status_code == 303
            case "checked":
                assert send(as_ada, f"/imports/{number}/begin").status_code == 303
            case "reading" | "checking" | "waiting":
                work(number)
        work(number)
    session.expire_all()
    found = session.get(Import, number)
    page = as_ada.get(f"/imports/{number}")
    assert page.status_code == 200
    assert found.state in ("done", "failed")
    return frozenset([found.failure["code"]] if found.failure else []), page.text
