"""Which column of an audience file is which field, by its heading in Spanish or English."""

from collections.abc import Sequence
from enum import StrEnum

from campaigns.rules.spelling import key


class Field(StrEnum):
    """What a column can hold. `ground` says whether, or why, we may write; `agreed_on` is the date of it.

    `ground_source` says where its proof is kept, `ground_text` which version of the text was agreed to.
    """

    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    SECOND_LAST_NAME = "second_last_name"
    BUSINESS = "business"
    SECTOR = "sector"
    PHONE = "phone"
    EMAIL = "email"
    DISTRICT = "district"
    PROVINCE = "province"
    DEPARTMENT = "department"
    LANGUAGE = "language"
    GROUND = "ground"
    AGREED_ON = "agreed_on"
    TAGS = "tags"
    ROLE = "role"
    GROUND_SOURCE = "ground_source"
    GROUND_TEXT = "ground_text"


ADDRESSES = frozenset({Field.PHONE, Field.EMAIL})

# Whole headings, folded. The earlier one wins where two columns claim one field (a mobile before any telephone).
_WHOLE: dict[Field, tuple[str, ...]] = {
    Field.PHONE: (
        "celular", "movil", "telefono movil", "telefono celular", "numero celular", "numero de celular", "n celular",
        "nro celular", "nro de celular", "num celular", "cel", "mobile", "mobile phone", "mobile number",
        "cell phone", "cellphone", "cell", "phone", "phone number", "telephone", "telefono", "numero de telefono",
        "numero telefonico", "nro telefono", "nro de telefono", "n telefono", "telf", "tlf", "fono", "whatsapp",
        "tel", "msisdn", "telefono de contacto", "celular de contacto", "contact number", "telefonos",
        "telefono fijo", "celular 1", "telefono 1", "phone 1", "numero",
    ),
    Field.EMAIL: (
        "correo electronico", "correo", "email", "e mail", "mail", "email address", "e mail address",
        "direccion de correo", "direccion de correo electronico", "correo e", "correo elec", "correos", "emails",
        "correo de contacto", "correo 1", "email 1",
    ),
    Field.NAME: (
        "nombre y apellido", "nombre y apellidos", "nombres y apellidos", "apellidos y nombres", "nombre completo",
        "nombres completos", "full name", "name", "contact name", "nombre del contacto", "nombre de contacto",
        "contacto", "contact", "persona", "persona de contacto", "titular", "propietario", "dueno", "owner",
        "representante", "representante legal", "conductor", "nombre", "nombres",
    ),
    Field.FIRST_NAME: ("first name", "given name", "given names", "forename", "firstname", "primer nombre"),
    Field.LAST_NAME: (
        "last name", "surname", "family name", "lastname", "apellido", "apellidos", "apellido paterno",
        "primer apellido",
    ),
    Field.SECOND_LAST_NAME: ("apellido materno", "segundo apellido", "second surname", "second last name"),
    Field.BUSINESS: (
        "negocio", "empresa", "nombre del negocio", "nombre de la empresa", "nombre comercial", "razon social",
        "business", "business name", "company", "company name", "organisation", "organization", "establecimiento",
        "nombre del establecimiento", "local", "comercio", "institucion", "shop",
    ),
    Field.SECTOR: (
        "rubro", "giro", "sector", "giro del negocio", "rubro del negocio", "actividad", "actividad economica",
        "ciiu", "codigo ciiu", "tipo de negocio", "industry", "line of business", "business type", "trade",
        "activity", "type of business", "rubros", "sectors", "sectores", "isic", "giro comercial", "business sector",
    ),
    Field.DISTRICT: ("distrito", "district", "ubigeo", "distrito del negocio", "codigo ubigeo", "municipio"),
    Field.PROVINCE: ("provincia", "province"),
    Field.DEPARTMENT: ("departamento", "department", "region", "dpto", "depto", "state"),
    Field.LANGUAGE: (
        "idioma", "lengua", "language", "idioma preferido", "lengua materna", "preferred language", "lenguaje",
        "idioma de preferencia", "mother tongue", "lang", "idioma de contacto",
    ),
    Field.GROUND: (
        "acepto recibir mensajes", "acepta recibir mensajes", "acepta mensajes", "consentimiento", "acepta", "acepto",
        "autoriza", "autorizo", "autorizacion", "consent", "opt in", "optin", "accepts messages", "accepted",
        "agreed to receive messages", "accepted messages", "base legal", "legal basis", "legal ground", "permiso",
        "base juridica", "acepta recibir sms", "acepto terminos", "agreed", "accepts", "consented", "permission",
    ),
    Field.AGREED_ON: (
        "fecha de aceptacion", "fecha aceptacion", "fecha de consentimiento", "fecha consentimiento",
        "fecha de autorizacion", "consent date", "date of consent", "accepted on", "acceptance date",
        "date accepted", "agreed on", "consented on", "consent given on", "fecha", "date", "opt in date",
        "fecha de registro", "date of acceptance", "accepted at", "consented at", "consent at",
    ),
    Field.TAGS: ("etiquetas", "etiqueta", "tags", "tag", "labels", "label", "grupo", "grupos", "group", "groups"),
    Field.ROLE: ("cargo", "rol", "funcion", "role", "puesto", "ocupacion", "position", "job title"),
    Field.GROUND_SOURCE: (
        "fuente del consentimiento", "fuente de consentimiento", "origen del consentimiento", "prueba",
        "prueba del consentimiento", "consent source", "source of consent", "proof", "proof of consent",
    ),
    Field.GROUND_TEXT: (
        "version del texto", "texto aceptado", "version del consentimiento", "text version", "consent version",
        "consent text", "agreed text",
    ),
}  # fmt: skip

