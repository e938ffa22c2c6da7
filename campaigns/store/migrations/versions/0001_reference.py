"""Agencies, staff and senders, and the reference data every agency reads."""

from alembic import op

from campaigns.store.migrations.security import grant

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE agency (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT DEFAULT 'America/Lima' NOT NULL,
    hours JSONB NOT NULL,
    language TEXT DEFAULT 'es' NOT NULL,
    halted_at TIMESTAMP WITH TIME ZONE,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT agency_pkey PRIMARY KEY (id),
    CONSTRAINT agency_slug_key UNIQUE (slug)
);
CREATE TABLE staff (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    fs_uniquifier TEXT NOT NULL,
    interface_language TEXT,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT staff_pkey PRIMARY KEY (id),
    CONSTRAINT staff_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT staff_email_key UNIQUE (email),
    CONSTRAINT staff_fs_uniquifier_key UNIQUE (fs_uniquifier)
);
CREATE INDEX staff_agency_id ON staff (agency_id);
CREATE TABLE sender (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    key TEXT NOT NULL,
    agency_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    channel TEXT DEFAULT 'sms' NOT NULL,
    provider TEXT NOT NULL,
    address TEXT NOT NULL,
    account TEXT NOT NULL,
    credentials_sealed BYTEA NOT NULL,
    parts_per_second INTEGER DEFAULT '10' NOT NULL,
    in_flight INTEGER DEFAULT '100' NOT NULL,
    provider_answers_stop BOOLEAN DEFAULT false NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT sender_pkey PRIMARY KEY (id),
    CONSTRAINT sender_agency_id_channel_address_key UNIQUE (agency_id, channel, address),
    CONSTRAINT sender_key_key UNIQUE (key),
    CONSTRAINT sender_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id)
);
CREATE INDEX sender_agency_id ON sender (agency_id);
CREATE TABLE place (
    code VARCHAR COLLATE "C" NOT NULL,
    level TEXT NOT NULL,
    name TEXT NOT NULL,
    province TEXT,
    department TEXT NOT NULL,
    CONSTRAINT place_pkey PRIMARY KEY (code)
);
CREATE TABLE place_alias (
    level TEXT NOT NULL,
    alias TEXT NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT place_alias_pkey PRIMARY KEY (level, alias, name)
);
CREATE TABLE sector (
    code VARCHAR COLLATE "C" NOT NULL,
    scheme TEXT NOT NULL,
    name_es TEXT NOT NULL,
    name_en TEXT NOT NULL,
    aliases TEXT[] NOT NULL,
    CONSTRAINT sector_pkey PRIMARY KEY (code)
);
CREATE TABLE language (
    code TEXT NOT NULL,
    autonym TEXT NOT NULL,
    name_es TEXT NOT NULL,
    name_en TEXT NOT NULL,
    direction TEXT DEFAULT 'ltr' NOT NULL,
    babel_locale TEXT NOT NULL,
    macro TEXT,
    aliases TEXT[] NOT NULL,
    enabled BOOLEAN DEFAULT true NOT NULL,
    CONSTRAINT language_pkey PRIMARY KEY (code)
);
CREATE TABLE keyword (
    language TEXT NOT NULL,
    kind TEXT NOT NULL,
    word TEXT NOT NULL,
    enabled BOOLEAN DEFAULT false NOT NULL,
    reader TEXT,
    CONSTRAINT keyword_pkey PRIMARY KEY (language, kind, word)
);
CREATE INDEX keyword_enabled ON keyword (kind) WHERE enabled;
CREATE TABLE official_line (
    code TEXT NOT NULL,
    number TEXT NOT NULL,
    name_es TEXT NOT NULL,
    name_en TEXT NOT NULL,
    what_es TEXT NOT NULL,
    what_en TEXT NOT NULL,
    source TEXT NOT NULL,
    verified_on DATE NOT NULL,
    CONSTRAINT official_line_pkey PRIMARY KEY (code)
);
CREATE TABLE standing_text (
    code TEXT NOT NULL,
    language TEXT NOT NULL,
    body TEXT NOT NULL,
    reader TEXT,
    CONSTRAINT standing_text_pkey PRIMARY KEY (code, language)
);
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in ("place", "place_alias", "sector", "language", "keyword", "official_line", "standing_text"):
        grant(table, "SELECT")
    # Needed before any agency is known, so outside row-level security (DESIGN 10.2).
    for table in ("agency", "staff", "sender"):
        grant(table, "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.execute(
        "DROP TABLE standing_text, official_line, keyword, language, sector, place_alias, place, sender, staff, agency"
    )
