"""Authoring: campaigns and their texts, from an empty draft to what is submitted for approval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from campaigns import amending, audit, consent, reference, rendering
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rendering import Frame
from campaigns.rules import addresses, names, parts, placeholders
from campaigns.rules import texts as rules
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import EDITABLE, CampaignState
from campaigns.store import agencies as agency_store
from campaigns.store import audit as deeds
from campaigns.store import campaigns as store
from campaigns.store import deliveries, figures
from campaigns.store import segments as segment_store
from campaigns.store.campaigns import Campaign, Text, Words
from campaigns.store.deliveries import Sending
from campaigns.vault import Vault

PAGE: Final = 50


# The person a preview and a test send are filled for: nobody on any list.
SAMPLE: Final[Mapping[str, str]] = {"nombre": "Rosa", "negocio": "Transportes El Sol", "distrito": "Comas"}
# The same person with letters of Spanish that halve the room of a message: what many a name costs.
_DEAR_SAMPLE: Final[Mapping[str, str]] = {"nombre": "Lucía", "negocio": "Transportes Perú", "distrito": "San Martín"}
MOST_TESTS: Final = 10  # test sends per person and hour
MOST_PARTS: Final = 1_000_000_000  # more than anybody has to spend, and less than the column holds


@dataclass(frozen=True)
class Preview:
    """A message as the sample person would get it; `dear_parts` is what it costs where a name has dear letters, and
    `most_parts` what anybody's can cost.
    """

    text: str
    size: parts.Size
    dear_parts: int
    most_parts: int
    dear: list[parts.Dear]


@dataclass(frozen=True)
class Trial:
    """A test send: which text goes to which number, as typed."""

    language: str
    number: str
    now: datetime


@dataclass(frozen=True)
class Draft:
    """What staff write: texts are SMS bodies by language; `starts_at` and `expires_at` are aware.

    Nothing is sent before the one (None: at once, when it is approved) and after the other, and no more than
    `parts_cap` parts. An urgent campaign overtakes the agency's others.
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


_SETTINGS: Final = tuple(one.name for one in fields(Draft) if one.name != "texts")  # as Campaign's columns are named


def create(session: Session, agency_id: int, *, name: str, by: int) -> Campaign:
    """An empty draft from the agency's first sender. Raises Invalid("name", name_length)."""
    senders = agency_store.senders(session, agency_id)
    agency = agency_store.get(session, agency_id)
    campaign = Campaign(
        agency_id=agency_id,
        name=names.read_name(name),
        sender_id=senders[0].id if senders else None,
        fallback_language=agency.language if agency else "es",
        author_id=by,
    )
    session.add(campaign)
    session.flush()
    session.refresh(campaign)
    return _written(session, campaign, by)


def get(session: Session, agency_id: int, campaign_id: int) -> Campaign:
    """One of the agency's campaigns as it stands now; raises NotFound."""
    campaign = store.get(session, agency_id, campaign_id)
    if campaign is None:
        raise NotFound("campaign_unknown")
    return campaign


def texts(session: Session, agency_id: int, campaign_id: int) -> Sequence[Text]:
    """The campaign's texts, by language; raises NotFound."""
    return store.texts(session, get(session, agency_id, campaign_id).id)


def listed(
    session: Session, agency_id: int, states: Sequence[CampaignState], *, before: int | None = None, limit: int = PAGE
) -> Sequence[Campaign]:
    """The agency's campaigns in these states, newest first, from below id `before`."""
    return store.listed(session, agency_id, states, before=before, limit=limit)


def in_states(session: Session, agency_id: int) -> dict[str, int]:
    """State -> how many of the agency's campaigns are in it; states without one are left out."""
    return store.in_states(session, agency_id)


def stamp(campaign: Campaign) -> str:
    """Tells one version of a campaign from every other: another one after each change and each step."""
    return sha256(f"{campaign.state} {campaign.changed_at.timestamp()}".encode()).hexdigest()[:16]