_RANK = {heading: (field, rank) for field, known in _WHOLE.items() for rank, heading in enumerate(known)}

_AGREES = frozenset({
    "acepta", "acepto", "aceptacion", "consentimiento", "consent", "autoriza", "autorizo", "autorizacion", "accepts",
    "accepted", "agrees", "agreed", "opted", "permiso", "permission", "recibir", "recibe",
})  # fmt: skip

# One telling word inside a longer heading, most telling first: "Fecha en que aceptó" is a date before a consent.
_INSIDE: tuple[tuple[frozenset[str], Field], ...] = (
    (frozenset({"fecha", "date"}), Field.AGREED_ON),
    (frozenset({"fuente", "origen", "source", "medio", "canal", "lugar"}), Field.GROUND_SOURCE),
    (frozenset({"version", "texto", "text", "formulario", "form"}), Field.GROUND_TEXT),
    (_AGREES, Field.GROUND),
    (frozenset({"correo", "email", "mail", "correos"}), Field.EMAIL),
    (frozenset({"celular", "movil", "mobile", "cel", "whatsapp"}), Field.PHONE),
    (frozenset({"telefono", "phone", "telf", "telephone"}), Field.PHONE),
    (frozenset({"rubro", "giro", "ciiu", "sector", "actividad"}), Field.SECTOR),
    (frozenset({"idioma", "lengua", "language"}), Field.LANGUAGE),
    (frozenset({"distrito", "district"}), Field.DISTRICT),
    (frozenset({"provincia", "province"}), Field.PROVINCE),
    (frozenset({"departamento", "department", "region"}), Field.DEPARTMENT),
    (frozenset({"cargo", "rol", "role"}), Field.ROLE),
    (frozenset({"negocio", "empresa", "business", "company", "comercial"}), Field.BUSINESS),
    (frozenset({"materno"}), Field.SECOND_LAST_NAME),
    (frozenset({"apellido", "apellidos", "surname"}), Field.LAST_NAME),
    (frozenset({"nombre", "nombres", "name"}), Field.NAME),
)
_GIVEN = frozenset({"nombre", "nombres"})
_FAMILY = frozenset({"apellido", "apellidos"})
# What a heading must also speak of before its date, place or text is taken for that of a consent.
_PROOF = frozenset({Field.AGREED_ON, Field.GROUND_SOURCE, Field.GROUND_TEXT})
_PROOF_TELLS = frozenset({"acept", "consent", "autoriz", "agree", "accept", "opt"})


def map_headings(headings: Sequence[str]) -> dict[Field, int]:
    """Column numbers, from 0, of the fields recognised; no field and no column twice.

    Where two columns claim one field, a whole known heading beats a telling word inside one, then the order of the
    lists above, then the leftmost. `Nombres` beside `Apellidos` becomes the first name.
    """
    claims = sorted(
        (rank, column, field)
        for column, heading in enumerate(headings)
        if (claim := _claim(key(heading))) is not None
        for field, rank in [claim]
    )
    found: dict[Field, int] = {}
    for _, column, field in claims:
        found.setdefault(field, column)
    if Field.LAST_NAME in found and Field.NAME in found and Field.FIRST_NAME not in found:
        if _says_both(key(headings[found[Field.NAME]])):
            del found[Field.LAST_NAME]
        else:
            found[Field.FIRST_NAME] = found.pop(Field.NAME)
    return found


def _claim(heading: str) -> tuple[Field, int] | None:
    if heading in _RANK:
        return _RANK[heading]
    present = frozenset(heading.split())
    if present & _GIVEN and present & _FAMILY:
        return Field.NAME, 900
    for rank, (telling, field) in enumerate(_INSIDE):
        if present & telling and (field not in _PROOF or any(tell in heading for tell in _PROOF_TELLS)):
            return field, 1000 + rank
    return None


def _says_both(heading: str) -> bool:
    return "apellido" in heading or "completo" in heading or heading == "full name"
