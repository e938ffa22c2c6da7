"""What a mail may say, and that its two forms say the same."""

import html
import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import Invalid
from campaigns.rules import mail_text, placeholders

LINES = {"linea_111": "111", "linea_evidencias": "942 841 978"}
PERSONAL = ("nombre", "negocio", "distrito")


def written(body, *missing):
    """(HTML, plain text) with the holes that are filled shown as [name]."""
    read = mail_text.read_body(body, LINES, PERSONAL, "body")
    shown = str.maketrans({mark: f"[{name}]" for mark, name in read.marks.items()})
    page, plain = read.write(missing)
    return page.translate(shown), plain.translate(shown)


def refused(body):
    with pytest.raises(Invalid) as problem:
        mail_text.read_body(body, LINES, PERSONAL, "body_es")
    assert problem.value.field == "body_es"
    return problem.value.code


def test_the_small_part_of_markdown():
    page, plain = written(
        "# Aviso\n\nHola **{{nombre}}**, no *pague*.\nLlame:\n\n"
        "- al {{linea_111}}\n- a su comisaría\n  1. hoy\n  2. mañana\n\nFin"
    )
    assert page == (
        "<h2>Aviso</h2><p>Hola <strong>[nombre]</strong>, no <em>pague</em>.<br>Llame:</p>"
        "<ul><li>al 111</li><li>a su comisaría<ol><li>hoy</li><li>mañana</li></ol></li></ul><p>Fin</p>"
    )
    assert plain == (
        "Aviso\n\nHola [nombre], no pague.\nLlame:\n\n- al 111\n- a su comisaría\n  1. hoy\n  2. mañana\n\nFin"
    )


def test_a_list_begins_with_its_own_number():
    page, plain = written("7. siete\n8. ocho")
    assert page == '<ol start="7"><li>siete</li><li>ocho</li></ol>'
    assert plain == "7. siete\n8. ocho"


