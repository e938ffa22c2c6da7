"""What every answer tells the browser to refuse, and what may be kept."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, current_app, request

from campaigns.settings import Settings

# data: is for the small pictures inside Tabler's stylesheet (ticks, arrows); nothing comes from another host.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_PERMISSIONS: Final = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
_YEAR: Final = 31_536_000


def install(app: Flask, settings: Settings, *, spare: frozenset[int] = frozenset()) -> None:
    """Set the headers on every answer, and give static files an address that changes with their content.

    Answers of the statuses in `spare` stay as they are.
    """
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = _YEAR

    @app.url_defaults
    def stamp(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values and "v" not in values:
            values["v"] = _fingerprint(Path(app.static_folder or ""), str(values["filename"]))

    always = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.secure_cookies:
        always["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"

    @app.after_request
    def protect(response: Response) -> Response:
        if response.status_code in spare:
            return response
        headers = response.headers
        # Asked once: each question to the headers about a name that is not there costs as much as an exception.
        there = {name.title() for name in headers.keys()}  # noqa: SIM118 - pairs otherwise
        for name, value in always.items():
            if name.title() not in there:
                headers.add(name, value)
        if request.endpoint != "static" and "Cache-Control" not in there:
            # A shared computer's Back button must not show who is on the list.
            headers["Cache-Control"] = "no-store"
        return response


def _fingerprint(folder: Path, filename: str) -> str:
    path = folder / filename
    if not path.is_file():
        current_app.logger.warning("no such static file: %s; run: python frontend/build.py", filename)
        return "missing"
    return _hash(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _hash(path: Path, _changed: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]
