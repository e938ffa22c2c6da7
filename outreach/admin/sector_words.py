"""What people of a line of business are called, so that a segment reads "transport operators" and not a heading."""

from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

# Beginnings of codes that are no line of business themselves; each is offered beside those it stands for.
FAMILIES: Final[dict[str, LazyString]] = {
    "492": _l("All land transport"),
    "47": _l("All retail trade"),
    "56": _l("All restaurants and bars"),
    "85": _l("All schools"),
}

# In the plural, after "are" and before "from Comas". In Spanish masculine: "pero no los que ...".
PEOPLE: Final[dict[str, LazyString]] = {
    "492": _l("transport operators"),
    "47": _l("shopkeepers"),
    "56": _l("restaurant and bar keepers"),
    "85": _l("heads of schools"),
    "4921": _l("urban transport operators"),
    "4922": _l("taxi, mototaxi and other passenger transport operators"),
    "4923": _l("freight transport operators"),
    "5221": _l("keepers of terminals and car parks"),
    "4100": _l("builders"),
    "4210": _l("road builders"),
    "4663": _l("wholesalers of construction materials"),
    "4711": _l("grocers"),
    "4721": _l("food retailers"),
    "4730": _l("fuel station keepers"),
    "4752": _l("hardware shopkeepers"),
    "4771": _l("clothing shopkeepers"),
    "4772": _l("pharmacy keepers"),
    "4781": _l("market traders"),
    "5510": _l("hotel keepers"),
    "5610": _l("restaurant keepers"),
    "5630": _l("bar keepers"),
    "8510": _l("heads of primary schools"),
    "8521": _l("heads of secondary schools"),
    "9602": _l("hairdressers"),
    "4520": _l("vehicle workshop keepers"),
    "9200": _l("casino keepers"),
}
