"""Rules read back as sentences that a person would say, in Spanish and in English."""

import pytest

from campaigns.rules.channels import Channel
from campaigns.rules.roles import Role
from campaigns.rules.segments import (
    EVERYONE,
    AllOf,
    Answered,
    AnyOf,
    Contacted,
    HasEmail,
    HasRole,
    HasSms,
    InPlace,
    InSector,
    InSegment,
    NoneOf,
    Reachable,
    Reads,
    Tagged,
)
from outreach.admin import rule_words
from outreach.admin.rule_clauses import Names
from outreach.admin.sector_words import PEOPLE

COMAS, OLIVOS, QUECHUA, SPANISH = InPlace("150110"), InPlace("150117"), Reads("qu"), Reads("es")
TRANSPORT, BUSES, TAXIS, ROUTE = InSector("492"), InSector("4921"), InSector("4923"), Tagged("ruta 5")
SPOKEN = {
    "es": {"qu": "quechua", "ay": "aimara", "es": "español"},
    "en": {"qu": "Quechua", "ay": "Aymara", "es": "Spanish"},
}

TOLD = [
    (EVERYONE, "Todas las personas de la lista.", "Everyone on the list."),
    (
        AllOf((TRANSPORT, AnyOf((COMAS, OLIVOS)), QUECHUA, NoneOf((Contacted(7),)))),
        "Transportistas de Comas o Los Olivos que leen quechua, pero no los que ya recibieron algo en los últimos 7"
        " días.",
        "Transport operators from Comas or Los Olivos who read Quechua, but not those who were already sent something"
        " in the last 7 days.",
    ),
    (COMAS, "Personas de Comas.", "People from Comas."),
    (QUECHUA, "Personas que leen quechua.", "People who read Quechua."),
    (
        AnyOf((COMAS, QUECHUA)),
        "Personas que son de Comas o leen quechua.",
        "People who are from Comas or read Quechua.",
    ),
    (
        AllOf((AnyOf((BUSES, TAXIS)), HasRole(Role.DRIVER), ROUTE)),
        "Transportistas urbanos o transportistas de carga que son conductores y tienen la etiqueta «ruta 5».",
        "Urban transport operators or freight transport operators who are drivers and have the tag “ruta 5”.",
    ),
    (
        AllOf((AnyOf((HasRole(Role.OWNER), HasRole(Role.DISPATCHER))), COMAS)),
        "Dueños o despachadores de Comas.",
        "Owners or dispatchers from Comas.",
    ),
    (
        AllOf((InPlace("15"), NoneOf((COMAS, OLIVOS, SPANISH, HasEmail())))),
        "Personas de Lima (departamento), pero no las que son de Comas o Los Olivos, ni las que leen español, ni las"
        " que tienen correo electrónico.",
        "People from Lima (department), but not people who are from Comas or Los Olivos, nor people who read Spanish,"
        " nor people who have an e-mail address.",
    ),
    (
        NoneOf((SPANISH,)),
        "Todas las personas de la lista, pero no las que leen español.",
        "Everyone on the list, but not people who read Spanish.",
    ),
    # A choice begins anew, so that "or" takes in no other condition.
    (
        AllOf((TRANSPORT, HasSms(), AnyOf((COMAS, QUECHUA)))),
        "Transportistas que tienen celular, y que además son de Comas o leen quechua.",
        "Transport operators who have a mobile, and who also are from Comas or read Quechua.",
    ),
    (
        AllOf((AnyOf((COMAS, QUECHUA)), AnyOf((HasEmail(), ROUTE)))),
        "Personas que son de Comas o leen quechua, y que además tienen correo electrónico o tienen la etiqueta «ruta"
        " 5».",
        "People who are from Comas or read Quechua, and who also have an e-mail address or have the tag “ruta 5”.",
    ),
    # Alternatives that are whole descriptions.
    (
        AnyOf((AllOf((TRANSPORT, COMAS, NoneOf((SPANISH,)))), AllOf((QUECHUA, HasSms())))),
        "Transportistas de Comas, pero no los que leen español; o bien personas que leen quechua y tienen celular.",
        "Transport operators from Comas, but not those who read Spanish; or else people who read Quechua and have a"
        " mobile.",
    ),
    (
        AllOf((TRANSPORT, AnyOf((AllOf((COMAS, QUECHUA)), AllOf((OLIVOS, NoneOf((SPANISH, ROUTE)))))))),
        "Transportistas que o bien son de Comas y leen quechua, o bien son de Los Olivos, no leen español y no tienen"
        " la etiqueta «ruta 5».",
        "Transport operators who either are from Comas and read Quechua, or else are from Los Olivos, do not read"
        " Spanish, and do not have the tag “ruta 5”.",
    ),
    # Three levels: what lies deeper stands in brackets.
    (
        AllOf((TRANSPORT, AnyOf((AllOf((COMAS, AnyOf((QUECHUA, ROUTE)))), HasEmail())), NoneOf((Answered(30),)))),
        "Transportistas que o bien tienen correo electrónico, o bien son de Comas y (leen quechua o tienen la etiqueta"
        " «ruta 5»), pero no los que nos escribieron en los últimos 30 días.",
        "Transport operators who either have an e-mail address, or else are from Comas and (read Quechua or have the"
        " tag “ruta 5”), but not those who wrote to us in the last 30 days.",
    ),
    (
        AllOf((COMAS, NoneOf((AllOf((QUECHUA, HasSms())), AllOf((SPANISH, AnyOf((ROUTE, HasEmail())))))))),
        "Personas de Comas, pero no las que leen quechua y tienen celular, ni las que leen español y (tienen la"
        " etiqueta «ruta 5» o tienen correo electrónico).",
        "People from Comas, but not people who read Quechua and have a mobile, nor people who read Spanish and (have"
        " the tag “ruta 5” or have an e-mail address).",
    ),
    (
        AnyOf((COMAS, AllOf((QUECHUA, NoneOf((AllOf((ROUTE, HasSms())), Reads("ay"), SPANISH)))))),
        "Personas de Comas; o bien personas que leen quechua, pero no las que leen aimara o español, ni las que tienen"
        " la etiqueta «ruta 5» y tienen celular.",
        "People from Comas; or else people who read Quechua, but not people who read Aymara or Spanish, nor people who"
        " have the tag “ruta 5” and have a mobile.",
    ),
    (
        AllOf((AnyOf((AllOf((COMAS, NoneOf((Reads("ay"), SPANISH, AllOf((ROUTE, HasSms())))))), ROUTE)), HasEmail())),
        "Personas que tienen correo electrónico, y que además o bien tienen la etiqueta «ruta 5», o bien son de Comas,"
        " no leen aimara ni español y no cumplen todo esto a la vez: (tienen la etiqueta «ruta 5» y tienen celular).",
        "People who have an e-mail address, and who also either have the tag “ruta 5”, or else are from Comas, do"
        " not read Aymara or Spanish, and do not fit all of this: (have the tag “ruta 5” and have a mobile).",
    ),
    (
        AllOf((InSegment(4), NoneOf((InSegment(5),)), Reachable(Channel.SMS))),
        "Personas que están en el segmento «Norte» y pueden recibir SMS, pero no las que están en el segmento «Sur».",
        "People who are in the segment “Norte” and can be written to by SMS, but not people who are in the segment"
        " “Sur”.",
    ),
    (
        AllOf((Contacted(1), Answered(1), NoneOf((Answered(), Contacted(1))))),
        "Personas que recibieron algo en el último día y nos escribieron en el último día, pero no las que nos"
        " escribieron alguna vez, ni las que ya recibieron algo en el último día.",
        "People who were sent something in the last day and wrote to us in the last day, but not people who wrote to us"
        " at some time, nor people who were already sent something in the last day.",
    ),
    (AnyOf((COMAS, InPlace("190308"))), "Personas de Comas u Oxapampa.", "People from Comas or Oxapampa."),
    (InPlace("999999"), "Personas de 999999.", "People from 999999."),
    (
        AllOf((InSector("01"), NoneOf((InSector("02"), BUSES)))),
        "Personas que son del rubro 01, pero no las que son del rubro 02, ni las que son transportistas urbanos.",
        "People who are in the line of business 01, but not people who are in the line of business 02, nor people who"
        " are urban transport operators.",
    ),
    (
        AllOf((AnyOf((COMAS,)), AllOf((NoneOf((NoneOf((QUECHUA,)),)),)))),
        "Personas de Comas, pero no las que no leen quechua.",
        "People from Comas, but not people who do not read Quechua.",
    ),
]


def told(app, rule, code):
    places = {"150110": "Comas", "150117": "Los Olivos", "190308": "Oxapampa"}
    with app.test_request_context(f"/?lang={code}"):
        places["15"] = rule_words._place("15", "Lima")
        people = {code: str(name) for code, name in PEOPLE.items()}
        known = Names(places=places, languages=SPOKEN[code], people=people, segments={4: "Norte", 5: "Sur"})
        return rule_words.tell(rule, known)


@pytest.mark.parametrize(("rule", "spanish", "english"), TOLD)
def test_a_rule_is_one_sentence(app, rule, spanish, english):
    assert told(app, rule, "es") == spanish
    assert told(app, rule, "en") == english
