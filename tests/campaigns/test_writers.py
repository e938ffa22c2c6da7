"""What a mail carries back to us is about exactly the person it went to."""

import re
from types import SimpleNamespace

from campaigns import mailing
from campaigns.links import Signer
from campaigns.rules import addresses
from campaigns.writers import MailWriter, Postmark
from tests.letters import AROUND, HEAD, LETTER, parsed

SIGNER = Signer("a secret of this test")


def test_the_unsubscribe_link_finds_an_address_written_in_capitals(vault):
    typed = addresses.read_email("Rosa.Quispe@Empresa.example")
    person = SimpleNamespace(
        id=7,
        attempt=1,
        language="es",
        address_sealed=vault.seal(typed.address, 1),
        name_sealed=None,
        business_sealed=None,
        place=None,
        body_sealed=None,
    )
    letters = {"es": mailing.prepare(AROUND, HEAD, LETTER)}
    mark = Postmark(SIGNER, "vuelta.comas.example", "https://avisos.comas.example")
    written = MailWriter(1, 3, letters, AROUND, HEAD, mark).write(vault, person)
    link = re.search(r"/u/([a-z0-9-]+)>", parsed(written.content)["List-Unsubscribe"])[1]
    assert written.address == "Rosa.Quispe@empresa.example"
    assert SIGNER.read_unsubscribe(link).address_index == vault.address_index(typed.key)
