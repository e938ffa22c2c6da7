"""Pages of the admin with a book of a million people and five million messages, against one of ten thousand."""

import argparse
import http.client
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from benchmarks import book, cpu, parts, stage
from benchmarks.book import Book
from benchmarks.stage import Stage, Tell
from campaigns import segments
from campaigns.rules.segments import AllOf, AnyOf, HasSms, InPlace, InSector, NoneOf, Reads, Tagged

# Counted by itself: it looks at everybody the rule may pick, so its time follows their number.
_COUNT: Final = "segment_count"
_WARM: Final = 3
_TOKEN: Final = re.compile(r'name="csrf_token" value="([^"]+)"')


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--deliveries", type=int, default=5_000_000)
    parser.add_argument("--against-contacts", type=int, default=10_000)
    parser.add_argument("--against-deliveries", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=60, help="how often each page is asked for")
    parser.add_argument("--only", default="", help="pages whose name begins so")


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Two installations side by side, asked in turns, so that whatever else the machine does meets both."""
    sizes = (
        (chosen.against_contacts, chosen.against_deliveries),
        (chosen.contacts, chosen.deliveries),
    )
    with ExitStack() as stack:
        sites = [_site(stack, contacts, deliveries, tell) for contacts, deliveries in sizes]
        for site in sites:
            site.sign_in()
        began = os.getloadavg()[0]
        taken = _ask_in_turns(sites, _pages(chosen.only), chosen.times, tell)
    found = {name: _told(*times) for name, times in taken.items()}
    judged = {name: each for name, each in found.items() if name != _COUNT}
    return {
        "contacts": [contacts for contacts, _ in sizes],
        "deliveries": [deliveries for _, deliveries in sizes],
        "times": chosen.times,
        "load": [round(began, 1), round(os.getloadavg()[0], 1)],
        "worst_ratio": max((each["ratio"] for each in judged.values()), default=None),
        "worst_cpu_ratio": max((each["cpu_ratio"] for each in judged.values()), default=None),
        "worst_p95_ms": max((each["p95_ms"] for each in judged.values()), default=None),
        "segment_count_ms": found[_COUNT]["p95_ms"] if _COUNT in found else None,
        "pages": found,
    }


@dataclass
class Site:
    """A running installation with its book, and somebody signed in."""

    book: Book
    url: str
    segment_id: int
    pids: tuple[int, ...]  # the web application's and PostgreSQL's
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    token: str = ""
    _cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def ask(self, path: str, form: Mapping[str, object] | None = None) -> str:
        """The page at this path, over a kept connection; RuntimeError for anything but a page."""
        status, said = self.answer(path, form)
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        return said

    def answer(self, path: str, form: Mapping[str, object] | None = None) -> tuple[int, str]:
        """Status and body."""
        self._connection = self._connection or http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        body = None
        if form is not None:
            body = urlencode({"csrf_token": self.token, **form}, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request("GET" if form is None else "POST", path, body, headers)
        response = self._connection.getresponse()
        said = response.read().decode()
        for header in response.headers.get_all("Set-Cookie", []):
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value
        return response.status, said

    def sign_in(self) -> None:
        """As staff do it, with the form's token; the page after it has the token for every other form."""
        self.token = self._read_token("/sign-in")
        status, _ = self.answer("/sign-in", {"email": book.EMAIL, "password": book.PASSWORD})
        if status != 302:
            raise RuntimeError(f"sign-in was answered with {status}")
        self.token = self._read_token("/people/")

    def _read_token(self, path: str) -> str:
        found = _TOKEN.search(self.ask(path))
        if found is None:
            raise RuntimeError(f"{path} has no form")
        return found[1]

    def anybody(self) -> int:
        """A contact with a mobile and a mail, by number."""
        return self.chance.randrange(0, self.book.people // 30) * 30 + 3


Ask = Callable[[Site], str]


def _pages(only: str) -> dict[str, Ask]:
    found = {**_LISTS, **_SEARCHES, **_OTHERS}
    return {name: ask for name, ask in found.items() if name.startswith(only)}


def _narrowed(**choices: str) -> Ask:
    return lambda site: site.ask(f"/people/?{urlencode(choices)}")


def _far_down(site: Site) -> str:
    below = site.book.first_id + site.chance.randrange(site.book.people // 20, site.book.people // 5)
    return site.ask(f"/people/?below={below}")


# Cusco's people came in with the oldest file, Lima's with the newest; `padron 0` is the oldest file's tag.
_LISTS: Final[dict[str, Ask]] = {
    "list": _narrowed(),
    "list_far_down": _far_down,
    "list_sector": _narrowed(sector="4921"),
    "list_place_common": _narrowed(place="15"),
    "list_place_old": _narrowed(place="08"),
    "list_place_district": _narrowed(place="080108"),
    "list_language": _narrowed(language="quz"),
    "list_tag_common": _narrowed(tag=book.COMMON_TAG),
    "list_tag_old": _narrowed(tag="padron 0"),
    "list_tag_rare": _narrowed(tag=book.RARE_TAG),
    "list_sms": _narrowed(reach="yes"),
    "list_no_sms": _narrowed(reach="no"),
    "list_combined": _narrowed(sector="4921", place="15", language="es", reach="yes"),
    "list_combined_old": _narrowed(tag="padron 0", place="08", reach="no"),
    "list_combined_rare": _narrowed(language="quz", place="15", tag="ruta 7"),
    "list_combined_nobody": _narrowed(tag="padron 0", place="20"),
    "list_combined_all": _narrowed(sector="4922", place="0801", language="qu", tag="ruta 1", reach="yes"),
}


def _search(query: Callable[[Site], str]) -> Ask:
    return lambda site: site.ask("/people/search", {"query": query(site)})


_SEARCHES: Final[dict[str, Ask]] = {
    "search_number": _search(lambda site: site.book.phone(site.anybody())),
    "search_nobody": _search(lambda site: site.book.phone(site.book.people + site.anybody())),
    "search_mail": _search(lambda site: site.book.mail(site.anybody())),
    "search_common": _search(lambda _: book.COMMON_NAME),
    "search_rare": _search(lambda site: site.book.rare_word(site.anybody())),
    "search_common_rare": _search(lambda site: f"{book.COMMON_NAME} {site.book.rare_word(site.anybody())}"),
    "search_two_common": _search(lambda _: f"{book.COMMON_NAME} {book.COMMON_BUSINESS}"),
    "search_five_words": _search(lambda _: f"{book.COMMON_NAME} Quispe Flores {book.COMMON_BUSINESS} Norte"),
    "search_unknown": _search(lambda site: f"{book.COMMON_NAME} nadie{site.anybody()}"),
}
_OTHERS: Final[dict[str, Ask]] = {
    "person": lambda site: site.ask(f"/people/{site.book.first_id + site.anybody()}"),
    "campaigns": lambda site: site.ask("/campaigns/"),
    "campaign": lambda site: site.ask(f"/campaigns/{site.book.running}/"),
    "inbox": lambda site: site.ask("/inbox/"),
    "imports": lambda site: site.ask("/imports/"),
    "segments": lambda site: site.ask("/segments/"),
    "start": lambda site: site.ask("/"),
    "settings": lambda site: site.ask("/settings/"),
    _COUNT: lambda site: site.ask(f"/segments/{site.segment_id}"),
}
RULE: Final = AllOf(
    (
        AnyOf((InSector("49"), InSector("47"), AllOf((InPlace("08"), NoneOf((Tagged("ruta 1"),)))))),
        AnyOf((InPlace("15"), InPlace("08"), Reads("quz"))),
        NoneOf((Tagged(book.COMMON_TAG), InPlace("150101"))),
        HasSms(),
    )
)


def _site(stack: ExitStack, contacts: int, deliveries: int, tell: Tell) -> Site:
    port = parts.free_port()
    live = stack.enter_context(stage.installation(base_url=f"http://127.0.0.1:{port}"))
    tell(f"making {contacts} contacts and {deliveries} deliveries")
    filled = book.fill(live, contacts=contacts, deliveries=deliveries)
    programs = stack.enter_context(
        parts.Parts({**stage.environment(live.settings), "OUTREACH_PORT": str(port)}, live.settings.data / "parts.log")
    )
    programs.start("web", "web")
    parts.wait_for(f"{live.settings.base_url}/health")
    postgres = int((live.settings.data / "postgres" / "postmaster.pid").read_text().split()[0])
    return Site(filled, live.settings.base_url, _segment(live), (programs.pid("web"), postgres))


def _segment(live: Stage) -> int:
    with live.connections.sessions(live.agency.id).begin() as session:
        by = stage.person(session, live.agency.id, "writer-segment", "writer")
        return segments.save(session, live.agency.id, name="three levels", rule=RULE, by=by).id


class Taken(NamedTuple):
    """Seconds of one answer, and seconds of CPU that web application and PostgreSQL used for it (the least there was:
    a worker of a parallel plan is gone before it is looked at).
    """

    wall: float
    cpu: float


def _ask_in_turns(
    sites: list[Site], pages: dict[str, Ask], times: int, tell: Tell
) -> dict[str, tuple[list[Taken], ...]]:
    """Page -> what each answer took, site by site."""
    taken: dict[str, tuple[list[Taken], ...]] = {name: tuple([] for _ in sites) for name in pages}
    order = list(pages)
    for number in range(-_WARM, times):
        random.Random(number).shuffle(order)
        for name in order:
            for site, seconds in zip(sites, taken[name], strict=True):
                used, began_at = cpu.seconds(site.pids), time.perf_counter()
                pages[name](site)
                wall = time.perf_counter() - began_at
                if number >= 0:
                    seconds.append(Taken(wall, cpu.seconds(site.pids) - used))
        if number % 10 == 0:
            tell(f"{number} of {times}")
    return taken


def _told(small: list[Taken], large: list[Taken]) -> dict[str, float]:
    def milliseconds(taken: list[Taken], of: str, percent: int) -> float:
        each: list[float] = [getattr(one, of) for one in taken]
        return 1000 * (quantiles(each, n=100, method="inclusive")[percent - 1] if len(each) > 1 else each[0])

    told = {
        f"{name}{end}": milliseconds(taken, of, percent)
        for name, of, percent in (("p95_ms", "wall", 95), ("p50_ms", "wall", 50), ("cpu_ms", "cpu", 50))
        for end, taken in (("", large), ("_against", small))
    }
    rounded = {name: round(value, 1) for name, value in told.items()}
    return (
        {"ratio": round(told["p95_ms"] / told["p95_ms_against"], 2)}
        | {"cpu_ratio": round(told["cpu_ms"] / told["cpu_ms_against"], 2)}
        | rounded
    )
