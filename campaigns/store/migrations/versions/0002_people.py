"""Contacts, refusals, imports, segments and audit rows, each behind row-level security."""

from alembic import op

from campaigns.store.migrations.security import protect

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE import (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    staff_id BIGINT,
    state TEXT DEFAULT 'waiting' NOT NULL,
    options JSONB NOT NULL,
    size BIGINT DEFAULT '0' NOT NULL,
    rows_done INTEGER DEFAULT '0' NOT NULL,
    bytes_done BIGINT DEFAULT '0' NOT NULL,
    report JSONB,
    failure JSONB,
    leased_until TIMESTAMP WITH TIME ZONE,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT import_pkey PRIMARY KEY (id),
    CONSTRAINT import_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT import_staff_id_fkey FOREIGN KEY(staff_id) REFERENCES staff (id)
);
CREATE INDEX import_agency_id ON import (agency_id);
CREATE TABLE import_chunk (
    agency_id BIGINT NOT NULL,
    import_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    content_sealed BYTEA NOT NULL,
    CONSTRAINT import_chunk_pkey PRIMARY KEY (import_id, number),
    CONSTRAINT import_chunk_import_id_fkey FOREIGN KEY(import_id) REFERENCES import (id) ON DELETE CASCADE
);
CREATE TABLE contact (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    name_sealed BYTEA,
    business_sealed BYTEA,
    phone_sealed BYTEA,
    phone_index BYTEA,
    phone_kind TEXT,
    email_sealed BYTEA,
    email_index BYTEA,
    language TEXT NOT NULL,
    accepts_fallback BOOLEAN DEFAULT true NOT NULL,
    place_code VARCHAR COLLATE "C",
    legal_ground TEXT,
    ground_on DATE,
    import_id BIGINT,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT contact_pkey PRIMARY KEY (id),
    CONSTRAINT contact_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id)
);
CREATE INDEX contact_agency ON contact (agency_id, id);
CREATE INDEX contact_email ON contact (agency_id, email_index) WHERE email_index IS NOT NULL;
CREATE UNIQUE INDEX contact_email_alone
    ON contact (agency_id, email_index)
    WHERE phone_index IS NULL AND email_index IS NOT NULL;
CREATE INDEX contact_language ON contact (agency_id, language);
CREATE UNIQUE INDEX contact_phone ON contact (agency_id, phone_index) WHERE phone_index IS NOT NULL;
CREATE INDEX contact_place ON contact (agency_id, place_code);
CREATE TABLE contact_word (
    agency_id BIGINT NOT NULL,
    word_index BYTEA NOT NULL,
    contact_id BIGINT NOT NULL,
    CONSTRAINT contact_word_pkey PRIMARY KEY (agency_id, word_index, contact_id),
    CONSTRAINT contact_word_contact_id_fkey FOREIGN KEY(contact_id) REFERENCES contact (id) ON DELETE CASCADE
);
CREATE INDEX contact_word_contact_id ON contact_word (contact_id);
CREATE TABLE contact_sector (
    agency_id BIGINT NOT NULL,
    code VARCHAR COLLATE "C" NOT NULL,
    contact_id BIGINT NOT NULL,
    CONSTRAINT contact_sector_pkey PRIMARY KEY (agency_id, code, contact_id),
    CONSTRAINT contact_sector_contact_id_fkey FOREIGN KEY(contact_id) REFERENCES contact (id)
    ON DELETE CASCADE
);
CREATE INDEX contact_sector_contact_id ON contact_sector (contact_id);
CREATE TABLE contact_tag (
    agency_id BIGINT NOT NULL,
    tag VARCHAR COLLATE "C" NOT NULL,
    contact_id BIGINT NOT NULL,
    CONSTRAINT contact_tag_pkey PRIMARY KEY (agency_id, tag, contact_id),
    CONSTRAINT contact_tag_contact_id_fkey FOREIGN KEY(contact_id) REFERENCES contact (id) ON DELETE CASCADE
);
CREATE INDEX contact_tag_contact_id ON contact_tag (contact_id);
CREATE TABLE opt_out (
    agency_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    address_index BYTEA NOT NULL,
    stopped BOOLEAN DEFAULT true NOT NULL,
    source TEXT NOT NULL,
    rule TEXT NOT NULL,
    language TEXT,
    stopped_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT opt_out_pkey PRIMARY KEY (agency_id, channel, address_index),
    CONSTRAINT opt_out_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id)
);
CREATE TABLE segment (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    rule JSONB NOT NULL,
    staff_id BIGINT,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT segment_pkey PRIMARY KEY (id),
    CONSTRAINT segment_agency_id_name_key UNIQUE (agency_id, name),
    CONSTRAINT segment_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT segment_staff_id_fkey FOREIGN KEY(staff_id) REFERENCES staff (id)
);
CREATE TABLE audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    staff_id BIGINT,
    did TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail JSONB,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id),
    CONSTRAINT audit_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT audit_staff_id_fkey FOREIGN KEY(staff_id) REFERENCES staff (id)
);
CREATE INDEX audit_agency ON audit (agency_id, id);
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in (
        "contact",
        "contact_word",
        "contact_sector",
        "contact_tag",
        "segment",
        "import",
        "import_chunk",
    ):
        protect(table, "SELECT, INSERT, UPDATE, DELETE")
    protect("opt_out", "SELECT, INSERT, UPDATE")  # a refusal is never deleted
    protect("audit", "SELECT, INSERT")  # a deed is never changed


def downgrade() -> None:
    op.execute(
        'DROP TABLE audit, segment, opt_out, contact_tag, contact_sector, contact_word, contact, import_chunk, "import"'
    )
