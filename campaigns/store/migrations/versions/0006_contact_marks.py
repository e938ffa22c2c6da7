"""Words, sectors and tags go with their contact by one trigger instead of a foreign key per row.

A foreign key looked up the contact of every word, a third of what PostgreSQL did in an import; the rows are written
in the statement that makes their contact, so only deleting needs care, and that is done once per statement.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

MARKS = ("contact_word", "contact_sector", "contact_tag")

FORGET = """
CREATE FUNCTION forget_contact_marks() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    DELETE FROM contact_word m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_sector m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_tag m USING gone WHERE m.contact_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER contact_gone AFTER DELETE ON contact REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION forget_contact_marks()
"""


def upgrade() -> None:
    op.execute(FORGET)
    for table in MARKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_contact_id_fkey")


def downgrade() -> None:
    for table in MARKS:
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_contact_id_fkey"
            " FOREIGN KEY (contact_id) REFERENCES contact (id) ON DELETE CASCADE"
        )
    op.execute("DROP TRIGGER contact_gone ON contact")
    op.execute("DROP FUNCTION forget_contact_marks()")
