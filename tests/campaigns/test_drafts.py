"""Drafts on two channels: which texts count, which are kept as typed, and what is lacking."""

import pytest

from campaigns import authoring, drafts
from campaigns.authoring import Draft
from campaigns.errors import Invalid
from campaigns.rules.channels import Channels
from tests.drafts import NOW, draft

SMS = {"es": "No pague."}
MAIL = {"es": ("Aviso", "No **pague**.")}


@pytest.fixture
def campaign(session, agency, ada, sender):
    return draft(session, agency, ada, sender)


@pytest.fixture
def write(session, agency, ada, campaign, sender, mail_sender):
    """Saves the draft with these changes; what stands there afterwards."""

    def save(**changes):
        about = {"name": "Aviso", "segment_id": campaign.segment_id, "sender_id": sender.id}
        values = {**about, "mail_sender_id": mail_sender.id, "channels": "both", "texts": SMS, "mails": MAIL}
        authoring.change(session, agency.id, campaign.id, Draft(**(values | changes)), by=ada.id, now=NOW)
        return {(t.channel, t.language): t.body for t in authoring.texts(session, agency.id, campaign.id)}

    return save


@pytest.fixture
def lacking(session, agency, campaign):
    def ask():
        found = authoring.get(session, agency.id, campaign.id)
        return [(one.field, one.code) for one in drafts.lacks(session, agency.id, found, now=NOW)]

    return ask


def test_everything_is_kept(write, session, agency, campaign, mail_sender, lacking):
    assert write(is_discreet=True) == {("sms", "es"): "No pague.", ("email", "es"): "No **pague**."}
    kept = authoring.get(session, agency.id, campaign.id)
    assert (kept.channels, kept.mail_sender_id, kept.is_discreet) == ("both", mail_sender.id, True)
    assert lacking() == []


@pytest.mark.parametrize("channels", list(Channels))
def test_texts_of_the_other_channel_stay_as_typed(write, lacking, channels):
    assert write(channels=channels) == {("sms", "es"): "No pague.", ("email", "es"): "No **pague**."}
    assert lacking() == []


def test_a_text_nobody_gets_may_be_unfinished(write, lacking):
    unfinished = {"es": ("", "Hola {{nombre")}
    assert write(channels="sms", mails=unfinished)[("email", "es")] == "Hola {{nombre"
    assert lacking() == []
    with pytest.raises(Invalid) as caught:
        write(channels="email", mails=unfinished)
    assert (caught.value.field, caught.value.code) == ("mail_es", "placeholder_unclosed")
    assert ("sms", "es") in write(channels="email", texts={"es": "Hola {{nombre"})
    assert lacking() == []


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"channels": "fax"}, "channels", "channels_unknown"),
        ({"mail_sender_id": 999}, "mail_sender", "sender_unknown"),
        ({"mails": {"zz": ("a", "b")}}, "texts", "language_unknown"),
        ({"mails": {"es": ("", "Hola")}}, "subject_es", "subject_empty"),
        ({"mails": {"es": ("Hola", "")}}, "mail_es", "text_empty"),
        ({"mails": {"es": ("x" * 121, "Hola")}}, "subject_es", "subject_too_long"),
        ({"mails": {"es": ("Hola", "<b>x</b>")}}, "mail_es", "mail_html"),
        ({"mails": {"es": ("Hola", "a\u202eb")}}, "mail_es", "text_control_character"),
        ({"channels": "sms", "mails": {"es": ("Hola", "a\x07b")}}, "mail_es", "text_control_character"),
        ({"channels": "sms", "mails": {"es": ("Ho\x00la", "x")}}, "subject_es", "text_control_character"),
        ({"channels": "email", "texts": {"es": "a\ud800b"}}, "text_es", "text_control_character"),
        ({"texts": {"es": ""}, "mails": {"es": ("", "")}}, "text_es", "text_empty"),
        ({"channels": "email", "texts": {}, "mails": {"es": (" ", "\n")}}, "mail_es", "text_empty"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(write, changes, field, code):
    with pytest.raises(Invalid) as caught:
        write(**changes)
    assert (caught.value.field, caught.value.code) == (field, code)


def test_senders_are_of_their_channel(write, sender, mail_sender):
    for changes in ({"sender_id": mail_sender.id}, {"mail_sender_id": sender.id}):
        with pytest.raises(Invalid, match="sender_unknown"):
            write(**changes)


def test_a_discreet_mail_needs_no_subject_of_its_own(write, lacking):
    assert ("email", "es") in write(is_discreet=True, mails={"es": ("", "Hola")})
    assert lacking() == []


def test_a_language_may_have_one_channel_only(write, lacking):
    said = write(
        texts={"es": "No pague.", "qu": "", "ay": "Jani"}, mails={**MAIL, "qu": ("Willay", "Ama"), "ay": ("", "")}
    )
    assert set(said) == {("sms", "es"), ("email", "es"), ("email", "qu"), ("sms", "ay")}
    assert lacking() == []


def test_each_channel_in_use_needs_a_sender_and_a_text(write, lacking):
    write(sender_id=None, mail_sender_id=None, texts={}, mails={})
    assert lacking() == [
        ("sender", "campaign_needs_sender"),
        ("mail_sender", "campaign_needs_mail_sender"),
        ("texts", "campaign_needs_text"),
        ("texts", "campaign_needs_mail"),
    ]
    write(channels="email", mail_sender_id=None, sender_id=None, texts={})
    assert lacking() == [("mail_sender", "campaign_needs_mail_sender")]
    write(channels="sms", mail_sender_id=None, mails={})
    assert lacking() == []


def test_the_language_for_everybody_else_is_there_on_each_channel(write, lacking):
    write(texts={"es": "No pague."}, mails={"en": ("Notice", "Do not pay.")})
    assert lacking() == [("mail_es", "fallback_needs_mail")]
    write(texts={"en": "Do not pay."}, mails=MAIL)
    assert lacking() == [("text_es", "fallback_needs_text")]
    write(texts={"qu": "Ama."}, mails={"qu": ("Willay", "Ama.")})  # for those who read Quechua alone
    assert lacking() == []


def test_saving_the_same_again_changes_nothing(write, session, agency, campaign):
    write()
    stamp = authoring.stamp(authoring.get(session, agency.id, campaign.id))
    session.commit()
    write(mails={"es": (" Aviso ", "No **pague**.  ")})
    assert authoring.stamp(authoring.get(session, agency.id, campaign.id)) == stamp


def test_a_new_campaign_uses_what_there_is(session, agency, ada, mail_sender):
    made = authoring.create(session, agency.id, name="Aviso", by=ada.id)
    assert (made.channels, made.sender_id, made.mail_sender_id) == ("email", None, mail_sender.id)
