"""What a text becomes for the sample person: an SMS with its cost, a mail with its page and its text part."""

import pytest

from campaigns import previews
from campaigns.errors import Invalid
from campaigns.store.campaigns import Words

BASE = "https://avisos.limanorte.example"
MAIL = Words("Aviso para {{negocio}}", "Hola **{{nombre}}**:\n\n- llame al [{{linea_111}}](tel:{{linea_111}})")


def test_a_preview_shows_the_frame_and_the_cost(session, agency):
    shown = previews.sms(session, agency.id, "{{nombre}}, no pague.", "es")
    assert shown.text == ("Municipalidad de Lima Norte: Rosa, no pague.\nResponda ALTO para no recibir mas.")
    assert (shown.size.parts, shown.size.encoding, shown.dear) == (1, "GSM-7", [])
    dear = previews.sms(session, agency.id, "No pague a «nadie»", "es")
    assert [(d.character, d.cheaper) for d in dear.dear] == [("«", '"'), ("»", '"')]
    assert previews.placeholder_names(session, agency.id)[:3] == ["nombre", "negocio", "distrito"]


def test_a_mail_is_shown_as_it_goes_out(session, agency):
    shown = previews.mail(session, agency.id, MAIL, "es", base_url=BASE)
    assert shown.subject == "Aviso para Transportes El Sol"
    assert "<strong>Rosa</strong>" in shown.html
    assert 'href="tel:111"' in shown.html
    assert f"{BASE}/v" in shown.html
    assert "Municipalidad de Lima Norte" in shown.html
    assert "Hola Rosa:" in shown.plain
    assert "<" not in shown.plain


def test_a_discreet_mail_has_the_signed_subject_of_its_language(session, agency):
    for language, subject in (("es", "Un aviso para usted"), ("en", "A notice for you"), ("qu", "Un aviso para usted")):
        shown = previews.mail(session, agency.id, Words("", "Hola"), language, base_url=BASE, is_discreet=True)
        assert shown.subject == subject


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        (Words("", ""), "mail_es", "text_empty"),
        (Words("", "Hola"), "subject_es", "subject_empty"),
        (Words("Hola", ""), "mail_es", "text_empty"),
        (Words("{{dni}}", "Hola"), "subject_es", "placeholder_unknown"),
        (Words("Hola", "![x](https://a.example/x.png)"), "mail_es", "mail_picture"),
        (Words("Hola", "[www.gob.pe](https://otro.example)"), "mail_es", "mail_link_words"),
    ],
)
def test_what_is_wrong_with_a_mail_is_told_at_its_field(session, agency, said, field, code):
    with pytest.raises(Invalid) as caught:
        previews.mail(session, agency.id, said, "es", base_url=BASE)
    assert (caught.value.field, caught.value.code) == (field, code)


def test_a_filled_mail_is_markdown_still(session, agency):
    assert previews.filled(session, agency.id, MAIL.body) == "Hola **Rosa**:\n\n- llame al [111](tel:111)"
