"""Signed words come back as they were made, and as nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.links import Refusal, Sent, Signer

OURS = Signer("a secret key of this installation")
THEIRS = Signer("the secret key of another installation")
SENT = Sent(agency_id=3, campaign_id=70, delivery_id=123_456, attempt=2)
ROSA = Refusal(agency_id=3, channel="email", address_index=bytes(range(16)))
HUGE = Sent(2**32 - 1, 2**63 - 1, 2**63 - 1, 2**16 - 1)

MADE = {
    "return_path": OURS.make_return_path(SENT),
    "message_id": OURS.make_message_id(SENT),
    "unsubscribe": OURS.make_unsubscribe(ROSA),
}
READ = {
    "return_path": OURS.read_return_path,
    "message_id": OURS.read_message_id,
    "unsubscribe": OURS.read_unsubscribe,
}


@pytest.mark.parametrize("sent", [SENT, Sent(1, 1, 1, 1), HUGE])
def test_what_was_made_is_read(sent):
    assert OURS.read_return_path(OURS.make_return_path(sent)) == sent
    named = OURS.read_message_id(OURS.make_message_id(sent))
    assert named == Sent(sent.agency_id, sent.campaign_id, sent.delivery_id, attempt=0)


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_an_unsubscribe_link_names_agency_channel_and_address(channel):
    refusal = Refusal(3, channel, b"0123456789abcdef")
    assert OURS.read_unsubscribe(OURS.make_unsubscribe(refusal)) == refusal


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_servers_may_change_the_case(made):
    reads = [read(changed) for changed in (made, made.upper(), made.title()) for read in READ.values()]
    assert len([read for read in reads if read]) == 3


@pytest.mark.parametrize("made", [*MADE.values(), OURS.make_return_path(HUGE)])
def test_every_word_fits_into_a_local_part(made):
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,63}", made)
    assert ".." not in made


@pytest.mark.parametrize("made_for", MADE)
@pytest.mark.parametrize("read_as", READ)
def test_a_word_of_one_purpose_opens_nothing_else(made_for, read_as):
    word = MADE[made_for]
    bodies = {word, word[2:], "b-" + word[2:], "u-" + word[2:], "d" + word[1:]}
    opened = {body for body in bodies if READ[read_as](body)}
    assert opened == ({word} if made_for == read_as else set())


@pytest.mark.parametrize("purpose", MADE)
def test_changing_any_letter_forges_nothing(purpose):
    word = MADE[purpose]
    for at, letter in enumerate(word):
        for other in "a7.-":
            if other != letter:
                assert READ[purpose](word[:at] + other + word[at + 1 :]) is None
        assert READ[purpose](word[:at] + word[at + 1 :]) is None
    assert READ[purpose](word + "a") is None
    assert READ[purpose](word + " ") is None


def test_one_persons_seal_does_not_fit_another():
    other = Refusal(3, "email", bytes(16))
    mine, theirs = OURS.make_unsubscribe(ROSA), OURS.make_unsubscribe(other)
    assert mine != theirs
    assert OURS.read_unsubscribe(theirs[:30] + mine[30:]) is None
    assert OURS.read_message_id("d123457.70.3." + MADE["message_id"].rpartition(".")[2]) is None


@pytest.mark.parametrize("purpose", MADE)
def test_another_installations_words_are_nothing_here(purpose):
    make = {"unsubscribe": lambda: THEIRS.make_unsubscribe(ROSA)}
    made = make.get(purpose, lambda: getattr(THEIRS, f"make_{purpose}")(SENT))()
    assert READ[purpose](made) is None


@given(st.text(max_size=200) | st.from_regex(r"[bu]-[a-z2-7]{0,70}|d\d{1,9}\.\d{1,9}\.\d{1,9}\.[a-z2-7]{0,30}"))
def test_whatever_comes_in_is_no_word_of_ours_and_no_error(text):
    assert [read(text) for read in READ.values()] == [None, None, None]


def test_an_older_secret_still_reads():
    changed = Signer("the new secret", "a secret key of this installation")
    assert changed.read_return_path(MADE["return_path"]) == SENT
    assert changed.read_unsubscribe(MADE["unsubscribe"]) == ROSA
    assert changed.read_message_id(MADE["message_id"]) is not None
    assert OURS.read_return_path(changed.make_return_path(SENT)) is None


@pytest.mark.parametrize("secrets", [("",), ("a key", "")])
def test_there_is_no_signing_without_a_secret(secrets):
    with pytest.raises(ValueError, match="secret"):
        Signer(*secrets)
