"""What comes back by mail: bounces, complaints, automatic answers; and what its reader does with a mail."""

import queue
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from simulator_cast import until
from simulator_post import RAW, ROSA, SENDER


@pytest.mark.parametrize(
    ("address", "action", "status"),
    [
        ("bounce-511@x.example", "failed", "5.1.1"), ("full@x.example", "failed", "5.2.2"),
        ("policy+3@x.example", "failed", "5.7.1"), ("later@x.example", "delayed", "4.4.1"),
        ("confirmed@x.example", "delivered", "2.0.0"), ("bounce-521@x.example", "failed", "5.2.1"),
    ],
)  # fmt: skip
def test_a_bounce_is_an_rfc_3464_report_with_the_null_return_path(post, receiver, address, action, status):
    assert post.send(address).startswith("250")
    got = receiver.take()
    assert (got.sender, got.to) == ("", [SENDER])
    message = got.message
    assert (message.get_content_type(), message.get_param("report-type")) == ("multipart/report", "delivery-status")
    kinds = [part.get_content_type() for part in message.get_payload()]
    assert kinds == ["text/plain", "message/delivery-status", "message/rfc822"]
    report = got.report()
    assert (report["Action"], report["Status"]) == (action, status)
    assert report["Final-Recipient"] == f"rfc822; {address}"
    assert report["Diagnostic-Code"].startswith("smtp; ")
    assert message["Auto-Submitted"] == "auto-replied"
    original = message.get_payload(2).get_payload(0)
    assert original["Message-ID"] == "<d42@agency.example>"
    assert not message.defects


def test_one_that_gives_up_is_delayed_first_and_fails_then(post, receiver):
    post.send("late@x.example")
    assert receiver.take().report()["Action"] == "delayed"
    post.control("clock", {"advance_s": 5})
    report = receiver.take().report()
    assert (report["Action"], report["Status"]) == ("failed", "5.4.7")


def test_a_complaint_is_an_rfc_5965_report(post, receiver):
    post.send("spam@x.example")
    got = receiver.take()
    assert got.to == [SENDER]
    assert got.message.get_param("report-type") == "feedback-report"
    report = got.report()
    assert (report["Feedback-Type"], report["Version"]) == ("abuse", "1")
    assert report["Original-Rcpt-To"] == "<spam@x.example>"
    assert "Message-ID: <d42@agency.example>" in got.message.as_string()
    post.control("mailin", {"complaints_to": "abuse@agency.example"})
    post.send("spam@x.example")
    assert receiver.take().to == ["abuse@agency.example"]


def test_an_out_of_office_answer_says_that_it_is_automatic(post, receiver):
    post.send("vacation@x.example")
    got = receiver.take()
    assert (got.sender, got.to, got.message["Auto-Submitted"]) == ("", [SENDER], "auto-replied")
    assert got.message["In-Reply-To"] == "<d42@agency.example>"
    assert got.message["Subject"] == "Fuera de la oficina: Aviso a Ñaña"


def test_outcomes_of_one_address_come_one_after_the_other(post, receiver):
    post.mail_faults(outcomes={"Rosa@empresa.example": ["bounce:5.1.10", "delivered", "complaint"]})
    for _ in range(3):
        post.send()
    assert receiver.take().report()["Status"] == "5.1.10"
    assert receiver.take().report()["Feedback-Type"] == "abuse"
    assert [entry["outcome"] for entry in post.mails()[ROSA]] == ["bounce:5.1.10", "delivered", "complaint"]


def test_a_mix_meets_the_same_people_in_any_order(post):
    addresses = [f"u{number}@x.example" for number in range(60)]

    def ends(order):
        post.control("reset", {})
        post.mail_faults(mix={"bounce:5.1.1": 0.3, "vacation": 0.2})
        for address in order:
            post.send(address)
        return {address: box[0]["outcome"] for address, box in post.mails().items()}

    first = ends(addresses)
    assert {*first.values()} == {"delivered", "bounce:5.1.1", "vacation"}
    assert ends(addresses[::-1]) == first


def test_nothing_answers_the_null_return_path(post, receiver):
    post.send("bounce-511@x.example", sender="")
    post.send("vacation@x.example", sender="")
    post.send("bounce-511@x.example")
    assert receiver.take().to == [SENDER]
    assert receiver.got.empty()


