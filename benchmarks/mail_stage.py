"""What benchmarks of mail stand on besides: a sender at the played server, people with addresses, a campaign."""

from datetime import UTC, datetime

import psycopg

from benchmarks import stage
from benchmarks.stage import Carrier, Stage
from campaigns import authoring, planning, segments
from campaigns.drafts import Draft
from campaigns.rules.channels import Channels
from campaigns.rules.segments import EVERYONE
from campaigns.store.agencies import Sender

ADDRESS, BOUNCE_DOMAIN = "avisos@limanorte.example", "vuelta.limanorte.example"
SUBJECT = "Aviso para {{negocio}}"
BODY = (
    "Hola **{{nombre}}**:\n\nNo pague ni responda a amenazas. Llame gratis al {{linea_111}}, puede ser anónimo.\n\n"
    "- Guarde los mensajes que reciba.\n- No borre los números.\n\nSiempre puede preguntar si un mensaje es nuestro."
)


def address(number: int) -> str:
    """One of many mail addresses."""
    return f"persona{number}@correo.example"


def sender(live: Stage, outside: Carrier, *, connections: int, mails_per_second: int = stage.UNLIMITED) -> int:
    """The id of a mail sender at the played server."""
    vault, agency_id = live.connections.vault, live.agency.id
    with live.connections.sessions(agency_id).begin() as session:
        made = Sender(
            agency_id=agency_id,
            key="benchmark-mail",
            name="benchmark mail",
            channel="email",
            provider="smtp",
            address=ADDRESS,
            account="",
            credentials_sealed=vault.seal("", agency_id),
            parts_per_second=mails_per_second,
            in_flight=connections,
            host="127.0.0.1",
            port=outside.mail_port,
            security="none",
            bounce_domain=BOUNCE_DOMAIN,
        )
        session.add(made)
        session.flush()
        return made.id


def people(live: Stage, number: int) -> None:
    """So many contacts with an address of their own and no mobile, sealed as an import seals them."""
    vault, agency_id = live.connections.vault, live.agency.id
    columns = "agency_id, name_sealed, business_sealed, email_sealed, email_index, language, place_code, legal_ground"
    with (
        psycopg.connect(live.settings.app_url.replace("postgresql+psycopg://", "postgresql://")) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('outreach.agency_id', %s, true)", (str(agency_id),))
        # Nobody may COPY into a table behind row-level security.
        cursor.execute(f"CREATE TEMP TABLE arrived ON COMMIT DROP AS SELECT {columns} FROM contact WITH NO DATA")
        with cursor.copy(f"COPY arrived ({columns}) FROM STDIN") as copy:
            for index in range(number):
                to = address(index)
                sealed = (vault.seal(text, agency_id) for text in (f"Rosa {index}", f"Transportes {index}", to))
                copy.write_row((agency_id, *sealed, vault.address_index(to), "es", "150110", "consent"))
        cursor.execute(f"INSERT INTO contact ({columns}) SELECT * FROM arrived")


def start_campaign(live: Stage, mail_sender: int, *, name: str = "benchmark") -> int:
    """The id of a campaign of mails for everybody, planned, approved and started."""
    now, agency_id = datetime.now(UTC), live.agency.id
    with live.connections.sessions(agency_id).begin() as session:
        writer = stage.person(session, agency_id, f"writer-{name}", "writer")
        campaign_id = authoring.create(session, agency_id, name=name, by=writer).id
        segment = segments.save(session, agency_id, name=name, rule=EVERYONE, by=writer)
        draft = Draft(
            name=name,
            segment_id=segment.id,
            channels=Channels.EMAIL,
            mail_sender_id=mail_sender,
            mails={"es": (SUBJECT, BODY)},
        )
        authoring.change(session, agency_id, campaign_id, draft, by=writer, now=now)
        authoring.submit(session, agency_id, campaign_id, by=writer, now=now)
    planning.plan(live.connections.sessions, agency_id, campaign_id, now=now)
    stage.start_planned(live, campaign_id, name=name)
    return campaign_id
