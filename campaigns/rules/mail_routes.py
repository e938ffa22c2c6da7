"""Whether mails find their way back: mail hosts of a domain (RFC 5321, RFC 7505), names of an address (DOMAIN 2)."""

import ipaddress
from typing import Final

from campaigns.rules.lookups import Asking, Kind, Question, addresses_of, is_name, read_mx
from campaigns.rules.mail_findings import Finding, Record, Topic, advice, missing, ok, unclear, wrong

_MOST_NAMES: Final = 10
_INSIDE: Final = tuple(
    ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def check_mail_hosts(topic: Topic, domain: str, receiver: str) -> Asking[list[Finding]]:
    """Whether mail to a domain has somewhere to go; `receiver`: the host to publish where there is none."""
    answer = yield Question(domain, Kind.MX)
    publish = Record(domain, "MX", f"10 {receiver}.")
    about = "bounces" if topic is Topic.RETURN_PATH else "replies"
    if not answer.values:
        own = yield from addresses_of(domain)
        if own:
            return [advice(topic, f"{about}_no_mx", publish, domain=domain, address=own[0])]
        code = f"{about}_none" if answer.exists else "domain_unknown"
        return [missing(topic, code, publish, domain=domain)]
    hosts = read_mx(answer)
    if not any(hosts):
        return [wrong(topic, f"{about}_refused", publish, domain=domain)]
    findings = []
    reachable = []
    for host in [host for host in hosts if host][:_MOST_NAMES]:
        addresses = (yield from addresses_of(host)) if is_name(host) else ()
        if addresses:
            reachable.append(host)
        else:
            findings.append((host, f"{about}_host_unknown"))
    # One host that is gone costs a delay; none at all costs the mails.
    say = advice if reachable else wrong
    told = [say(topic, code, publish, domain=domain, host=host) for host, code in findings]
    if reachable:
        return [ok(topic, f"{about}_found", domain=domain, hosts=", ".join(reachable)), *told]
    return told


def check_names(address: str, host: str) -> Asking[list[Finding]]:
    """Whether the address mails come from has a name that leads back to it: without one much mail is refused.

    `host`: the name to publish where there is none.
    """
    ip = ipaddress.ip_address(address)
    pointer = ip.reverse_pointer
    publish = Record(pointer, "PTR", f"{host}.")
    if not is_public(address):
        return [unclear(Topic.PTR, "ptr_private", address=address)]
    answer = yield Question(pointer, Kind.PTR)
    if not answer.values:
        return [missing(Topic.PTR, "ptr_none", publish, address=address)]
    names = [value.rstrip(".").lower() for value in answer.values[:_MOST_NAMES]]
    kind = Kind.A if ip.version == 4 else Kind.AAAA
    for name in names:
        if is_name(name):
            back = yield Question(name, kind)
            if any(_is_same(ip, value) for value in back.values):
                return [ok(Topic.PTR, "ptr_confirmed", address=address, name=name)]
    back_record = Record(names[0], str(kind), address)
    return [wrong(Topic.PTR, "ptr_unconfirmed", back_record, address=address, names=", ".join(names))]


def is_public(address: str) -> bool:
    """Whether mails can be seen to come from it: not from this machine or the inside of a network."""
    ip = ipaddress.ip_address(address)
    is_inside = any(ip.version == net.version and ip in net for net in _INSIDE)
    return not (is_inside or ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast)


def _is_same(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) == ip
    except ValueError:
        return False
