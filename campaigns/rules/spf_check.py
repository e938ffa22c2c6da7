"""Whether receivers will believe that a host may send with a domain in the return path (RFC 7208, DOMAIN 2)."""

from collections.abc import Sequence
from typing import Final

from campaigns.rules import spf, spf_walk
from campaigns.rules.lookups import Asking, Kind, Question
from campaigns.rules.mail_findings import Finding, Record, Topic, advice, missing, ok, wrong
from campaigns.rules.spf import Broken, Spf

_SPF: Final = Topic.SPF


def check(domain: str, addresses: Sequence[str]) -> Asking[list[Finding]]:
    """What is to be said of the SPF record of the return path's domain; `addresses`: those our mails come from."""
    answer = yield Question(domain, Kind.TXT)
    found = sorted(spf.records(answer.values))  # name servers change the order from answer to answer

    def publish(*texts: str, also: Sequence[str] = addresses) -> Record:
        return Record(domain, "TXT", spf.suggest(texts, also))

    if not found:
        almost = spf.misspelt(answer.values)
        if almost:
            return [wrong(_SPF, "spf_misspelt", publish(), domain=domain, record=almost)]
        return [missing(_SPF, "spf_none" if answer.exists else "domain_unknown", publish(), domain=domain)]
    if len(found) > 1:
        return [wrong(_SPF, "spf_many", publish(*found), domain=domain, count=len(found))]
    findings: list[Finding] = []
    try:
        read = spf.read(found[0])
        passed: dict[str | None, spf_walk.Passed] = {}
        for address in addresses or (None,):
            passed[address] = yield from spf_walk.follow(domain, answer.values, address)
    except Broken as broken:
        where = str(broken.values.get("domain", domain))
        kept = " ".join(word for word in found[0].split() if where == domain or not word.lower().endswith(f":{where}"))
        return [wrong(_SPF, broken.code, publish(kept), **{"domain": domain} | broken.values)]
    refused = [address for address, how in passed.items() if address and how.qualifier != "+"]
    if refused:
        fixed = publish(found[0], also=refused)
        findings += [wrong(_SPF, "spf_refused", fixed, domain=domain, address=one) for one in refused]
    findings += [
        ok(_SPF, "spf_permits", domain=domain, address=address)
        for address, how in passed.items()
        if address and how.qualifier == "+"
    ]
    if not addresses:
        permitted = ", ".join(term.text for term in read.terms if term.qualifier == "+" and term.name != "all")
        led = f"redirect={read.redirect}" if read.redirect else ""
        findings.append(ok(_SPF, "spf_lists", domain=domain, terms=", ".join(filter(None, (permitted, led))) or "-"))
    return [*findings, *_costs(domain, list(passed.values())), *_ending(domain, read, found[0])]


def _costs(domain: str, passed: list[spf_walk.Passed]) -> list[Finding]:
    most = max(passed, key=lambda how: how.lookups)
    empty = max(how.empty for how in passed)
    findings = []
    if most.lookups > spf_walk.MOST_LOOKUPS:
        shown = str(most.lookups) if most.is_countable else f"{most.lookups - 1}+"
        findings.append(wrong(_SPF, "spf_lookups", domain=domain, count=shown, most=spf_walk.MOST_LOOKUPS))
    else:
        findings.append(ok(_SPF, "spf_lookups_few", domain=domain, count=most.lookups, most=spf_walk.MOST_LOOKUPS))
    if empty > spf_walk.MOST_VOID:
        findings.append(wrong(_SPF, "spf_empty", domain=domain, count=empty, most=spf_walk.MOST_VOID))
    return findings


def _ending(domain: str, read: Spf, text: str) -> list[Finding]:
    findings = []
    publish = Record(domain, "TXT", spf.suggest([text], ()))
    if read.is_open:
        findings.append(wrong(_SPF, "spf_everybody", publish, domain=domain))
    elif read.ending in ("-", "~"):
        findings.append(ok(_SPF, "spf_ends", domain=domain, ending=f"{read.ending}all"))
    elif not read.redirect:
        findings.append(advice(_SPF, "spf_open", publish, domain=domain))
    if read.ignored:
        findings.append(advice(_SPF, "spf_ignored", publish, domain=domain, terms=" ".join(read.ignored)))
    if any(term.name == "ptr" for term in read.terms):
        findings.append(advice(_SPF, "spf_ptr", publish, domain=domain))
    return findings
