"""Makes the web application: one function, one list of blueprints."""

import json
from pathlib import Path
from typing import Final

from flask import Blueprint
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

from campaigns.settings import Settings
from outreach import auth, database, errors, headers, health, i18n, ids, invitations, pages, sessions, uploads
from outreach.admin import (
    campaign,
    campaigns,
    contacts,
    control,
    corrections,
    erase,
    halt,
    import_columns,
    import_course,
    import_faults,
    imports,
    inbox,
    mail_previews,
    mail_senders,
    merge,
    person_export,
    places,
    results,
    retention,
    reveal,
    segments,
    settings,
    start,
    writing,
)
from outreach.application import Application, divide
from outreach.public import unsubscribe, verify
from outreach.webhooks import application as webhooks

ROOT: Final = Path(__file__).resolve().parent.parent

# Every page of ours is in one of these; what providers call is in outreach/webhooks.
BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    health.bp,
    start.bp,
    segments.bp,
    campaigns.bp,
    campaign.bp,
    writing.bp,
    mail_previews.bp,
    control.bp,
    corrections.bp,
    results.bp,
    halt.bp,
    settings.bp,
    retention.bp,
    mail_senders.bp,
    imports.bp,
    import_columns.bp,
    import_course.bp,
    import_faults.bp,
    contacts.bp,
    merge.bp,
    person_export.bp,
    erase.bp,
    reveal.bp,
    inbox.bp,
    invitations.bp,
    unsubscribe.bp,
    verify.bp,
)

# htmx must add no style and run no text as code (Content-Security-Policy), keep no page in the browser's storage
# (personal data), and show refusals: 422 is the form again, other errors go to the page's notice.
HTMX: Final = json.dumps(
    {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "allowScriptTags": False,
        "selfRequestsOnly": True,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "timeout": 20000,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "422", "swap": True},
            {"code": "[45]..", "swap": True, "error": True},
        ],
    }
)


def create_app(settings: Settings, connections: database.Connections | None = None) -> Application:
    """The application for these settings. Opens its own connections unless it is given some (tests, command line)."""
    app = Application(__name__, static_folder="static", template_folder=str(ROOT / "templates"))
    app.request_class = uploads.Request
    connections = connections or database.connect(settings)
    app.extensions["connections"] = connections
    app.extensions["settings"] = settings
    app.config.update(MAX_FORM_MEMORY_SIZE=1024 * 1024, MAX_FORM_PARTS=2000)
    # Behind a server with TLS every visitor has its address: one who guesses passwords would shut everybody out.
    outside = wrap_wsgi_with_proxy_headers(app.wsgi_app, list(settings.proxies))
    hooks = app.extensions["webhooks"] = webhooks.create(settings, connections)
    app.wsgi_app = divide(webhooks.PREFIX, hooks.wsgi_app, outside)  # type: ignore[method-assign]
    app.url_map.converters["int"] = ids.IdConverter
    pages.install(app)
    # After-request functions run last to first: the commit comes before the headers, errors pass both.
    headers.install(app, settings)
    session = sessions.install(app, connections)
    i18n.install(app, settings)
    auth.install(app, settings, session)
    # After sign-in, which brings a JSON writer of its own.
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    places.install(app)
    errors.install(app)
    app.jinja_env.globals["htmx_config"] = HTMX
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    unsubscribe.install(app, settings)
    return app
