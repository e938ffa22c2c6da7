"""A visitor without a browser: follows pages and fills in their forms as they stand there."""

import urllib.parse
import urllib.request
import uuid
from html.parser import HTMLParser
from http.cookiejar import CookieJar

Fields = list[tuple[str, str]]


class Visitor:
    """Keeps cookies and the page at hand."""

    def __init__(self, url: str) -> None:
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        self._url = url
        self.at = ""
        self.html = ""

    def goto(self, path: str) -> str:
        """Open a page and return what it says."""
        return self._take(urllib.request.Request(urllib.parse.urljoin(self._url, path)))

    def send(self, file: tuple[str, bytes] | None = None, **filled: str) -> str:
        """Send the last form of the page as it stands, with these fields filled in, and return the next page."""
        form = _Forms.of(self.html)[-1]
        fields = [(name, value) for name, value in form.fields if name not in filled]
        fields += filled.items()
        url = urllib.parse.urljoin(self.at, form.action)
        if file is None:
            body, kind = urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = _multipart(fields, form.file, *file)
        return self._take(urllib.request.Request(url, body, {"Content-Type": kind, "Referer": self.at}))

    def _take(self, request: urllib.request.Request) -> str:
        with self._open(request, timeout=60) as answer:
            self.at, self.html = answer.url, answer.read().decode()
        return self.html


def _multipart(fields: Fields, field: str, name: str, content: bytes) -> tuple[bytes, str]:
    border = uuid.uuid4().hex
    parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}'.encode() for key, value in fields]
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    parts.append(head.encode() + content)
    body = b"".join(b"--%s\r\n%s\r\n" % (border.encode(), part) for part in parts) + b"--%s--\r\n" % border.encode()
    return body, f"multipart/form-data; boundary={border}"


class _Form:
    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: Fields = []
        self.file = ""


class _Forms(HTMLParser):
    """The forms of a page that post something, with what a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._form: _Form | None = None
        self._select = ""

    @classmethod
    def of(cls, html: str) -> list[_Form]:
        parser = cls()
        parser.feed(html)
        return parser.forms

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form" and has.get("method", "").lower() == "post":
            self._form = _Form(has.get("action", ""))
            self.forms.append(self._form)
        if self._form is None:
            return
        if tag == "input":
            self._input(self._form, has)
        elif tag == "select":
            self._select = has.get("name", "")
        elif tag == "option" and "selected" in has:
            self._form.fields.append((self._select, has.get("value", "")))

    @staticmethod
    def _input(form: _Form, has: dict[str, str]) -> None:
        kind, name = has.get("type", "text"), has.get("name", "")
        if kind == "file":
            form.file = name
        elif name and kind != "submit" and (kind not in ("checkbox", "radio") or "checked" in has):
            form.fields.append((name, has.get("value", "on" if kind == "checkbox" else "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
