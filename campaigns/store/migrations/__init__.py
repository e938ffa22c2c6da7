"""Numbered, small steps from one shape of the database to the next; run by the owner role."""
