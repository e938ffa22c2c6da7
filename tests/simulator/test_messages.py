"""Fetching, listing, redacting and deleting."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from simulator_cast import LUIS, NUMBER, OTHER_SID, OTHER_TOKEN, ROSA, SHORT_CODE, until
from twilio.base.exceptions import TwilioRestException


def send(twilio, to=ROSA, body="hola", **given):
    return twilio.messages.create(**{"to": to, "from_": NUMBER, "body": body, **given})


def test_a_message_walks_to_delivered_and_then_has_a_price_and_a_time(twilio):
    before = datetime.now(UTC).replace(microsecond=0)
    message = send(twilio)
    done = until(lambda: (m := message.fetch()).status == "delivered" and m)
    assert done.price == "-0.00750"
    assert before <= done.date_sent <= datetime.now(UTC)


def test_strangers_find_nothing(simulator, twilio):
    message = send(twilio)
    stranger = simulator.client(OTHER_SID, OTHER_TOKEN)
    for sid in (message.sid, "SM" + "0" * 32):
        with pytest.raises(TwilioRestException) as caught:
            stranger.messages(sid).fetch()
        assert (caught.value.status, caught.value.code) == (404, 20404)
    assert stranger.messages.list() == []


def test_the_list_is_newest_first_and_paged_to_the_end(twilio):
    sids = [send(twilio, body=f"n {n}").sid for n in range(7)]
    assert [m.sid for m in twilio.messages.stream(page_size=3)] == sids[::-1]
    assert [m.sid for m in islice(twilio.messages.stream(page_size=2), 5)] == sids[:1:-1]
    page = twilio.messages.page(page_size=3)
    send(twilio, body="new ones do not shift the pages")
    assert [m.sid for m in page.next_page()] == sids[3:0:-1]


def test_the_list_is_filtered_by_both_ends_and_by_day(twilio):
    first, second = send(twilio), send(twilio, to=LUIS, from_=SHORT_CODE)
    sent_at = until(lambda: all(found := [m.fetch().date_sent for m in (first, second)]) and found)
    today = sent_at[0]
    assert [m.sid for m in twilio.messages.list(to=ROSA)] == [first.sid]
    assert [m.sid for m in twilio.messages.list(from_=SHORT_CODE)] == [second.sid]
    assert twilio.messages.list(to=ROSA, from_=SHORT_CODE) == []
    days = {moment.date(): moment for moment in sent_at}  # midnight may have come between them
    assert sum(len(twilio.messages.list(date_sent=day)) for day in days.values()) == 2
    assert len(twilio.messages.list(date_sent_after=today - timedelta(hours=1))) == 2
    assert twilio.messages.list(date_sent_before=today - timedelta(hours=1)) == []
    assert twilio.messages.list(date_sent=today - timedelta(days=2)) == []


def test_a_queued_message_is_found_by_recipient_but_not_by_day(simulator, twilio):
    simulator.faults(status_delay_ms=60_000)
    message = send(twilio)
    assert [m.sid for m in twilio.messages.list(to=ROSA)] == [message.sid]
    assert twilio.messages.list(to=ROSA, date_sent=datetime.now(UTC)) == []


@pytest.mark.parametrize("given", [{"date_sent": "yesterday"}, {"page_token": "PAxyz"}])
def test_a_wrong_filter_is_refused(twilio, given):
    response = twilio.request(
        "GET",
        f"https://api.twilio.com/2010-04-01/Accounts/{twilio.username}/Messages.json",
        params={"DateSent": given.get("date_sent"), "PageToken": given.get("page_token")},
    )
    assert response.status_code == 400


def test_the_account_and_its_numbers_can_be_asked_for(twilio):
    assert twilio.api.accounts(twilio.username).fetch().status == "active"
    assert NUMBER in [number.phone_number for number in twilio.incoming_phone_numbers.list()]
    assert [n.phone_number for n in twilio.incoming_phone_numbers.list(phone_number=NUMBER)] == [NUMBER]


def test_redacting_takes_the_text_from_the_api_and_not_from_the_phone(simulator, twilio):
    message = send(twilio, body="secreto")
    until(lambda: message.fetch().status == "delivered")
    assert message.update(body="").body == ""
    assert message.fetch().body == ""
    assert simulator.texts(ROSA) == ["secreto"]


def test_deleting_takes_the_message_from_the_api_and_not_from_the_ledger(simulator, twilio):
    message = send(twilio, body="secreto")
    until(lambda: message.fetch().status == "delivered")
    assert message.delete() is True
    with pytest.raises(TwilioRestException) as caught:
        message.fetch()
    assert caught.value.code == 20404
    assert twilio.messages.list() == []
    assert simulator.texts(ROSA) == ["secreto"]


def test_a_message_under_way_can_neither_be_redacted_nor_deleted(simulator, twilio):
    simulator.faults(status_delay_ms=60_000)
    message = send(twilio)
    for change in (lambda: message.update(body=""), message.delete):
        with pytest.raises(TwilioRestException) as caught:
            change()
        assert (caught.value.status, caught.value.code) == (409, 20009)


@pytest.mark.parametrize("change", [{}, {"body": "another"}, {"body": "", "status": "canceled"}, {"status": "sent"}])
def test_other_changes_are_refused(twilio, change):
    message = send(twilio)
    with pytest.raises(TwilioRestException) as caught:
        message.update(**change)
    assert (caught.value.status, caught.value.code) == (400, 30400)
