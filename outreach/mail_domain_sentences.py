"""The sentence for every code a check of a sending domain can come to: what is so, and what it means for the mails.

In English, as all of the command line is. A test reads the codes out of `campaigns/` and fails when one has no sentence
here or a hole has no value.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from campaigns.mail_domain import Finding

_LONGEST_VALUE: Final = 300
_CONTROL: Final = re.compile(r"[^\x20-\x7e\xa1-\u1fff\u2c00-\ud7ff]+")

SENTENCES: Final[Mapping[str, str]] = {
    # DNS itself
    "dns_silent": (
        "%(resolver)s did not answer when asked for %(kind)s of %(name)s, so nothing can be said. Check the "
        "network, or set OUTREACH_RESOLVER."
    ),
    "dns_slow": (
        "%(resolver)s needed more than %(seconds)s seconds for these look-ups, so nothing can be said. Set "
        "OUTREACH_RESOLVER to a faster one."
    ),
    "dns_failed": (
        "%(resolver)s could not find out %(kind)s of %(name)s (SERVFAIL): the domain's own name servers or its "
        "DNSSEC signatures are broken. Many receivers refuse mail then."
    ),
    "dns_refused": (
        "%(resolver)s refuses to answer this machine (asked for %(kind)s of %(name)s). Set OUTREACH_RESOLVER to "
        "one that may be asked."
    ),
    "dns_garbled": (
        "%(resolver)s answered with something unreadable when asked for %(kind)s of %(name)s. Set "
        "OUTREACH_RESOLVER to another one."
    ),
    "dns_no_name": "%(name)s is no name that DNS can be asked for.",
    "domain_unknown": (
        "%(domain)s does not exist in DNS: it is mistyped or not registered. No mail is believed or comes back."
    ),
    # SPF
    "spf_none": (
        "%(domain)s has no SPF record, so that receivers cannot tell our server from a forger's. The large "
        "providers refuse or hide such mails."
    ),
    "spf_misspelt": (
        "%(domain)s has a record that was meant to be SPF but does not begin with “v=spf1 ”: %(record)s. "
        "Receivers pass over it."
    ),
    "spf_many": "%(domain)s has %(count)s SPF records; receivers then use none. Keep this one only.",
    "spf_no_mechanism": (
        "In the SPF record of %(domain)s, “%(term)s” is none of all, include, a, mx, ip4, ip6, exists. Receivers "
        "throw the whole record away."
    ),
    "spf_address": (
        "In the SPF record of %(domain)s, “%(term)s” holds no network such as ip4:203.0.113.7 or "
        "ip6:2001:db8::/32. Receivers throw the whole record away."
    ),
    "spf_prefix": (
        "In the SPF record of %(domain)s, “%(term)s” has a prefix over /32 (or //128). Receivers throw the whole "
        "record away."
    ),
    "spf_domain": (
        "In the SPF record of %(domain)s, “%(term)s” lacks a domain that can be looked up. Receivers throw the "
        "whole record away."
    ),
    "spf_redirects": "The SPF record of %(domain)s has more than one redirect=. Receivers throw the whole record away.",
    "spf_included_none": (
        "The SPF record leads to %(domain)s, which has no SPF record. Receivers throw the whole record away."
    ),
    "spf_included_many": (
        "The SPF record leads to %(domain)s, which has several SPF records. Receivers throw the whole record away."
    ),
    "spf_mx_hosts": (
        "The SPF record permits the mail hosts of %(domain)s, but there are more than 10. Receivers throw the "
        "whole record away."
    ),
    "spf_permits": "%(domain)s permits mail from %(address)s.",
    "spf_refused": (
        "%(domain)s does not permit mail from %(address)s, where ours come from: receivers take them for forged."
    ),
    "spf_lists": "%(domain)s permits mail from: %(terms)s. Whether that is where ours come from, --address can tell.",
    "spf_lookups": (
        "The SPF record of %(domain)s needs %(count)s look-ups. Receivers stop after %(most)s and throw it away: "
        "replace includes by the addresses behind them."
    ),
    "spf_lookups_few": "The SPF record of %(domain)s needs %(count)s of the %(most)s look-ups receivers make.",
    "spf_empty": (
        "The SPF record of %(domain)s asks for %(count)s names that are not there; receivers stop after %(most)s "
        "and throw it away. Take out the hosts that are gone."
    ),
    "spf_everybody": (
        "The SPF record of %(domain)s permits mail from anybody, so it proves nothing and forgers may use it."
    ),
    "spf_ends": "The SPF record of %(domain)s ends in %(ending)s: others are not permitted.",
    "spf_open": "The SPF record of %(domain)s does not end in -all or ~all, so it says nothing about forgers.",
    "spf_ignored": "In the SPF record of %(domain)s nobody reads what stands behind “all”: %(terms)s.",
    "spf_ptr": "The SPF record of %(domain)s uses ptr, which many receivers no longer look up.",
    # DKIM
    "dkim_no_selector": (
        "No selector was given (--selector), so mails with %(domain)s are not signed. Without a signature "
        "one-click unsubscribe does not count and the large providers hide or refuse bulk mail."
    ),
    "dkim_none": "There is no key at %(name)s, so every signature for %(domain)s fails and mails look forged.",
    "dkim_many": "There are %(count)s TXT records at %(name)s; receivers may take any of them. Keep one.",
    "dkim_no_list": (
        "The record at %(name)s is no list of tag=value with semicolons between: “%(piece)s”. Signatures fail."
    ),
    "dkim_version": (
        "The record at %(name)s must begin with v=DKIM1 (or have no v); it says v=%(version)s. Signatures fail."
    ),
    "dkim_no_key": "The record at %(name)s has no p=, so no key. Signatures fail.",
    "dkim_revoked": "The key at %(name)s is revoked (its p= is empty). Signatures fail.",
    "dkim_service": "The key at %(name)s is not for mail (s=%(service)s). Signatures fail.",
    "dkim_hash": "The key at %(name)s does not allow sha256 (h=%(hashes)s), with which we sign. Signatures fail.",
    "dkim_unreadable": (
        "The p= at %(name)s is no readable key of kind %(kind)s: often a piece was lost in copying. Signatures fail."
    ),
    "dkim_small": "The key at %(name)s has %(bits)s bits; receivers take none under 1024. Make one of 2048.",
    "dkim_other_key": "The key at %(name)s is not the one we sign with. Every signature fails and mails look forged.",
    "dkim_found": "There is a usable key at %(name)s (%(key)s).",
    "dkim_is_ours": "The key at %(name)s (%(key)s) belongs to our private key: signatures can be checked.",
    "dkim_not_compared": "Whether the key at %(name)s is ours, --key-file can tell.",
    "dkim_short": "The key at %(name)s has %(bits)s bits; receivers recommend %(good)s.",
    "dkim_ed25519": (
        "The key at %(name)s is ed25519, which several large providers cannot check yet; use RSA with 2048 bits."
    ),
    "dkim_testing": (
        "The key at %(name)s says that it is only tried out (t=y); some receivers pass over signatures then. Take "
        "t=y out."
    ),
    # DMARC
    "dmarc_none": (
        "%(domain)s has no DMARC record. Gmail and Yahoo want one from bulk senders, and nobody is asked to stop "
        "mails forged in this name."
    ),
    "dmarc_misspelt": (
        "_dmarc.%(domain)s has a record that does not begin with “v=DMARC1;”: %(record)s. Receivers pass over it."
    ),
    "dmarc_many": "_dmarc.%(domain)s has %(count)s DMARC records; receivers then use none. Keep this one only.",
    "dmarc_no_list": (
        "The DMARC record of %(domain)s is no list of tag=value with semicolons between: “%(piece)s”. Receivers "
        "pass over it."
    ),
    "dmarc_no_policy": "The DMARC record of %(domain)s has no p=, so it asks for nothing. Receivers pass over it.",
    "dmarc_policy": (
        "The DMARC record of %(domain)s asks for “%(policy)s”; there are only none, quarantine and reject. "
        "Receivers pass over it."
    ),
    "dmarc_percent": "In the DMARC record of %(domain)s, pct=%(percent)s is no number from 0 to 100.",
    "dmarc_mode": "In the DMARC record of %(domain)s, %(tag)s=%(mode)s is neither r nor s.",
    "dmarc_found": "%(domain)s has a DMARC record with p=%(policy)s.",
    "dmarc_inherited": "%(domain)s has no DMARC record of its own; the one of %(where)s holds and asks for %(policy)s.",
    "dmarc_asks_nothing": (
        "DMARC of %(domain)s asks for nothing (none), so mails forged in this name still reach people. When the "
        "reports show that ours pass, ask for quarantine, then reject."
    ),
    "dmarc_partly": "DMARC of %(domain)s is applied to %(percent)s %% of forged mails only (pct).",
    "dmarc_no_reports": (
        "DMARC of %(domain)s names no mailbox for reports (rua), so nobody hears of forged mails or of ours that fail."
    ),
    "dmarc_bad_reports": (
        "DMARC of %(domain)s: rua must be mailto: addresses with commas between, not: %(reports)s. No reports come."
    ),
    "dmarc_reports": "Reports on %(domain)s go to %(mailbox)s.",
    "dmarc_reports_refused": (
        "Reports on %(domain)s should go to %(mailbox)s, but %(other)s does not say that it takes them, so none "
        "are sent."
    ),
    "dmarc_aligned": "%(other)s (%(way)s) and %(domain)s (From) belong together: %(way)s proves mails for DMARC.",
    "dmarc_not_aligned": (
        "%(other)s (%(way)s) cannot be told to belong together with %(domain)s (From), so %(way)s proves nothing "
        "for DMARC. Use a domain under %(domain)s."
    ),
    "dmarc_not_strictly": (
        "DMARC of %(domain)s is strict for %(way)s, and %(other)s is another domain, so %(way)s proves nothing. "
        "Use %(domain)s itself or take the strict mode out."
    ),
    # PTR
    "ptr_no_address": (
        "From which address mails leave cannot be seen from here, so its name was not looked up. Give it with "
        "--address."
    ),
    "ptr_private": "%(address)s is an address of an inner network; give the one others see with --address.",
    "ptr_none": (
        "%(address)s has no name (PTR). Many servers refuse mail from such addresses. Whoever gave you the "
        "address publishes it:"
    ),
    "ptr_unconfirmed": (
        "%(address)s is called %(names)s, but no such name leads back to it. Many servers refuse mail then."
    ),
    "ptr_confirmed": "%(address)s is called %(name)s, and that leads back to it.",
    # the line to our mail server
    "tls_no_server": "No mail server was given (--host), so the line to it was not looked at.",
    "tls_here": (
        "%(where)s is on this machine and answers; nothing leaves it on this line, so no certificate is checked. "
        "How that server sends on cannot be seen from here."
    ),
    "tls_no_address": "The mail server %(where)s has no address in DNS: nothing can be sent.",
    "tls_refused": "Nobody takes connections at %(where)s: nothing can be sent. %(said)s",
    "tls_silent": "%(where)s does not answer within the time. A firewall may stand between. %(said)s",
    "tls_no_smtp": "What answers at %(where)s does not speak SMTP as expected (%(said)s): nothing can be sent.",
    "tls_not_now": "%(where)s greets with a refusal: %(said)s",
    "tls_no_tls": "%(where)s does not offer STARTTLS, so mails would be readable on their way. We send nothing there.",
    "tls_handshake": (
        "No TLS could be agreed on with %(where)s (%(said)s): nothing is sent. Port 465 speaks TLS at once "
        "(--security tls), 587 and 25 after STARTTLS."
    ),
    "tls_off": (
        "The line to %(where)s is not encrypted and leaves this machine: we send nothing there. Use --security "
        "starttls or tls."
    ),
    "tls_expired": "The certificate of %(where)s ended %(days)s days ago: nothing is sent.",
    "tls_not_yet": "The certificate of %(where)s is not valid yet; compare the clocks. Nothing is sent.",
    "tls_other_name": "The certificate of %(where)s is for %(names)s, not for %(host)s: nothing is sent.",
    "tls_self_signed": (
        "The certificate of %(where)s is signed by itself, so anybody could have made it: nothing is sent."
    ),
    "tls_untrusted": (
        "The certificate of %(where)s is not signed by anybody this machine trusts (%(said)s): nothing is sent."
    ),
    "tls_found": "The line to %(where)s is private (%(version)s); the certificate fits and is valid for %(days)s days.",
    "tls_ends_soon": "The certificate of %(where)s ends in %(days)s days; nothing is sent after that.",
    "tls_old": "%(where)s speaks only %(version)s, which is no longer safe.",
    # return path
    "bounces_found": "Bounces to %(domain)s go to %(hosts)s.",
    "bounces_none": (
        "%(domain)s has no mail host (MX), so bounces get lost and we keep writing to addresses that are gone; "
        "some receivers refuse such mails."
    ),
    "bounces_no_mx": "%(domain)s has no mail host (MX), only an address (%(address)s); most servers try that, not all.",
    "bounces_refused": (
        "%(domain)s says that it takes no mail (MX 0 .), so many receivers refuse mails with this return path."
    ),
    "bounces_host_unknown": "The mail host %(host)s of %(domain)s has no address in DNS.",
    "probe_taken": "%(where)s takes mail for a return path of ours and refuses one that we did not sign.",
    "probe_not_taken": (
        "%(where)s does not take mail for a return path of ours (%(said)s): bounces get lost. Does `outreach "
        "mailin` run there, with this installation's keys?"
    ),
    "probe_all_taken": (
        "%(where)s takes mail for any name, so it is not `outreach mailin` that answers, or something stands "
        "before it: forged bounces come in."
    ),
    "probe_not_now": (
        "%(where)s does not say now whether it takes mail for a return path of ours (%(said)s). Try again later."
    ),
    "probe_refused": (
        "Nobody takes connections at %(where)s. Run `outreach mailin` there, or try from outside your network. %(said)s"
    ),
    "probe_silent": (
        "%(where)s does not answer. Many networks block port 25 on the way out: try from another one. %(said)s"
    ),
    "probe_no_smtp": "What answers at %(where)s does not speak SMTP as expected (%(said)s): bounces get lost.",
    "probe_no_address": "The mail host %(where)s has no address in DNS: bounces get lost.",
    # replies
    "replies_found": "Replies to %(domain)s go to %(hosts)s.",
    "replies_none": (
        "%(domain)s has no mail host (MX), so nobody can answer: a person's “BAJA” or call for help gets lost."
    ),
    "replies_no_mx": "%(domain)s has no mail host (MX), only an address (%(address)s); most servers try that, not all.",
    "replies_refused": (
        "%(domain)s says that it takes no mail (MX 0 .), so nobody can answer, and many receivers refuse such a sender."
    ),
    "replies_host_unknown": "The mail host %(host)s of %(domain)s has no address in DNS.",
}


def sentence(finding: Finding) -> str:
    """What was found, on one line. What strangers wrote into DNS is cut and shown without control characters."""
    return (SENTENCES[finding.code] % {name: _shown(value) for name, value in finding.values.items()}).strip()


def _shown(value: Any) -> str:
    text = _CONTROL.sub("?", str(value))
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
