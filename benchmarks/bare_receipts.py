"""The yardstick of receipts: a Flask endpoint that checks the provider's signature with its own library, no more."""

import os

from flask import Flask, Response, request
from twilio.request_validator import RequestValidator

from benchmarks.stage import TOKEN

BASE_URL = os.environ.get("OUTREACH_BASE_URL", "")
app = Flask(__name__)
validator = RequestValidator(TOKEN)


@app.post("/hooks/twilio/<key>/status")
def status(key: str) -> Response:
    """204 for a genuine report, else 403."""
    url = f"{BASE_URL}/hooks/twilio/{key}/status?{request.query_string.decode()}"
    genuine = validator.validate(url, request.form, request.headers.get("X-Twilio-Signature", ""))
    return Response(status=204 if genuine else 403)


@app.get("/health")
def health() -> str:
    """Whether it answers."""
    return "ok"
