"""A letter of an agency, and what a mail program makes of it."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser

from campaigns.mailing import Addressed, Letter, Letterhead
from campaigns.rendering import Frame

AROUND = Frame("Municipalidad de Comas", {"es": "Responda ALTO."}, {"linea_111": "111"})
HEAD = Letterhead(
    address="avisos@comas.example",
    reply_to="consultas@comas.example",
    list_id="avisos.comas.example",
    page="https://www.comas.example/avisos",
    unsubscribe={"es": "Dejar de recibir estos correos", "en": "Stop these mails"},
    verify={"es": "Compruebe en nuestra página que es verdadero:", "en": "Check that it is genuine:"},
)
LETTER = Letter(
    subject="{{nombre}}: aviso a transportistas",
    body="Hola **{{nombre}}** de {{negocio}}:\n\nLlame al [{{linea_111}}](tel:{{linea_111}}).\n\n- uno\n- dos",
    language="es",
    stream="c7:a3:mail:outreach",
)
WAY = Addressed(
    to="rosa@empresa.example",
    message_id="d1.7.3.abcdefghijklmnopqrst@comas.example",
    unsubscribe_url="https://avisos.comas.example/u/u-abcdefghij234567?x=1&y=2",
    unsubscribe_address="u-abcdefghij234567@vuelta.comas.example",
    at=datetime(2026, 11, 22, 15, 18, 59, tzinfo=UTC),
)
_STRICT = email.policy.SMTP.clone(raise_on_defect=True)
_VOID = frozenset({"br", "meta"})


def parsed(mail: bytes) -> EmailMessage:
    """The mail as a strict program reads it: any defect of structure or header raises."""
    message = email.message_from_bytes(mail, policy=_STRICT)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
        for value in part.values():
            assert value.defects == ()
    return message


def content(message: EmailMessage, kind: str) -> str:
    """The text of the plain or html part, without the end of its last line."""
    part = message.get_body((kind,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n").removesuffix("\n")


class Page(HTMLParser):
    """Reads HTML and fails where tags do not close in the order they were opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
