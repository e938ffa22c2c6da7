"""What the carrier posts to the product, signed with its account's token, over kept connections."""

import base64
import hashlib
import hmac
import http.client
import secrets
import time
from urllib.parse import urlencode, urlsplit

from benchmarks.stage import ACCOUNT, NUMBER, TOKEN


def signature(url: str, form: dict[str, str]) -> str:
    """The provider's signature: HMAC-SHA1 over the URL and the form's fields in the order of their names."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def inbound(phone: str, body: str) -> dict[str, str]:
    """The form of a text that a person writes."""
    sid = "SM" + secrets.token_hex(16)
    return {"AccountSid": ACCOUNT, "MessageSid": sid, "SmsSid": sid, "From": phone, "To": NUMBER, "Body": body}


def status(phone: str, sid: str, state: str) -> dict[str, str]:
    """The form of a status callback."""
    return {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "From": NUMBER,
        "MessageSid": sid,
        "MessageStatus": state,
        "SmsSid": sid,
        "SmsStatus": state,
        "To": phone,
    }


class Line:
    """One kept connection to a web application. Used from one thread."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=30)

    def post(self, path: str, form: dict[str, str]) -> float:
        """Post a signed form and return when (seconds since 1970) its answer was there; RuntimeError unless 2xx."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": signature(self._base_url + path, form),
        }
        self._connection.request("POST", path, urlencode(form), headers)
        answer = self._connection.getresponse()
        answer.read()
        answered_at = time.time()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{path.partition('?')[0]}: {answer.status}")
        return answered_at

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
