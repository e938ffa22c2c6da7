"""Reads what control calls are given; each check raises ValueError with a sentence."""

import json
from collections.abc import Mapping

from aiohttp import web

LONGEST_MS = 3_600_000


def mapping(given: object, name: str) -> Mapping[str, object]:
    """Return a JSON object."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{name}: write an object")
    return given


def share(given: object, name: str) -> float:
    """Return a share; true is all, false none."""
    if isinstance(given, bool):
        return float(given)
    if not isinstance(given, int | float) or not 0 <= given <= 1:
        raise ValueError(f"{name}={given!r}: write a share between 0 and 1")
    return float(given)


def delay(given: object, name: str) -> tuple[float, float]:
    """Return least and most seconds of what is given in milliseconds."""
    limits = given if isinstance(given, list) else [given, given]
    for each in limits:
        if isinstance(each, bool) or not isinstance(each, int | float) or not 0 <= each <= LONGEST_MS:
            raise ValueError(f"{name}={given!r}: write milliseconds, or [least, most]")
    if len(limits) != 2 or limits[0] > limits[1]:
        raise ValueError(f"{name}={given!r}: write milliseconds, or [least, most]")
    return limits[0] / 1000, limits[1] / 1000


def whole(given: object, name: str) -> int | None:
    """Return a whole number from 0, None for none."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ValueError(f"{name}={given!r}: write a whole number, or null for none")
    return given


async def read_object(request: web.Request) -> Mapping[str, object]:
    """Return the JSON object of a call."""
    try:
        given = json.loads(await request.read() or b"{}")
        json.dumps(given, ensure_ascii=False).encode()  # a lone surrogate could not be sent on
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON in UTF-8") from None
    if not isinstance(given, dict):
        raise ValueError("the body must be a JSON object")
    return given


def wrong(sentence: str, status: int = 400) -> web.Response:
    """Return the answer to a call that asks for what cannot be."""
    return web.json_response({"error": sentence}, status=status)