def test_a_receiver_that_is_away_or_busy_is_tried_again(post, receiver):
    receiver.answers = ["451 4.3.0 later", "550 5.1.1 nobody"]
    post.send("full@x.example")
    until(lambda: not receiver.answers or post.control("clock", {"advance_s": 1}))
    until(lambda: post.counters()["notices_refused"] == 1)
    post.control("mailin", {"address": "127.0.0.1:1"})
    post.send("full@x.example")
    until(lambda: post.control("clock", {"advance_s": 5}) and post.counters()["notices_failed"] == 1)
    post.control("mailin", {"address": None})
    post.send("full@x.example")
    until(lambda: post.counters()["notices_unsent"] == 1)


def test_eight_bit_and_large_originals_come_back_whole(post, receiver):
    raw = b"Subject: \xc3\xb1and\xc3\xba\r\nMessage-ID: <8bit@x>\r\n\r\n.\r\n" + "línea\r\n".encode() * 20_000
    post.send("bounce-511@x.example", raw=raw)
    part = receiver.take().message.get_payload(2).get_payload(0)
    assert part["Message-ID"] == "<8bit@x>"
    assert part.get_payload().count("\n") == 20_001


def act(post, kind, given=None, address=ROSA):
    entry = post.mails()[address][-1]
    return post.call(f"/control/mails/{entry['id']}/{kind}", given or {})


def test_a_person_answers(post, receiver):
    post.send()
    assert act(post, "reply", {"body": "¿Es verdad?\r\n.\r\nGracias"}) == (200, {"result": "250 2.0.0 OK"})
    got = receiver.take()
    assert (got.sender, got.to) == (ROSA, ["respuestas@agency.example"])
    assert got.message["Subject"] == "Re: Aviso a Ñaña"
    assert got.message["In-Reply-To"] == "<d42@agency.example>"
    assert "Auto-Submitted" not in got.message
    assert got.message.get_content().splitlines() == ["¿Es verdad?", ".", "Gracias"]
    assert [done["act"] for done in post.mails(ROSA)[ROSA][0]["acts"]] == ["reply"]


def test_spam_bounce_and_vacation_at_the_push_of_a_button(post, receiver):
    post.send()
    assert act(post, "spam")[0] == act(post, "vacation")[0] == act(post, "bounce", {"status": "5.2.2"})[0] == 200
    assert receiver.take().report()["Feedback-Type"] == "abuse"
    assert receiver.take().message["Auto-Submitted"] == "auto-replied"
    assert receiver.take().report()["Status"] == "5.2.2"


def test_the_receivers_refusal_is_told(post, receiver):
    receiver.answers = ["554 5.7.1 not you"]
    post.send()
    assert act(post, "spam") == (200, {"result": "554 5.7.1 not you"})


