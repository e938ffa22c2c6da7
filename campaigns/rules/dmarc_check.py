"""Whether receivers can tell our mails from forged ones by the name in From (RFC 7489, DOMAIN 2).

A mail passes when the return path's domain (through SPF) or the signing domain (through DKIM) belongs together with the
one in From. The large mailbox providers want a record and one of the two.
"""

from typing import Final

from campaigns.rules import dmarc
from campaigns.rules.dmarc import Broken, Place, Policy
from campaigns.rules.lookups import Asking, Kind, Question
from campaigns.rules.mail_findings import Finding, Record, Topic, advice, missing, ok, wrong

_DMARC: Final = Topic.DMARC


def check(domain: str, bounce_domain: str, dkim_domain: str) -> Asking[list[Finding]]:
    """What is to be said of the policy of the domain in From, and of the domains that prove a mail to be its own.

    `dkim_domain` is empty where mails are not signed.
    """
    place = yield from dmarc.look(domain)
    higher = yield from dmarc.above(domain)
    publish = Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}")
    organisation = dmarc.organisation(domain, higher)
    where = place if place.texts else _inherited(organisation, higher)
    if where is None:
        if place.almost:
            return [wrong(_DMARC, "dmarc_misspelt", publish, domain=domain, record=place.almost)]
        return [missing(_DMARC, "dmarc_none", publish, domain=domain)]
    if len(where.texts) > 1:
        kept = Record(f"_dmarc.{where.domain}", "TXT", where.texts[0])
        return [wrong(_DMARC, "dmarc_many", kept, domain=where.domain, count=len(where.texts))]
    try:
        policy = dmarc.read(where.texts[0])
    except Broken as broken:
        return [wrong(_DMARC, broken.code, publish, **{"domain": where.domain} | broken.values)]
    findings = _policy(domain, where, policy)
    findings += yield from _reports(where.domain, policy)
    proving = {"SPF": bounce_domain, "DKIM": dkim_domain} if dkim_domain else {"SPF": bounce_domain}
    return findings + _alignment(domain, proving, policy, organisation)


def _inherited(organisation: str, higher: list[Place]) -> Place | None:
    """The record of the organisation speaks for a domain without one of its own; without that, the registry's."""
    return next((place for place in higher if place.domain == organisation), higher[-1] if higher else None)


def _policy(domain: str, where: Place, policy: Policy) -> list[Finding]:
    asked = policy.policy if where.domain == domain else policy.for_subdomains
    code = "dmarc_found" if where.domain == domain else "dmarc_inherited"
    findings = [ok(_DMARC, code, domain=domain, where=where.domain, policy=asked)]
    if asked == "none":
        text = _changed(policy.text, "p", "quarantine") if where.domain == domain else "v=DMARC1; p=quarantine"
        findings.append(advice(_DMARC, "dmarc_asks_nothing", Record(f"_dmarc.{domain}", "TXT", text), domain=domain))
    elif policy.percent < 100:
        findings.append(advice(_DMARC, "dmarc_partly", domain=where.domain, percent=policy.percent))
    return findings


def _reports(domain: str, policy: Policy) -> Asking[list[Finding]]:
    name = f"_dmarc.{domain}"
    with_reports = Record(name, "TXT", _changed(policy.text, "rua", f"mailto:dmarc@{domain}"))
    if policy.bad_reports:
        return [wrong(_DMARC, "dmarc_bad_reports", with_reports, domain=domain, reports=", ".join(policy.bad_reports))]
    if not policy.reports:
        return [advice(_DMARC, "dmarc_no_reports", with_reports, domain=domain)]
    findings = []
    for mailbox, other in policy.reports[:5]:
        if dmarc.is_within(other, domain) or dmarc.is_within(domain, other):
            findings.append(ok(_DMARC, "dmarc_reports", domain=domain, mailbox=mailbox))
            continue
        agreed = f"{domain}._report._dmarc.{other}"
        answer = yield Question(agreed, Kind.TXT)
        if any(value.replace(" ", "").startswith("v=DMARC1") for value in answer.values):
            findings.append(ok(_DMARC, "dmarc_reports", domain=domain, mailbox=mailbox))
        else:
            publish = Record(agreed, "TXT", "v=DMARC1")
            findings.append(
                advice(_DMARC, "dmarc_reports_refused", publish, domain=domain, mailbox=mailbox, other=other)
            )
    return findings


def _alignment(domain: str, proving: dict[str, str], policy: Policy, organisation: str) -> list[Finding]:
    strict = {"SPF": policy.is_strict_spf, "DKIM": policy.is_strict_dkim}
    aligned = {way: _is_aligned(domain, other, strict[way], organisation) for way, other in proving.items()}
    findings = []
    for way, other in proving.items():
        if aligned[way]:
            findings.append(ok(_DMARC, "dmarc_aligned", domain=domain, other=other, way=way))
        elif any(aligned.values()):
            code = "dmarc_not_strictly" if strict[way] else "dmarc_not_aligned"
            findings.append(advice(_DMARC, code, domain=domain, other=other, way=way))
        else:
            code = "dmarc_not_strictly" if strict[way] else "dmarc_not_aligned"
            findings.append(wrong(_DMARC, code, domain=domain, other=other, way=way))
    return findings


def _is_aligned(domain: str, other: str, is_strict: bool, organisation: str) -> bool:
    if is_strict:
        return domain == other
    return dmarc.is_within(other, domain) or dmarc.is_within(domain, other) or dmarc.is_within(other, organisation)


def _changed(text: str, tag: str, value: str) -> str:
    kept = [piece.strip() for piece in text.split(";") if piece.strip()]
    kept = [f"{tag}={value}" if piece.partition("=")[0].strip() == tag else piece for piece in kept]
    return "; ".join(kept if any(piece.startswith(f"{tag}=") for piece in kept) else [*kept, f"{tag}={value}"])
