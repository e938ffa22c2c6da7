"""The forms of the settings: the agency with its hours, and a sender with its credentials."""

import re
from typing import Any, Final
from zoneinfo import available_timezones

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Optional, StopValidation

from campaigns import agencies
from campaigns.agencies import Agency, Sender
from campaigns.errors import Invalid
from campaigns.rules import hours
from campaigns.rules.hours import DAYS
from outreach.forms import Form, Whole, choices
from outreach.sentences import sentence

_CLOSED: Final = "closed"
_MIDNIGHT: Final = "24:00"
_START_OF_DAY: Final = "00:00"  # how a browser's time field says midnight, at either end of a day


class Span(Field):
    """One weekday: from when to when, or closed. Three controls of one name; `data` is (opens, closes) or None."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read both times; the day is closed when its box is ticked."""
        times = [text.strip() for text in valuelist if text != _CLOSED]
        self.typed = [*times, "", ""][:2]
        self.data = None if _CLOSED in valuelist else self._span()

    def process_data(self, value: Any) -> None:
        """Show stored hours; a closed day offers the usual ones."""
        self.data = value
        opens, closes = value or ("08:00", "20:00")
        self.typed = [opens, _START_OF_DAY if closes == _MIDNIGHT else closes]

    def pre_validate(self, form: Form) -> None:  # noqa: ARG002 - the library's signature
        """A day that is not closed has both times."""
        if self.data is not None and not all(self.data):
            raise StopValidation(_("Write both times, or tick that nothing is sent on this day."))
        if self.data is not None:
            # Told together with everything else that is wrong, not only once the rest is right.
            try:
                hours.parse({"days": {self.name.removeprefix("hours_"): self.data}})
            except Invalid as problem:
                raise StopValidation(sentence(problem)) from None

    def _span(self) -> list[str]:
        opens, closes = self.typed
        return [opens, _MIDNIGHT if closes == _START_OF_DAY else closes]


class AgencyForm(Form):
    """Name, zone, sending hours, budget and brakes."""

    name = StringField(_l("Name"), validators=[InputRequired(_l("Write a name."))])
    time_zone = SelectField(_l("Time zone"))
    hours_mon = Span()
    hours_tue = Span()
    hours_wed = Span()
    hours_thu = Span()
    hours_fri = Span()
    hours_sat = Span()
    hours_sun = Span()
    holidays = SelectField(_l("Holidays"))
    parts_per_month = Whole(_l("SMS a month, at most"), validators=[Optional()])
    brake_failed = Whole(_l("Per cent that may fail"), validators=[InputRequired(_l("Write a number."))])
    brake_filtered = Whole(_l("Per cent that may be taken for spam"), validators=[InputRequired(_l("Write a number."))])
    cap_messages = Whole(_l("Campaigns to one person, at most"), validators=[Optional()])
    cap_days = Whole(_l("Within so many days"), validators=[Optional()])

    def __init__(self, agency: Agency) -> None:
        stored: dict[str, Any] = dict(agency.hours)
        spans = {f"hours_{day}": (stored.get("days") or {}).get(day) for day in DAYS}
        holidays = stored.get("holidays") or ""
        super().__init__(obj=agency, data={"holidays": holidays, **spans})
        self.time_zone.choices = choices(zones(agency.time_zone))
        self.holidays.choices = choices(
            [("PE", _("Nothing is sent on Peru's national holidays")), ("", _("Holidays are days like any other"))]
        )
        names = get_locale().days["format"]["wide"]
        for number, field in enumerate(self.days):
            field.label.text = names[number].capitalize()

    @property
    def days(self) -> list[Span]:
        """The fields of the week, Monday first."""
        return [self[f"hours_{day}"] for day in DAYS]

    @property
    def hours(self) -> dict[str, Any]:
        """The hours in stored form."""
        open_days = {day: span.data for day, span in zip(DAYS, self.days, strict=True) if span.data is not None}
        return {"days": open_days, "holidays": self.holidays.data or None}

    def filled(self) -> agencies.AgencyForm:
        """What was typed, as the domain takes it."""
        return agencies.AgencyForm(
            name=self.name.data,
            time_zone=self.time_zone.data,
            hours=self.hours,
            parts_per_month=self.parts_per_month.data,
            brake_failed=self.brake_failed.data,
            brake_filtered=self.brake_filtered.data,
            cap_messages=self.cap_messages.data,
            cap_days=self.cap_days.data,
        )


class SenderForm(Form):
    """A number at the provider. The token is written, never shown."""

    name = StringField(_l("Name"), validators=[InputRequired(_l("Write a name."))])
    address = StringField(
        _l("Number or name people see"),
        validators=[InputRequired(_l("Write the number or name."))],
        filters=[lambda text: _plain_address(text or "")],
    )
    account = StringField(
        _l("Account"),
        validators=[InputRequired(_l("Write the account."))],
        filters=[lambda text: (text or "").strip()],
    )
    token = PasswordField(_l("Token"), filters=[lambda text: (text or "").strip()])
    parts_per_second = Whole(_l("Parts per second"), validators=[InputRequired(_l("Write a number."))], default=10)
    in_flight = Whole(_l("Messages at the same time"), validators=[InputRequired(_l("Write a number."))], default=100)
    provider_answers_stop = BooleanField(_l("The provider answers STOP and HELP by itself"))

    def __init__(self, sender: Sender | None = None) -> None:
        super().__init__(obj=sender)
        # A new one cannot do without; an empty one keeps the token that is there.
        self.token.flags.required = sender is None

    def filled(self) -> agencies.SenderForm:
        """What was typed, as the domain takes it."""
        return agencies.SenderForm(
            name=self.name.data,
            address=self.address.data,
            account=self.account.data,
            token=self.token.data or "",
            parts_per_second=self.parts_per_second.data,
            in_flight=self.in_flight.data,
            provider_answers_stop=self.provider_answers_stop.data,
        )


def zones(present: str) -> list[tuple[str, str]]:
    """(name, words) of every time zone that is a city's, Lima first; the one in use whatever it is."""
    names = {name for name in available_timezones() if "/" in name and not name.startswith("Etc/")} | {present}
    return [(name, _city(name)) for name in sorted(names, key=lambda name: (name != "America/Lima", _city(name)))]


def _city(name: str) -> str:
    """`America/Argentina/Salta` as "Salta (Argentina)", `America/Lima` as "Lima"."""
    _continent, *areas, city = name.replace("_", " ").split("/") if "/" in name else ("", name)
    return f"{city} ({areas[0]})" if areas else city


def _plain_address(text: str) -> str:
    # "+51 1 700-0001" is how a console shows it.
    text = text.strip()
    return re.sub(r"[\s().-]", "", text) if re.fullmatch(r"\+?[\d\s().-]+", text) else text
