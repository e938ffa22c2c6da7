"""Drafts: what staff may write into a campaign, and what it still lacks before anybody can approve it.

Texts of a channel the campaign does not use stay as they were typed: who changes the channels and back loses nothing.
Only texts of channels in use are checked, counted and sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from campaigns import amending, previews, reference
from campaigns.errors import Conflict, Invalid
from campaigns.rendering import Frame
from campaigns.rules import names, segments
from campaigns.rules import texts as rules
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.segments import Rule
from campaigns.store import agencies as agency_store
from campaigns.store import campaigns as store
from campaigns.store import segments as segment_store
from campaigns.store.campaigns import Campaign, Words

MOST_PARTS: Final = 1_000_000_000  # more than anybody has to spend, and less than the column holds
Said = dict[tuple[str, str], Words]  # (channel, language) -> what stands there


@dataclass(frozen=True)
class Draft:
    """What staff write: `texts` are SMS bodies by language, `mails` (subject, Markdown body); `channels` is a
    rules.channels.Channels; `starts_at` and `expires_at` are aware. Whoever one of the segments `excluded_ids` picks is
    left out.

    Nothing is sent before the one (None: at once, when it is approved) and after the other, and no more than
    `parts_cap` parts. An urgent campaign overtakes the agency's others. Mails of a discreet one have a neutral subject.
    """

    name: str
    segment_id: int | None = None
    sender_id: int | None = None
    fallback_language: str = "es"
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    is_urgent: bool = False
    parts_cap: int | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    channels: str = Channels.SMS
    mail_sender_id: int | None = None
    is_discreet: bool = False
    mails: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    excluded_ids: Sequence[int] = ()


# As Campaign's columns are named.
SETTINGS: Final = tuple(one.name for one in fields(Draft) if one.name not in ("texts", "mails"))


def checked(session: Session, agency_id: int, draft: Draft, now: datetime) -> tuple[Draft, Said]:
    """The draft as it is kept, and its texts; raises Invalid for its first wrong field.

    Fields: name, segment, excluded, channels, sender, mail_sender, starts_at, expires_at, parts_cap,
    fallback_language, texts, text_{code}, subject_{code}, mail_{code}.
    """
    name = names.read_name(draft.name)
    excluded = _excluded(session, agency_id, draft)
    if draft.channels not in set(Channels):
        raise Invalid("channels", "channels_unknown")
    _check_sender(session, agency_id, draft.sender_id, Channel.SMS, "sender")
    _check_sender(session, agency_id, draft.mail_sender_id, Channel.EMAIL, "mail_sender")
    check_times(draft.starts_at, draft.expires_at, now)
    if draft.parts_cap is not None and not 1 <= draft.parts_cap <= MOST_PARTS:
        raise Invalid("parts_cap", "number_range", lowest=1, highest=MOST_PARTS)
    languages = {language.code for language in reference.languages(session) if language.enabled}
    for code in [draft.fallback_language, *draft.texts, *draft.mails]:
        if code not in languages:
            raise Invalid("fallback_language" if code == draft.fallback_language else "texts", "language_unknown")
    said = _said(draft)
    _check_texts(previews.frame(session, agency_id), draft, said)
    return replace(draft, name=name, channels=str(Channels(draft.channels)), excluded_ids=excluded), said


def rule_of(session: Session, agency_id: int, campaign: Campaign) -> Rule | None:
    """Whom a draft goes to as its segments are now, written out; None where no segment was chosen.

    Raises Invalid(segment | excluded, segment_unknown) for one that is gone, and Invalid("rule", ..) like
    nested_segments.write_out().
    """
    return _rule(session, agency_id, campaign.segment_id, campaign.excluded_ids)


def _rule(session: Session, agency_id: int, segment_id: int | None, excluded_ids: Sequence[int]) -> Rule | None:
    if segment_id is None:
        return None
    found = []
    for name, number in (("segment", segment_id), *(("excluded", one) for one in excluded_ids)):
        segment = segment_store.get(session, agency_id, number)
        if segment is None:
            raise Invalid(name, "segment_unknown")
        found.append(segments.parse(segment.rule))
    chosen, *excluded = found
    rule = segments.AllOf((chosen, segments.NoneOf(tuple(excluded)))) if excluded else chosen
    return segment_store.written_out(session, agency_id, rule)


def _excluded(session: Session, agency_id: int, draft: Draft) -> list[int]:
    excluded = sorted(set(draft.excluded_ids))
    if draft.segment_id in excluded:
        raise Invalid("excluded", "segment_excluded")
    if draft.segment_id is None and not all(segment_store.get(session, agency_id, number) for number in excluded):
        raise Invalid("excluded", "segment_unknown")
    try:
        _rule(session, agency_id, draft.segment_id, excluded)
    except Invalid as problem:
        if problem.field == "rule":
            problem.field = "excluded"  # where the form shows it
        raise
    return excluded


def lacks(session: Session, agency_id: int, campaign: Campaign, *, now: datetime) -> list[Invalid | Conflict]:
    """Everything that keeps the campaign from being submitted, each with its field; empty when nothing does."""
    found: list[Invalid | Conflict] = []
    used = Channels(campaign.channels).each
    if campaign.segment_id is None and campaign.parent_id is None:
        found.append(Invalid("segment", "campaign_needs_segment"))
    if Channel.SMS in used and campaign.sender_id is None:
        found.append(Invalid("sender", "campaign_needs_sender"))
    if Channel.EMAIL in used and campaign.mail_sender_id is None:
        found.append(Invalid("mail_sender", "campaign_needs_mail_sender"))
    try:
        check_times(campaign.starts_at, campaign.expires_at, now)
    except Invalid as problem:
        found.append(problem)
    said = store.words(session, campaign.id)
    # Of a campaign that amends another, amending.lacks() knows which it needs: perhaps no mail ever left.
    for channel in used if campaign.parent_id is None else used[: not said]:
        if not any(where == channel for where, _ in said):
            found.append(Invalid("texts", "campaign_needs_mail" if channel == Channel.EMAIL else "campaign_needs_text"))
    found += _faults(previews.frame(session, agency_id), campaign, said)
    found += _lacks_fallback(campaign, said)
    return found + amending.lacks(session, campaign, said)


def check_times(starts_at: datetime | None, expires_at: datetime | None, now: datetime) -> None:
    """Raises Invalid for the field starts_at or expires_at."""
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at", "expiry_past")
    if starts_at is None:
        return
    if starts_at <= now:
        raise Invalid("starts_at", "start_past")
    if expires_at is not None and starts_at >= expires_at:
        raise Invalid("starts_at", "start_after_expiry")


def _check_sender(session: Session, agency_id: int, sender_id: int | None, channel: Channel, name: str) -> None:
    if sender_id is None:
        return
    sender = agency_store.sender(session, agency_id, sender_id)
    if sender is None or sender.channel != channel:
        raise Invalid(name, "sender_unknown")


def _said(draft: Draft) -> Said:
    """Every text that is kept. An empty one is none where the language has another, or its channel is not used."""
    sms, email = str(Channel.SMS), str(Channel.EMAIL)
    said = {(sms, code): Words(None, rules.clean(body)) for code, body in draft.texts.items()}
    said |= {(email, code): Words(subject.strip(), rules.clean(body)) for code, (subject, body) in draft.mails.items()}
    written = {code for (_, code), words in said.items() if words.body or words.subject}
    used = Channels(draft.channels).each
    # Of a language with nothing at all, one empty text is left to be told of: that of the first channel.
    return {
        (channel, code): words
        for (channel, code), words in said.items()
        if words.body or words.subject or (code not in written and channel == used[0])
    }


def _check_texts(around: Frame, draft: Draft, said: Said) -> None:
    used = Channels(draft.channels).each
    for (channel, code), words in said.items():
        if channel in used:
            _check(around, channel, code, words, is_discreet=draft.is_discreet)
        if channel == Channel.EMAIL:
            # As typed, used or not: but no column takes what is no character.
            for text, name in ((words.subject or "", f"subject_{code}"), (words.body, f"mail_{code}")):
                _check_kept(text, name)
        else:
            _check_kept(words.body, f"text_{code}")


def _check_kept(text: str, name: str) -> None:
    if text:
        rules.check_characters(text, name)


def _check(around: Frame, channel: str, code: str, words: Words, *, is_discreet: bool) -> None:
    if channel == Channel.SMS:
        previews.check_sms(around, code, words.body)
    else:
        previews.check_mail(around, code, words, is_discreet=is_discreet)


def _faults(around: Frame, campaign: Campaign, said: Said) -> list[Invalid]:
    found = []
    for (channel, code), words in said.items():
        if channel not in Channels(campaign.channels).each:
            continue
        try:
            _check(around, channel, code, words, is_discreet=campaign.is_discreet)
        except Invalid as problem:
            found.append(problem)
    return found


def _lacks_fallback(campaign: Campaign, said: Said) -> list[Invalid]:
    """A text for people of other languages on one channel alone would leave out whoever only the other one reaches."""
    code = campaign.fallback_language
    used = Channels(campaign.channels).each
    without = [
        channel for channel in used if (channel, code) not in said and any(where == channel for where, _ in said)
    ]
    if campaign.parent_id is not None or len(without) == len(used):
        return []
    return [
        Invalid(f"mail_{code}", "fallback_needs_mail")
        if channel == Channel.EMAIL
        else Invalid(f"text_{code}", "fallback_needs_text")
        for channel in without
    ]
