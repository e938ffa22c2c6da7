"""Signatures of ours, verified by dkimpy as a receiving server would."""

import base64
from hashlib import sha256

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dkim.canonicalization import CanonicalizationPolicy

from campaigns import mailing
from campaigns.providers.dkim_signing import Signature
from tests.letters import AROUND, HEAD, LETTER, WAY

RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
PREPARED = mailing.prepare(AROUND, HEAD, LETTER)
PEOPLE = [
    {},
    {"nombre": "Rosa", "negocio": "El Sol"},
    {"nombre": "Ñusta  x", "negocio": "\U0001f600" * 120},
    {"nombre": "From x", "negocio": " . = \t"},
]


def pem(key):
    no_password = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password).decode()


def dns(name, timeout=5):
    assert name == b"s1._domainkey.comas.example."
    public = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


SIGNATURE = Signature("comas.example", "s1", pem(RSA))


def signed(values):
    return SIGNATURE.sign(PREPARED.bytes_for(values, WAY))


@pytest.mark.parametrize("values", PEOPLE)
def test_a_receiving_server_verifies_it(values):
    assert dkim.verify(signed(values), dnsfunc=dns)


def test_both_unsubscribe_headers_are_covered():
    message = dkim.DKIM(signed(PEOPLE[1]))
    assert message.verify(dnsfunc=dns)
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"to", b"subject", b"message-id"} <= {
        name.lower() for name, _value in message.signed_headers
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"List-Unsubscribe: <https://avisos", b"List-Unsubscribe: <https://otros"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"List-Unsubscribe-Post: No"),
        (b"From: ", b"From: x@evil.example\r\nFrom: "),
        (b"Llame al", b"Pague al"),
        (b"To: rosa@", b"To: otra@"),
    ],
)
def test_a_change_on_the_way_is_seen(old, new):
    mail = signed(PEOPLE[1])
    assert old in mail
    assert not dkim.verify(mail.replace(old, new), dnsfunc=dns)


def test_what_servers_do_to_white_space_does_not_matter():
    mail = signed(PEOPLE[1]).replace(b"Precedence: bulk", b"Precedence:  bulk ").replace(b"\r\n <", b"\r\n\t <")
    assert dkim.verify(mail + b"\r\n\r\n", dnsfunc=dns)


def test_no_line_of_the_signature_is_long():
    head = signed(PEOPLE[1]).partition(b"\r\nTo: ")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 100


def test_an_ed25519_key_signs_what_dkimpy_would_hash():
    """dkimpy verifies ed25519 only with another library, so its own canonical form is checked with the key."""
    mail = Signature("comas.example", "s1", pem(ED25519)).sign(PREPARED.bytes_for(PEOPLE[1], WAY))
    message = dkim.DKIM(mail)
    fields = dkim.util.parse_tag_value(dict(message.headers)[b"DKIM-Signature"])
    assert fields[b"a"] == b"ed25519-sha256"
    policy = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    headers = policy.canonicalize_headers(message.headers)
    names = [name.strip().lower() for name in fields[b"h"].split(b":")]
    chosen = dkim.select_headers(headers, names)
    own = next(value for name, value in headers if name == b"dkim-signature")
    unsigned = own[: own.index(b" b=") + 3]
    content = b"".join(name + b":" + value for name, value in chosen) + b"dkim-signature:" + unsigned
    digest = sha256(content).digest()
    ED25519.public_key().verify(base64.b64decode(b"".join(fields[b"b"].split())), digest)


@pytest.mark.parametrize(
    ("domain", "selector", "key"),
    [
        ("comas.example", "s1", "no key"),
        ("comas.example", "s1", ""),
        ("comas.example", "s1", pem(ec.generate_private_key(ec.SECP256R1()))),
        ("comas.example\r\nx", "s1", pem(RSA)),
        ("comas.example", "", pem(RSA)),
        ("comas.example; x", "s1", pem(RSA)),
    ],
)
def test_a_wrong_key_is_told_in_a_sentence(domain, selector, key):
    with pytest.raises(ValueError, match=r"^DKIM: "):
        Signature(domain, selector, key)