def change(
    session: Session,
    agency_id: int,
    campaign_id: int,
    draft: Draft,
    *,
    by: int,
    now: datetime,
    seen: str | None = None,
) -> Campaign:
    """Make the campaign what `draft` says. One that was submitted or approved goes back to draft, its plan discarded.

    `seen` is the stamp() of what the writer began from; None takes the campaign as it is. Nothing happens where nothing
    differs. Raises NotFound, Conflict("campaign_not_editable") while it is planned and once it has started,
    Conflict("campaign_moved_on") when it is not what was seen any more, and Invalid for the fields name, segment,
    sender, fallback_language, starts_at, expires_at, parts_cap, text_{code}.
    """
    campaign = _editable(session, agency_id, campaign_id)
    wanted = _checked(session, agency_id, draft, now)
    words = store.words(session, campaign_id)
    old = _sms(words)
    settings = {name: getattr(wanted, name) for name in _SETTINGS}
    if old == wanted.texts and all(getattr(campaign, key) == value for key, value in settings.items()):
        return campaign
    if seen is not None and seen != stamp(campaign):
        raise Conflict("campaign_moved_on")
    if campaign.state != CampaignState.DRAFT:
        _void(session, campaign, by=by, reason=None)
    for key, value in settings.items():
        setattr(campaign, key, value)
    campaign.author_id, campaign.changed_at = by, func.now()
    session.flush()
    mails = {key: said for key, said in words.items() if key[0] == Channel.EMAIL}
    sms = {(str(Channel.SMS), language): Words(None, body) for language, body in wanted.texts.items()}
    store.replace_texts(session, agency_id, campaign_id, {**sms, **mails})
    return _written(session, campaign, by)


def duplicate(session: Session, agency_id: int, campaign_id: int, *, name: str, by: int) -> Campaign:
    """A new draft with the settings and texts of another campaign, but not its times: those were the other one's.

    Raises NotFound, Invalid("name", name_length).
    """
    old = get(session, agency_id, campaign_id)
    copy = Campaign(
        agency_id=agency_id,
        name=names.read_name(name[: names.LONGEST]),
        segment_id=old.segment_id,
        sender_id=old.sender_id,
        fallback_language=old.fallback_language,
        is_urgent=old.is_urgent,
        parts_cap=old.parts_cap,
        author_id=by,
    )
    session.add(copy)
    session.flush()
    store.replace_texts(session, agency_id, copy.id, store.words(session, campaign_id))
    return _written(session, copy, by, copied=campaign_id)


def delete(session: Session, agency_id: int, campaign_id: int, *, by: int) -> None:
    """Delete a draft and its texts. Raises NotFound, Conflict("campaign_not_draft") for anything that was submitted."""
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise Conflict("campaign_not_draft")
    session.delete(campaign)
    session.flush()
    audit.record(session, agency_id, audit.Did.CAMPAIGN_DELETED, f"campaign:{campaign_id}", by=by)


def lacks(session: Session, agency_id: int, campaign: Campaign, *, now: datetime) -> list[Invalid | Conflict]:
    """Everything that keeps the campaign from being submitted, each with its field; empty when nothing does."""
    found: list[Invalid | Conflict] = []
    if campaign.segment_id is None and campaign.parent_id is None:
        found.append(Invalid("segment", "campaign_needs_segment"))
    if campaign.sender_id is None:
        found.append(Invalid("sender", "campaign_needs_sender"))
    try:
        _check_times(campaign.starts_at, campaign.expires_at, now)
    except Invalid as problem:
        found.append(problem)
    bodies = _sms(store.words(session, campaign.id))
    if not bodies:
        found.append(Invalid("texts", "campaign_needs_text"))
    around = _frame(session, agency_id)
    for language, body in bodies.items():
        try:
            _check_text(around, language, body)
        except Invalid as problem:
            found.append(problem)
    return found + amending.lacks(session, campaign, bodies)