@pytest.mark.parametrize(
    ("kind", "given", "status", "says"),
    [
        ("reply", {}, 400, "body: write"), ("reply", {"body": "x" * 200_000}, 400, "body: write"),
        ("reply", {"body": "x", "from": "other@x.example"}, 400, "did not get this mail"), ("dance", {}, 404, "dance"),
        ("bounce", {"status": "550"}, 400, "status='550'"), ("unsubscribe", {"encoding": "json"}, 400, "encoding"),
        ("unsubscribe", {}, 502, "no http or https address"), ("unsubscribe_mail", {}, 502, "no mailto address"),
        ("spam", {}, 502, "no receiver is given"), ("bounce", b"[", 400, "not JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_gets_a_sentence(post, kind, given, status, says):
    post.send()
    answer = act(post, kind, given)
    assert answer[0] == status
    assert says in answer[1]["error"]


@pytest.mark.parametrize(
    "head",
    [
        b"", b"Reply-To: \xff\xfe@x.example\r\n", "Reply-To: ñ@ñandú.example\r\n".encode(), b"From: @@@\r\n",
        b"Subject: a\rb\x00c\r\nFrom: a@b\r\n", b"Message-ID: <\xff\x01>\r\nFrom: \"x\" <a@b.example>\r\n",
        b"List-Unsubscribe: <mailto:>,<http://[>,<mailto:a b@c>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        b"List-Unsubscribe: <mailto:a@b.example?subject=x%0d%0aBcc:%20evil@x.example>\r\nFrom: a@b.example\r\n",
        b"From: " + b"a" * 900 + b"@b.example\r\n", b"Reply-To: =?utf-8?q?a=0Ab?= <a@b.example>\r\n",
        b"List-Unsubscribe: <https://\xff.example/>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ],
)  # fmt: skip
def test_every_button_copes_with_a_broken_mail(post, receiver, head):
    post.send(raw=head + b"\r\nx\r\n")
    for kind in ("unsubscribe", "unsubscribe_mail", "reply", "spam", "bounce", "vacation"):
        assert act(post, kind, {"body": "hola"})[0] in (200, 502), kind
    while not receiver.got.empty():
        assert "evil@x.example" not in str(receiver.got.get().message["Bcc"])


def test_an_address_in_unicode_answers_too(post, receiver):
    async def work(client):
        await client.mail(SENDER, options=["SMTPUTF8"], encoding="utf-8")
        await client.rcpt("josé@empresa.example", encoding="utf-8")
        await client.data(RAW)

    post.run(work)
    (entry,) = post.mails()["josé@empresa.example"]
    assert post.call(f"/control/mails/{entry['id']}/reply", {"body": "sí"})[1] == {"result": "250 2.0.0 OK"}
    got = receiver.take()
    assert (got.sender, got.message["From"]) == ("josé@empresa.example", "josé@empresa.example")
    assert post.call(f"/control/mails/{entry['id']}/bounce", {})[1] == {"result": "250 2.0.0 OK"}
    assert receiver.take().message.get_content_type() == "multipart/report"


class Page:
    """The product's unsubscribe page: keeps what it was asked, answers what it is told."""

    def __init__(self) -> None:
        self.asked: queue.Queue[tuple[str, str, dict[str, str], bytes]] = queue.Queue()
        self.status, page = 200, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                page.asked.put((self.command, self.path, dict(self.headers), body))
                self.send_response(page.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Set-Cookie", "a=b")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815 -- http.server's name

            def log_message(self, *_args) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/u/abc"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def page():
    page = Page()
    yield page
    page.close()


def offering(url: str, post_header: str = "List-Unsubscribe=One-Click") -> bytes:
    head = f"List-Unsubscribe: <mailto:baja+7@agency.example?subject=Baja%20ya>,\r\n <{url}>\r\n"
    return f"{head}List-Unsubscribe-Post: {post_header}\r\n".encode() + RAW


@pytest.mark.parametrize("encoding", ["multipart", "urlencoded"])
def test_unsubscribing_posts_what_rfc_8058_says(post, page, encoding):
    post.send(raw=offering(page.url))
    given = {} if encoding == "multipart" else {"encoding": encoding}
    assert act(post, "unsubscribe", given) == (200, {"result": "200"})
    assert act(post, "unsubscribe", given) == (200, {"result": "200"})
    for _ in range(2):
        method, path, headers, body = page.asked.get(timeout=10)
        assert (method, path) == ("POST", "/u/abc")
        assert "Cookie" not in headers
        if encoding == "urlencoded":
            assert headers["Content-Type"] == "application/x-www-form-urlencoded"
            assert body == b"List-Unsubscribe=One-Click"
        else:
            whole = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body
            (part,) = message_from_bytes(whole, policy=policy.default, _class=EmailMessage).iter_parts()
            assert headers["Content-Type"].startswith("multipart/form-data")
            assert part.get_param("name", header="Content-Disposition") == "List-Unsubscribe"
            assert part.get_payload() == "One-Click"
    assert page.asked.empty()


def test_unsubscribing_follows_no_redirect(post, page):
    page.status = 303
    post.send(raw=offering(page.url))
    assert act(post, "unsubscribe") == (200, {"result": "303"})
    page.asked.get(timeout=10)
    assert page.asked.empty()
    assert [done["result"] for done in post.mails(ROSA)[ROSA][0]["acts"]] == ["303"]


def test_without_one_click_a_mail_program_shows_no_button(post, page):
    post.send(raw=offering(page.url, "yes"))
    assert act(post, "unsubscribe")[1]["error"].startswith("the mail does not say List-Unsubscribe-Post")
    assert page.asked.empty()
    post.send(raw=offering("http://127.0.0.1:1/u"))
    assert act(post, "unsubscribe")[0] == 502


def test_unsubscribing_by_mail(post, receiver):
    post.send(raw=offering("http://127.0.0.1:1/u"))
    assert act(post, "unsubscribe_mail")[0] == 200
    got = receiver.take()
    assert (got.sender, got.to, got.message["Subject"]) == (ROSA, ["baja+7@agency.example"], "Baja ya")


def test_the_receivers_address_must_be_one(post):
    for given in ({"address": "nowhere"}, {"address": "a:0"}, {"port": 5}):
        assert post.call("/control/mailin", given)[0] == 400
    assert post.control("mailin", {"address": "[::1]:2525"})["address"] == "::1:2525"