@pytest.mark.parametrize(
    ("source", "page", "plain"),
    [
        ("[la página](https://www.gob.pe/a)", '<a href="https://www.gob.pe/a">la página</a>', "la página (https://www.gob.pe/a)"),
        ("[www.gob.pe](https://gob.pe/)", '<a href="https://gob.pe/">www.gob.pe</a>', "www.gob.pe (https://gob.pe/)"),
        ("<https://a.example>", '<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ("Vea https://a.example/x.", 'Vea <a href="https://a.example/x">https://a.example/x</a>.', "Vea https://a.example/x."),
        ('"https://a.pe/x".', '"<a href="https://a.pe/x">https://a.pe/x</a>".', '"https://a.pe/x".'),
        ("[{{linea_111}}](tel:{{linea_111}})", '<a href="tel:111">111</a>', "111"),
        ("[Pruebas](tel:{{linea_evidencias}})", '<a href="tel:942841978">Pruebas</a>', "Pruebas (942841978)"),
        ("[987 654 321](tel:+51987654321)", '<a href="tel:+51987654321">987 654 321</a>', "987 654 321 (+51987654321)"),
        ("[Lea más](https://a.example).", '<a href="https://a.example">Lea más</a>.', "Lea más (https://a.example)."),
        ("a.pe [b](https://b.example)", 'a.pe <a href="https://b.example">b</a>', "a.pe b (https://b.example)"),
        ("[a@b.pe](mailto:a@b.pe)", '<a href="mailto:a@b.pe">a@b.pe</a>', "a@b.pe"),
        ("[ñ](https://a.example/ñ)", '<a href="https://a.example/%C3%B1">ñ</a>', "ñ (https://a.example/%C3%B1)"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2", "1 < 2 & 3 > 2"),
        (r"\*no\* y snake_case_x", "*no* y snake_case_x", "*no* y snake_case_x"),
    ],
)  # fmt: skip
def test_links_and_signs(source, page, plain):
    assert written(source) == (f"<p>{page}</p>", plain)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "text_empty"),
        ("a\x00b", "text_control_character"),
        ("a\ue000b", "text_control_character"),
        ("a\u202eb", "text_control_character"),
        ("x" * 10_001, "mail_too_long"),
        ("{{apellido}}", "placeholder_unknown"),
        ("{{nombre}}", "text_empty"),
        ("**{{nombre}}**\n\n- {{negocio}}", "text_empty"),
        ("![x](https://a.example/x.png)", "mail_picture"),
        ("[![x](https://a.example/x.png)](https://a.example)", "mail_picture"),
        ("<b>x</b>", "mail_html"),
        ("<script>", "mail_html"),
        ("x <!-- y", "mail_html"),
        ("<img src=https://a.example/x.gif>", "mail_html"),
        ("- " * 200 + "x", "mail_nested"),
        ("- - - - - x", "mail_nested"),
        ("[x](http://a.example)", "mail_link_scheme"),
        ("http://a.example", "mail_link_scheme"),
        ("ftp://a.example", "mail_link_scheme"),
        ("[x](javascript:alert(1))", "mail_link_scheme"),
        ("[x](data:text/html,x)", "mail_link_scheme"),
        ("[x](//a.example)", "mail_link_scheme"),
        ("[x](/a)", "mail_link_scheme"),
        ("[x]()", "mail_link_scheme"),
        ("[x](https://1.2.3.4/)", "mail_link_host"),
        ("[x](https://localhost/)", "mail_link_host"),
        ("[x](https://bcp.com@evil.example/)", "mail_link_host"),
        ("[x](https://bc\u0440.com)", "mail_link_host"),
        ("[x](https://xn--bc-zlc.com)", "mail_link_host"),
        ("[x](https://a.example\\\\@b.example)", "mail_link_host"),
        ("[x](https://[::1]/)", "mail_link_host"),
        ("[x](https://a.example:port/)", "mail_link_host"),
        ("[x](tel:abc)", "mail_link_phone"),
        ("[x](mailto:a@b.pe?bcc=c@d.pe)", "mail_link_mailbox"),
        ("https://a.example/{{nombre}}", "mail_link_hole"),
        ("[x](https://a.example/{{nombre}})", "mail_link_hole"),
        ("[{{nombre}}](https://a.example)", "mail_link_hole"),
        ("[](https://a.example)", "mail_link_words"),
        ("[bcp.com](https://evil.example)", "mail_link_words"),
        ("[bcp.**com**](https://evil.example)", "mail_link_words"),
        (r"[bcp\.com](https://evil.example)", "mail_link_words"),
        ("[bcp\u200b.com](https://evil.example)", "mail_link_words"),
        ("[bcp\uff0ecom](https://evil.example)", "mail_link_words"),
        ("[bcp\u3002com](https://evil.example)", "mail_link_words"),
        ("[bc\u0440.com](https://bcp.com)", "mail_link_words"),
        ("[https://bcp.com/pagos](https://bcp.com/otro)", "mail_link_words"),
        ("[http://bcp.com](https://bcp.com)", "mail_link_words"),
        ("[a@b.pe](https://b.pe)", "mail_link_words"),
        ("[a@b.pe](mailto:c@b.pe)", "mail_link_words"),
        ("[b.pe](mailto:a@b.pe)", "mail_link_words"),
        ("[111](tel:105)", "mail_link_words"),
        ("[111](tel:999888111)", "mail_link_words"),
        ("[111](tel:+51999888111)", "mail_link_words"),
        ("[88 111](tel:+5199988111)", "mail_link_words"),
        ("[111](https://a.example)", "mail_link_words"),
        ("[bcp\u00b7com](https://evil.example)", "mail_link_words"),
        ("[bcp\u06d4com](https://evil.example)", "mail_link_words"),
        ("https://bcp.com[/pagos](https://evil.example)", "mail_link_words"),
        ("[https://bcp.com](https://bcp.com)[/pagos](https://evil.example)", "mail_link_words"),
        ("www.bcp[.com](https://evil.example)", "mail_link_words"),
        ("[w](https://evil.example)ww.bcp.com", "mail_link_words"),
        ("**www.bcp**[.com/pagos](https://evil.example)", "mail_link_words"),
        ("bcp[\u200b](https://evil.example)", "mail_link_words"),
        ("[987 654 321](https://a.example)", "mail_link_words"),
        ("[evil.example](tel:111)", "mail_link_words"),
    ],
)
def test_what_no_mail_may_hold(source, code):
    assert refused(source) == code


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("{{nombre}}, no pague.", "no pague."),
        ("**{{nombre}}**, no pague.", "no pague."),
        ("Hola **{{nombre}}**, no pague.", "Hola, no pague."),
        ("Hola {{nombre}}\nNo pague", "Hola\nNo pague"),
        ("Uno\n{{negocio}}\ndos", "Uno\ndos"),
        ("Uno\n\n{{negocio}}\n\ndos", "Uno\n\ndos"),
        ("- {{negocio}}\n- dos", "- dos"),
        ("1. {{negocio}}\n2. dos", "1. dos"),
        ("# {{nombre}}\n\ndos", "dos"),
    ],
)
def test_a_missing_value_leaves_no_trace(source, plain):
    page, text = written(source, *PERSONAL)
    assert text == plain
    assert not re.search(r"<(\w+)>\s*</\1>", page)


