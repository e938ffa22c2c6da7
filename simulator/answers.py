"""What every call of the API shares: who asks, what was sent, and errors in the API's older form."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from simulator.accounts import Account
from simulator.carrier import Carrier
from simulator.faults import Refusal

CARRIER: web.AppKey[Carrier] = web.AppKey("carrier", Carrier)
_ODD = re.compile(r"[^ -~]")


class Answered(Exception):
    """The call ends with this response."""

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


def error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error in the API's older form."""
    return web.json_response(Refusal(status, code, message).body(), status=status, headers=headers)


def authenticated(request: web.Request) -> Account:
    """Return who asks. Raises Answered for a stranger and for another account's address."""
    account = request.app[CARRIER].accounts.authenticated(request.headers.get("Authorization", ""))
    if account is None:
        challenge = {"WWW-Authenticate": 'Basic realm="Twilio API"'}
        raise Answered(error(401, 20003, "Authenticate", challenge))
    if request.match_info["account"] != account.sid:
        raise Answered(not_found(request))
    return account


def not_found(request: web.Request) -> web.Response:
    """Return the answer to an address behind which there is nothing."""
    return error(404, 20404, f"The requested resource {_ODD.sub('?', request.path)[:200]} was not found")


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the form's fields, the first of each name. Raises Answered when it is no form in UTF-8."""
    raw = await request.read()
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise Answered(error(400, 20001, "The body is not a form in UTF-8")) from None
    return dict(reversed(pairs))
