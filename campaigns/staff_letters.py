"""What letters to staff say: news of their campaigns, a way to a new password, an invitation.

Subjects name no campaign, so that a locked phone shows nothing of them, and no letter tells why something happened or
how many it concerned: the page does.
"""

import gettext
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from campaigns.notices import News
from campaigns.staff_mail import Item, StaffLetter

_TRANSLATIONS: Final = Path(__file__).resolve().parent.parent / "translations"


def later(text: str) -> str:
    """Marks a sentence for the catalogues; translated when it is written (see outreach/translations.py)."""
    return text


_HAPPENED: Final = {
    News.STARTED: later("Started"),
    News.LATE: later("Not started: its time passed while the system was not running"),
    News.VOIDED: later("Back to draft: something changed after it was submitted"),
    News.PAUSED: later("Paused"),
    News.BRAKED: later("Paused itself"),
    News.RESUMED: later("Goes on"),
    News.STOPPED: later("Stopped"),
    News.FINISHED: later("Finished"),
    News.TO_APPROVE: later("Waiting for your approval"),
    News.REVEALS_USED_UP: later("Wanted to see more people in full than an hour allows"),
}
_SUBJECTS: Final = {
    News.STARTED: later("A campaign of yours started"),
    News.LATE: later("A campaign of yours did not start"),
    News.VOIDED: later("A campaign of yours is a draft again"),
    News.PAUSED: later("A campaign of yours was paused"),
    News.BRAKED: later("A campaign of yours paused itself"),
    News.RESUMED: later("A campaign of yours goes on"),
    News.STOPPED: later("A campaign of yours was stopped"),
    News.FINISHED: later("A campaign of yours is finished"),
    News.TO_APPROVE: later("A campaign waits for your approval"),
    News.REVEALS_USED_UP: later("Somebody looked at many people"),
}
_AS_RESPONSIBLE: Final = later("You get this because you wrote, approved or may approve the campaign.")
_AS_ADMIN: Final = later("You get this because you administer your agency in Outreach, or answer for a campaign.")


class Words:
    """Sentences in one interface language; the English ones where it has no catalogue."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = _catalogue(language)

    def say(self, text: str, **values: object) -> str:
        """The sentence, its named holes filled."""
        return self._catalogue.gettext(text) % values if values else self._catalogue.gettext(text)


@lru_cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("messages", _TRANSLATIONS, [language], fallback=True)


def news(words: Words, to: str, agency: str, happened: Sequence[tuple[News, str, str]], *, name: str) -> StaffLetter:
    """News, each as (what, the name of the campaign or of whom it is about, its page), oldest first.

    `name` as in StaffLetter.
    """
    subjects = {_SUBJECTS[what] for what, _, _ in happened}
    is_all_campaigns = all(what is not News.REVEALS_USED_UP for what, _, _ in happened)
    general = later("News of your campaigns") if is_all_campaigns else later("News from Outreach")
    why = _AS_RESPONSIBLE if is_all_campaigns else _AS_ADMIN
    return StaffLetter(
        to,
        words.language,
        words.say(subjects.pop() if len(subjects) == 1 else general),
        [words.say(later("%(agency)s, in Outreach:"), agency=agency)],
        items=[Item(campaign, words.say(_HAPPENED[what]), page) for what, campaign, page in happened],
        closing=[words.say(why)],
        name=name,
    )


def reset(words: Words, to: str, link: str) -> StaffLetter:
    """The way to a new password."""
    return StaffLetter(
        to,
        words.language,
        words.say(later("Choose a new password")),
        [words.say(later("Somebody, probably you, asked for a new password for Outreach. Choose it here:"))],
        link=link,
        closing=[
            words.say(later("The link works once, for one hour. It opens your account: give it to nobody.")),
            words.say(later("If you did not ask for this, do nothing; your password stays as it is.")),
        ],
    )


def changed(words: Words, to: str) -> StaffLetter:
    """A new password was set: a warning to whoever did not do that."""
    return StaffLetter(
        to,
        words.language,
        words.say(later("Your password was changed")),
        [words.say(later("The password of your account in Outreach was changed, and every other sign-in was ended."))],
        closing=[words.say(later("If that was not you, tell the person who runs Outreach in your agency at once."))],
    )


def invitation(words: Words, to: str, agency: str, link: str) -> StaffLetter:
    """The way in for somebody new."""
    return StaffLetter(
        to,
        words.language,
        words.say(later("Your access to Outreach")),
        [words.say(later("%(agency)s gave you access to Outreach. Choose your password here:"), agency=agency)],
        link=link,
        closing=[
            words.say(later("The link works for three days, until you have chosen a password. Give it to nobody.")),
            words.say(later("After that you sign in with this e-mail address.")),
        ],
    )


def trial(words: Words, to: str) -> StaffLetter:
    """A letter that proves that letters arrive."""
    return StaffLetter(
        to,
        words.language,
        words.say(later("Outreach can send mail")),
        [words.say(later("If you read this, mails to staff arrive. There is nothing to do."))],
    )