_WORDS = st.text(st.sampled_from("ab ñ,.;!?"), min_size=1, max_size=12)
_HOLES = st.sampled_from(["{{nombre}}", "{{negocio}}", "{{linea_111}}"])


@given(st.lists(_WORDS | _HOLES, max_size=8), st.sets(st.sampled_from(PERSONAL)))
def test_one_paragraph_says_in_a_mail_what_it_says_in_a_text(pieces, missing):
    body = "x " + " ".join("".join(pieces).split()) + " y"
    values = {name: f"[{name}]" for name in PERSONAL if name not in missing}
    expected = placeholders.fill(placeholders.check(body, {*PERSONAL, *LINES}), {**LINES, **values})
    assert written(body, *missing)[1] == expected


@given(st.text(st.sampled_from("ab \n*_[](){}<>!#-1.\\`~&:/"), max_size=60) | st.text(max_size=40))
def test_whatever_is_typed_is_a_clean_mail_or_a_sentence(body):
    try:
        read = mail_text.read_body(body, LINES, PERSONAL, "body")
    except Invalid:
        return
    page, plain = read.write()
    assert plain.strip()
    tags = re.findall(r"<(/?)(\w+)", page)
    assert {name for _end, name in tags} <= {"p", "br", "strong", "em", "ul", "ol", "li", "h2", "h3", "h4", "a"}
    assert set(re.findall(r'href="(\w+):', page)) <= {"https", "tel", "mailto"}
    # Every letter typed is read in both forms: nothing is dropped without a word.
    letters = [c for c in re.sub(r"\{\{[^{}]*\}\}", "", body) if c.isalpha()]
    told = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert all(told.count(c) >= letters.count(c) and plain.count(c) >= letters.count(c) for c in set(letters) & {*"ab"})


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("", "subject_empty"),
        ("{{nombre}}", "subject_empty"),
        ("a\nb", "subject_control_character"),
        ("a\r\nBcc: b@c.example", "subject_control_character"),
        ("a\x00", "subject_control_character"),
        ("a" * 121, "subject_too_long"),
        ("{{dni}}", "placeholder_unknown"),
        ("{{nombre", "placeholder_unclosed"),
    ],
)
def test_subjects_that_cannot_be_sent(subject, code):
    with pytest.raises(Invalid) as problem:
        mail_text.read_subject(subject, LINES, PERSONAL, "subject_es")
    assert (problem.value.field, problem.value.code) == ("subject_es", code)


def test_a_subject_has_the_holes_of_a_text():
    pieces = mail_text.read_subject(" {{nombre}}: llame al {{linea_111}} ", LINES, PERSONAL, "subject")
    assert placeholders.fill(pieces, {"nombre": "Rosa"}) == "Rosa: llame al 111"


@pytest.mark.parametrize(
    "source",
    [
        "a." * 5_000,
        "a" * 10_000,
        "a_" * 5_000,
        "[" + "a-" * 4_000 + "](https://a.pe)",
        "a." * 4_000 + "[b](https://a.pe)",
        "[a](https://a.pe) " * 550,
        "[a](https://a.pe)" * 550,
    ],
    ids=range(7),
)
def test_no_words_keep_the_writer_waiting(source):
    started = time.process_time()
    with suppress(Invalid):
        written(source)
    assert time.process_time() - started < 1
