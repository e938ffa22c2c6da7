"""A segment's rule read back as a sentence, in the reader's language, with the names of places and sectors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from babel.lists import format_list
from flask_babel import get_locale
from flask_babel import gettext as _

from campaigns import reference
from campaigns.rules.segments import (
    AllOf,
    AnyOf,
    HasEmail,
    HasSms,
    InPlace,
    InSector,
    NoneOf,
    Reads,
    Rule,
    Tagged,
    leaves_of,
)
from outreach.i18n import language
from outreach.sessions import Session


@dataclass(frozen=True)
class Names:
    """What codes are called in the reader's language; a code nobody knows is called by itself."""

    sectors: Mapping[str, str]
    places: Mapping[str, str]
    languages: Mapping[str, str]


def names(session: Session, rules: Iterable[Rule]) -> Names:
    """The names that these rules need."""
    codes = {leaf.code for rule in rules for leaf in leaves_of(rule) if isinstance(leaf, InPlace)}
    return Names(sector_names(session), reference.place_names(session, codes), language_names(session))


def sector_names(session: Session) -> dict[str, str]:
    """Code -> name of every line of business."""
    spanish = language() == "es"
    return {row.code: row.name_es if spanish else row.name_en for row in reference.sectors(session)}


def language_names(session: Session) -> dict[str, str]:
    """Code -> name of every language people read."""
    spanish = language() == "es"
    return {row.code: row.name_es if spanish else row.name_en for row in reference.languages(session)}


def tell(rule: Rule, known: Names) -> str:
    """The rule as one sentence."""
    if rule == AllOf():
        return _("Everyone on the list.")
    return _("People %(conditions)s.", conditions=_clause(rule, known))


def _clause(rule: Rule, known: Names) -> str:
    match rule:
        case AllOf(()):
            return _("of any kind")
        case AllOf(rules):
            return _joined([_clause(inner, known) for inner in rules], "standard")
        case AnyOf(rules) | NoneOf(rules) if not (kinds := {type(inner) for inner in rules}) - _LEAVES:
            says_no = isinstance(rule, NoneOf)
            groups = [[leaf for leaf in rules if type(leaf) is kind] for kind in _LEAVES if kind in kinds]
            clauses = [_leaf_clause(group, known, says_no) for group in groups]
            return _joined(clauses, "standard" if says_no else "or")
        case AnyOf(rules):
            return _joined([_clause(inner, known) for inner in rules], "or")
        case NoneOf(rules):
            inner = _joined([_clause(inner, known) for inner in rules], "or")
            return _("who are not (%(conditions)s)", conditions=inner)
        case leaf:
            return _leaf_clause([leaf], known, says_no=False)


# In the order in which a sentence tells them.
_LEAVES = dict.fromkeys([InSector, InPlace, Reads, Tagged, HasSms, HasEmail]).keys()


def _leaf_clause(leaves: list[Rule], known: Names, says_no: bool) -> str:
    """Several leaves of one kind: any of them, or with `says_no` none of them."""
    match leaves[0]:
        case InSector():
            found = _either(known.sectors.get(leaf.code, leaf.code) for leaf in leaves if isinstance(leaf, InSector))
            if says_no:
                return _("whose business is not %(sectors)s", sectors=found)
            return _("whose business is %(sectors)s", sectors=found)
        case InPlace():
            found = _either(known.places.get(leaf.code, leaf.code) for leaf in leaves if isinstance(leaf, InPlace))
            return _("outside %(places)s", places=found) if says_no else _("in %(places)s", places=found)
        case Reads():
            found = _either(
                known.languages.get(leaf.language, leaf.language) for leaf in leaves if isinstance(leaf, Reads)
            )
            if says_no:
                return _("who do not read %(languages)s", languages=found)
            return _("who read %(languages)s", languages=found)
        case Tagged():
            found = _either(_("“%(name)s”", name=leaf.tag) for leaf in leaves if isinstance(leaf, Tagged))
            return _("without the tag %(tags)s", tags=found) if says_no else _("with the tag %(tags)s", tags=found)
        case HasEmail():
            return _("without an e-mail address") if says_no else _("with an e-mail address")
    return _("without a mobile") if says_no else _("with a mobile")


def _either(values: Iterable[str]) -> str:
    return _joined(list(values), "or")


def _joined(values: list[str], style: str) -> str:
    return format_list(values, style=style, locale=get_locale())
