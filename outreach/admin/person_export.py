"""Handing a person everything that is kept about them: on a page to print, or as a file for a program."""

import json
from datetime import UTC, datetime

from flask import Blueprint, Response, g, make_response, request, url_for

from campaigns import person_export
from outreach.admin import export_words, message_words, rule_words
from outreach.admin.contact_forms import GROUND_WORDS, ROLE_WORDS
from outreach.admin.contacts import shown, vault
from outreach.admin.person_words import called
from outreach.auth import requires
from outreach.pages import page

bp = Blueprint("person_export", __name__, url_prefix="/people")


@bp.get("/<int:contact_id>/data")
@requires("contact:export")
def ask(contact_id: int) -> Response:
    """Say what it is for; nothing of the person is shown before a button is pressed."""
    card = shown(contact_id)
    return page("admin/person_export.html", "content", contact=card, person=called(card))


@bp.post("/<int:contact_id>/data")
@requires("contact:export")
def show(contact_id: int) -> Response:
    """Everything, in one answer that no cache keeps (outreach/headers.py): the address holds nothing of them."""
    person = person_export.export(g.db, vault(), g.agency_id, contact_id, by=g.staff.id, now=datetime.now(UTC))
    if request.form.get("as") == "json":
        answer = make_response(json.dumps(person.as_json(), ensure_ascii=False, indent=2))
        answer.headers["Content-Type"] = "application/json; charset=utf-8"
        answer.headers["Content-Disposition"] = f'attachment; filename="person-{contact_id}.json"'
        return answer
    return page(
        "admin/person_data.html",
        "content",
        person=person,
        back=url_for("contacts.show", contact_id=contact_id),
        words=export_words,
        messages=message_words,
        grounds=GROUND_WORDS,
        roles=ROLE_WORDS,
        language_names=rule_words.language_names(g.db),
    )