def submit(session: Session, agency_id: int, campaign_id: int, *, by: int, now: datetime) -> Campaign:
    """Hand the draft on: its segment's rule is frozen and its audience will be planned. The caller nudges.

    Raises NotFound, the first of lacks(), or Conflict("campaign_submitted") - also the second time.
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise Conflict("campaign_submitted")
    for problem in lacks(session, agency_id, campaign, now=now):
        raise problem
    segment = segment_store.get(session, agency_id, campaign.segment_id or 0)
    submitted = store.submit(session, agency_id, campaign_id, rule=segment.rule if segment else {}, author_id=by)
    if submitted is None:  # the row is locked, so its state cannot have changed since it was read
        raise Conflict("campaign_submitted")
    audit.record(session, agency_id, audit.Did.CAMPAIGN_SUBMITTED, f"campaign:{campaign_id}", by=by)
    return submitted


def preview(session: Session, agency_id: int, body: str, language: str) -> Preview:
    """The text as the sample person would get it, and what it costs; nothing needs to be saved for it.

    Raises Invalid for the field text_{language}.
    """
    around = _frame(session, agency_id)
    body = rules.clean(body)
    _check_text(around, language, body)
    text, size = rendering.preview(around, body, language, SAMPLE)
    _, dear_size = rendering.preview(around, body, language, _DEAR_SAMPLE)
    most = rendering.prepare(around, body, language).most_parts
    return Preview(text, size, max(size.parts, dear_size.parts), most, parts.dear_characters(text, language))


def placeholder_names(session: Session, agency_id: int) -> list[str]:
    """The names a text may have holes for: the personal ones first, then the official lines."""
    lines = _frame(session, agency_id).lines
    return [*rendering.PERSONAL, *sorted(lines)]


def send_test(session: Session, vault: Vault, agency_id: int, campaign_id: int, test: Trial, *, by: int) -> int:
    """Queue one saved text, filled for the sample person, to the staff member's own number; the delivery's id.

    It is a send of the agency's service campaign and passes the same gate as every message (DESIGN P3, P7, P9).
    Never commits; after the commit the caller nudges the campaign service_id(). Raises NotFound, Invalid("number",
    number_not_mobile), Invalid("language", text_missing), Invalid("sender", campaign_needs_sender),
    Conflict("number_opted_out" | "test_sends_used_up").
    """
    campaign = get(session, agency_id, campaign_id)
    phone = addresses.read_phone(test.number)
    if not isinstance(phone, addresses.Phone) or phone.kind is not addresses.PhoneKind.MOBILE:
        raise Invalid("number", "number_not_mobile")
    body = _sms(store.words(session, campaign_id)).get(test.language)
    if body is None:
        raise Invalid("language", "text_missing")
    if campaign.sender_id is None:
        raise Invalid("sender", "campaign_needs_sender")
    if (
        deeds.times(session, agency_id, by, audit.Did.CAMPAIGN_TESTED, since=test.now - timedelta(hours=1))
        >= MOST_TESTS
    ):
        raise Conflict("test_sends_used_up", count=MOST_TESTS)
    if consent.is_stopped(session, agency_id, "sms", vault.address_indexes(phone.e164)):
        raise Conflict("number_opted_out")
    text = preview(session, agency_id, body, test.language).text
    service = store.service(session, agency_id)
    service.sender_id = campaign.sender_id
    message = Sending(
        language=test.language,
        address_index=vault.address_index(phone.e164),
        address_sealed=vault.seal(phone.e164, agency_id),
        body_sealed=vault.seal(text, agency_id),
    )
    delivery_id = deliveries.queue_message(session, agency_id, service.id, message, staff_id=by)
    figures.add_queued(session, agency_id, service.id, "sms", test.language)
    audit.record(session, agency_id, audit.Did.CAMPAIGN_TESTED, f"campaign:{campaign_id}", by=by, delivery=delivery_id)
    return delivery_id


def service_id(session: Session, agency_id: int) -> int:
    """The campaign that carries the agency's sends without a campaign, test sends among them."""
    return store.service(session, agency_id).id


