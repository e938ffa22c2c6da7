"""The domain that the tests of `outreach doctor mail` send with, and keys to sign with."""

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from campaigns.rules import dkim_check

DOMAIN, BOUNCES, OURS = "limanorte.gob.pe", "rebotes.limanorte.gob.pe", "203.0.113.7"
KEY_AT = f"s1._domainkey.{DOMAIN}"
POINTER = "7.113.0.203.in-addr.arpa"
SECRET = "a secret key of the tests"
RSA = rsa.generate_private_key(65537, 2048)
GOOD_KEY = dkim_check.write(RSA.public_key())


def rsa_record(bits: int) -> str:
    """A record with a fresh key."""
    key = rsa.generate_private_key(65537, bits).public_key()
    return f"v=DKIM1; p={b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()}"
