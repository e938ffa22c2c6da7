"""Whether receivers find the key our signatures are checked with, and whether it is ours (RFC 6376, 8301, 8463).

One-click unsubscribe counts in a signed mail only (RFC 8058), so a sender without a key lacks something needed.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from campaigns.rules import tags
from campaigns.rules.lookups import Asking, Kind, Question
from campaigns.rules.mail_findings import Finding, Record, Topic, advice, missing, ok, wrong
from campaigns.rules.tags import NoTags

PublicKey = RSAPublicKey | Ed25519PublicKey

_DKIM: Final = Topic.DKIM
_SMALLEST, _GOOD = 1024, 2048  # bits
_OUR_KEY: Final = "(the public half of your private key)"
_PKCS1: Final = "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n"


class NoKey(Exception):
    """What is published cannot check our signatures. `code` has a sentence."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


def public_half(private_key: str) -> PublicKey:
    """Of a private key in PEM, RSA or ed25519; raises ValueError with a sentence for anything else."""
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("DKIM: the private key is not readable PEM without a password") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("DKIM: the private key is neither RSA nor ed25519")
    return key.public_key()


def write(key: PublicKey) -> str:
    """The record that publishes a key."""
    if isinstance(key, Ed25519PublicKey):
        kind, raw = "ed25519", key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        kind, raw = "rsa", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}"


def read(text: str) -> tuple[PublicKey, dict[str, str]]:
    """The key in a record, and the record's other tags; raises NoKey."""
    try:
        found = tags.read(text)
    except NoTags as fault:
        raise NoKey("dkim_no_list", piece=fault.piece) from None
    if found.get("v", "DKIM1") != "DKIM1" or ("v" in found and next(iter(found)) != "v"):
        raise NoKey("dkim_version", version=found["v"])
    if "p" not in found:
        raise NoKey("dkim_no_key")
    if not found["p"]:
        raise NoKey("dkim_revoked")
    if not _holds(found, "s", ("*", "email")):
        raise NoKey("dkim_service", service=found["s"])
    if not _holds(found, "h", ("sha256",)):
        raise NoKey("dkim_hash", hashes=found["h"])
    kind = found.get("k", "rsa").lower()
    try:
        raw = base64.b64decode("".join(found["p"].split()), validate=True)
        key = _key(kind, raw)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        raise NoKey("dkim_unreadable", kind=kind) from None
    if isinstance(key, RSAPublicKey) and key.key_size < _SMALLEST:
        raise NoKey("dkim_small", bits=key.key_size)
    return key, found


def check(domain: str, selector: str, ours: PublicKey | None) -> Asking[list[Finding]]:
    """What is to be said of the key under `selector`; `ours`: the public half of the key we sign with, if known."""
    value = write(ours) if ours else f"v=DKIM1; k=rsa; p={_OUR_KEY}"
    if not selector:
        return [
            missing(_DKIM, "dkim_no_selector", Record(f"outreach._domainkey.{domain}", "TXT", value), domain=domain)
        ]
    name = f"{selector}._domainkey.{domain}"
    publish = Record(name, "TXT", value)
    answer = yield Question(name, Kind.TXT)
    if not answer.values:
        return [missing(_DKIM, "dkim_none", publish, name=name, domain=domain)]
    if len(answer.values) > 1:
        return [wrong(_DKIM, "dkim_many", publish, name=name, count=len(answer.values))]
    try:
        key, found = read(answer.values[0])
    except NoKey as fault:
        return [wrong(_DKIM, fault.code, publish, **{"name": name} | fault.values)]
    if ours and write(ours) != write(key):
        return [wrong(_DKIM, "dkim_other_key", publish, name=name)]
    return _judge(name, key, found, is_ours=ours is not None)


def _judge(name: str, key: PublicKey, found: dict[str, str], *, is_ours: bool) -> list[Finding]:
    findings = [ok(_DKIM, "dkim_is_ours" if is_ours else "dkim_found", name=name, key=_named(key))]
    if not is_ours:
        findings.append(advice(_DKIM, "dkim_not_compared", name=name))
    if isinstance(key, Ed25519PublicKey):
        findings.append(advice(_DKIM, "dkim_ed25519", name=name))
    elif key.key_size < _GOOD:
        findings.append(advice(_DKIM, "dkim_short", name=name, bits=key.key_size, good=_GOOD))
    if "y" in _words(found.get("t", "")):
        kept = "; ".join(f"{tag}={value}" for tag, value in found.items() if tag != "t")
        findings.append(advice(_DKIM, "dkim_testing", Record(name, "TXT", kept), name=name))
    return findings


def _key(kind: str, raw: bytes) -> PublicKey:
    if kind == "ed25519":
        return Ed25519PublicKey.from_public_bytes(raw)
    if kind != "rsa":
        raise ValueError(kind)
    try:
        key = load_der_public_key(raw)
    except ValueError:  # some publish the bare RSAPublicKey of the standard's words
        key = load_pem_public_key(_PKCS1.format(base64.encodebytes(raw).decode().strip()).encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError(kind)
    return key


def _named(key: PublicKey) -> str:
    return "ed25519" if isinstance(key, Ed25519PublicKey) else f"RSA, {key.key_size} bits"


def _holds(found: dict[str, str], tag: str, wanted: Iterable[str]) -> bool:
    return tag not in found or bool(_words(found[tag]) & set(wanted))


def _words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(":")}
