"""The web application for any WSGI server: `granian --interface wsgi wsgi:app`."""

import os

from campaigns.settings import Settings
from outreach.app import create_app

app = create_app(Settings.from_env(os.environ))
