"""One question of a rule, or several of one kind, as what people do: "read Quechua", "are from Comas or Los Olivos"."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from babel.lists import format_list
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.channels import Channel
from campaigns.rules.roles import Role
from campaigns.rules.segments import (
    Answered,
    Contacted,
    HasEmail,
    HasRole,
    HasSms,
    InPlace,
    InSector,
    InSegment,
    Leaf,
    Reachable,
    Reads,
    Tagged,
)

# In the plural, after "are".
ROLES: Final = {
    Role.OWNER: _l("owners"),
    Role.DRIVER: _l("drivers"),
    Role.FARE_COLLECTOR: _l("fare collectors"),
    Role.DISPATCHER: _l("dispatchers"),
}


@dataclass(frozen=True)
class Names:
    """What codes are called in the reader's language; a code nobody knows is called by itself.

    `people` are those of a line of business, in the plural.
    """

    sectors: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[int, str] = field(default_factory=dict)


class How(Enum):
    """How a clause is said."""

    YES = auto()
    NO = auto()
    LEFT_OUT = auto()  # after "but not those who"


def kind(leaf: Leaf, known: Names) -> object:
    """What leaves have in common that one clause can tell together; each without such company is a kind of its own."""
    if isinstance(leaf, InSector):
        return (InSector, leaf.code in known.people)
    return type(leaf) if isinstance(leaf, InPlace | Reads | Tagged | HasRole | InSegment) else leaf


def clause(leaves: Sequence[Leaf], known: Names, how: How = How.YES) -> str:
    """What people do whom any of these leaves of one kind picks; with NO, those whom none of them picks."""
    no = how is How.NO
    names = _called(leaves, known)
    found = _neither(names) if no else either(names)
    match leaves[0]:
        case InSector(code) if code not in known.people:
            if no:
                return _("are not in the line of business %(sectors)s", sectors=found)
            return _("are in the line of business %(sectors)s", sectors=found)
        case InSector() | HasRole():
            return _("are not %(kinds)s", kinds=found) if no else _("are %(kinds)s", kinds=found)
        case InPlace():
            return _("are not from %(places)s", places=found) if no else _("are from %(places)s", places=found)
        case Reads():
            return _("do not read %(languages)s", languages=found) if no else _("read %(languages)s", languages=found)
        case Tagged():
            return _("do not have the tag %(tags)s", tags=found) if no else _("have the tag %(tags)s", tags=found)
        case InSegment():
            if no:
                return _("are not in the segment %(segments)s", segments=found)
            return _("are in the segment %(segments)s", segments=found)
        case Contacted(days):
            return _contacted(days, how)
        case Answered(days):
            return _answered(days, no)
        case leaf:
            return _reached(leaf, no)


def either(values: Iterable[str]) -> str:
    """Names of which any will do, in one breath."""
    told = format_list(list(values), style="or", locale=get_locale())
    # Spanish says "u" before the sound of an o.
    return re.sub(r" o (?=(?:[hH]?[oOóÓ])[^,]*$)", " u ", told) if get_locale().language == "es" else told


def _neither(values: list[str]) -> str:
    if len(values) < 2:
        return "".join(values)
    # Translators: after "not", so in Spanish "ni".
    return _("%(some)s or %(last)s", some=", ".join(values[:-1]), last=values[-1])


def _called(leaves: Sequence[Leaf], known: Names) -> list[str]:
    found = []
    for leaf in leaves:
        match leaf:
            case InSector(code):
                found.append(known.people.get(code) or known.sectors.get(code, code))
            case InPlace(code):
                found.append(known.places.get(code, code))
            case Reads(code):
                found.append(known.languages.get(code, code))
            case HasRole(role):
                found.append(str(ROLES[role]))
            case Tagged(tag):
                found.append(_("“%(name)s”", name=tag))
            case InSegment(number):
                found.append(_("“%(name)s”", name=known.segments.get(number, str(number))))
    return found


def _contacted(days: int, how: How) -> str:
    if how is How.NO:
        return ngettext(
            "were sent nothing in the last day", "were sent nothing in the last %(days)s days", days, days=days
        )
    if how is How.LEFT_OUT:
        return ngettext(
            "were already sent something in the last day",
            "were already sent something in the last %(days)s days",
            days,
            days=days,
        )
    return ngettext(
        "were sent something in the last day", "were sent something in the last %(days)s days", days, days=days
    )


def _answered(days: int | None, no: bool) -> str:
    if days is None:
        return _("never wrote to us") if no else _("wrote to us at some time")
    if no:
        return ngettext(
            "did not write to us in the last day", "did not write to us in the last %(days)s days", days, days=days
        )
    return ngettext("wrote to us in the last day", "wrote to us in the last %(days)s days", days, days=days)


def _reached(leaf: Leaf, no: bool) -> str:
    match leaf:
        case HasSms():
            return _("have no mobile") if no else _("have a mobile")
        case HasEmail():
            return _("have no e-mail address") if no else _("have an e-mail address")
        case Reachable(Channel.SMS):
            return _("cannot be written to by SMS") if no else _("can be written to by SMS")
    return _("cannot be written to by e-mail") if no else _("can be written to by e-mail")
