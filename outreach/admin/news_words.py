"""What staff read about news of a campaign they answer for, or of what somebody did."""

from collections.abc import Mapping, Sequence
from typing import Final

from flask import url_for
from flask_babel import lazy_gettext as _l

from campaigns.notices import News, Unseen
from campaigns.reports import Missed
from campaigns.scheduling import EXPIRED
from outreach.admin import campaign_words, message_words

# What happened, in one or two words, and the tone it is shown in (macro `state`).
WHAT: Final = {
    News.STARTED: (_l("Started"), ""),
    News.LATE: (_l("Not started"), "danger"),
    News.VOIDED: (_l("Back to draft"), "danger"),
    News.PAUSED: (_l("Paused"), "waiting"),
    News.BRAKED: (_l("Paused itself"), "danger"),
    News.RESUMED: (_l("Goes on"), ""),
    News.STOPPED: (_l("Stopped"), "danger"),
    News.FINISHED: (_l("Finished"), "done"),
    News.TO_APPROVE: (_l("Waiting for your approval"), "waiting"),
    News.REVEALS_USED_UP: (_l("Reached a limit"), "danger"),
}
_LATE: Final = _l("Its time passed while the system was not running. Somebody has to start it, or take it back.")
_REVEALS: Final = _l(
    "They saw as many people in full within an hour as is allowed, and wanted to see more. See whom and why."
)
_OVER: Final = _l("Its time passed while the system was not running, and now it is over. Take it back.")


def what(news: Unseen) -> tuple[str, str]:
    """The word for what happened, and its tone."""
    word, tone = WHAT[News(news.notice.what)]
    return str(word), tone


def why(news: Unseen, missed: Mapping[int, Sequence[Missed]]) -> str:
    """Why it happened, or what it `missed` to send, by campaign; empty where nothing is to be said."""
    reason = news.notice.reason or ""
    match News(news.notice.what):
        case News.LATE:
            return str(_OVER if reason == EXPIRED else _LATE)
        case News.FINISHED:
            return message_words.missed(missed.get(news.notice.campaign_id or 0, []))
        case News.REVEALS_USED_UP:
            return str(_REVEALS)
        case News.VOIDED:
            return campaign_words.returned(reason)
        case _:
            return campaign_words.paused(reason)


def about(news: Unseen) -> tuple[str, str]:
    """What or whom it is about, and the page that tells more."""
    if news.notice.campaign_id is None:
        return news.staff_name, url_for("reveal.by_staff", staff=news.notice.about_staff_id)
    return news.campaign_name, url_for("campaign.show", campaign_id=news.notice.campaign_id)