def take_back(session: Session, agency_id: int, campaign_id: int, *, by: int) -> Campaign:
    """Take a campaign that is being planned, or waits for approval or start, back to draft; its plan is discarded.

    Raises NotFound, Conflict("campaign_not_editable").
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.PLANNING and campaign.state not in EDITABLE - {CampaignState.DRAFT}:
        raise Conflict("campaign_not_editable")
    return _void(session, campaign, by=by, reason=None)


def _sms(words: Mapping[tuple[str, str], Words]) -> dict[str, str]:
    return {language: said.body for (channel, language), said in words.items() if channel == Channel.SMS}


def _editable(session: Session, agency_id: int, campaign_id: int) -> Campaign:
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state not in EDITABLE:
        raise Conflict("campaign_not_editable")
    return campaign


def _void(session: Session, campaign: Campaign, *, by: int, reason: str | None) -> Campaign:
    voided = store.back_to_draft(session, campaign.agency_id, campaign.id, reason=reason)
    if voided is None:
        raise Conflict("campaign_not_editable")
    audit.record(session, campaign.agency_id, audit.Did.CAMPAIGN_VOIDED, f"campaign:{campaign.id}", by=by)
    return voided


def _written(session: Session, campaign: Campaign, by: int, **detail: object) -> Campaign:
    audit.record(session, campaign.agency_id, audit.Did.CAMPAIGN_WRITTEN, f"campaign:{campaign.id}", by=by, **detail)
    return campaign


def _checked(session: Session, agency_id: int, draft: Draft, now: datetime) -> Draft:
    """The draft as it is kept; raises Invalid for its first wrong field."""
    name = names.read_name(draft.name)
    if draft.segment_id is not None and segment_store.get(session, agency_id, draft.segment_id) is None:
        raise Invalid("segment", "segment_unknown")
    if draft.sender_id is not None and agency_store.sender(session, agency_id, draft.sender_id) is None:
        raise Invalid("sender", "sender_unknown")
    _check_times(draft.starts_at, draft.expires_at, now)
    if draft.parts_cap is not None and not 1 <= draft.parts_cap <= MOST_PARTS:
        raise Invalid("parts_cap", "number_range", lowest=1, highest=MOST_PARTS)
    languages = {language.code for language in reference.languages(session) if language.enabled}
    for code in [draft.fallback_language, *draft.texts]:
        if code not in languages:
            raise Invalid("fallback_language" if code == draft.fallback_language else "texts", "language_unknown")
    bodies = {code: rules.clean(body) for code, body in draft.texts.items()}
    around = _frame(session, agency_id)
    for code, body in bodies.items():
        _check_text(around, code, body)
    return replace(draft, name=name, texts=bodies)


def _check_times(starts_at: datetime | None, expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at", "expiry_past")
    if starts_at is None:
        return
    if starts_at <= now:
        raise Invalid("starts_at", "start_past")
    if expires_at is not None and starts_at >= expires_at:
        raise Invalid("starts_at", "start_after_expiry")


def _frame(session: Session, agency_id: int) -> Frame:
    agency = agency_store.get(session, agency_id)
    if agency is None:
        raise NotFound("agency_unknown", slug=str(agency_id))
    return rendering.frame(session, agency.name)


def _check_text(around: Frame, language: str, body: str) -> None:
    field = f"text_{language}"
    rules.check_characters(body, field)
    placeholders.check(body, rendering.allowed(around), field)
    prepared = rendering.prepare(around, body, language)
    rules.check_length(prepared.pieces, field, around=len(prepared.first) + len(prepared.last))
