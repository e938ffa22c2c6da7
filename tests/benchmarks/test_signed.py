"""What the benchmarks post is signed as the provider signs it."""

from twilio.request_validator import RequestValidator

from benchmarks import signed
from benchmarks.stage import TOKEN, phone


def test_the_signature_is_the_providers():
    url = "http://127.0.0.1:8000/hooks/twilio/key/status?c=1&n=1&d=2"
    for form in (signed.status(phone(1), "SM1", "delivered"), signed.inbound(phone(1), "ALTO, ya no más")):
        assert RequestValidator(TOKEN).validate(url, form, signed.signature(url, form))
        assert not RequestValidator(TOKEN).validate(url + "1", form, signed.signature(url, form))
